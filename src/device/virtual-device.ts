// A virtual device on this machine's own kernel: namespaces, loop devices and a cable. Everything that it makes is tied to
// this process, so that kill -9 is no worse than a power cut.
import { mkdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type Context,
  Failure,
  machineArch,
  openForeign,
  readText,
  requirePrograms,
} from '../platform/platform.ts'
import { nextBoot, readBootVariables, writeBootVariables } from './boot-loader.ts'
import { type DeviceFolder, type FolderOptions, prepareFolder } from './device-folder.ts'
import { lockFolder } from './folder-lock.ts'
import { type DeviceNetwork, openNetwork } from './network.ts'
import { type Board, type DeviceEvent, Power } from './power.ts'
import { architectureOf } from './image-reader.ts'
import { openServerLink } from './server-link.ts'
import { consoleOf, installStageOne, meaningOf, startSlot } from './slot-process.ts'
import { type Slots, attachSlots } from './slots.ts'
import { untilSshAnswers } from './ssh-banner.ts'

export interface VirtualDeviceOptions extends FolderOptions {
  /** The OTA server, an http URL; the device reaches it and nothing else outside. */
  serverUrl?: string
  /** How long a started update may stay unconfirmed before the power is cut; 60 000 unless given. */
  bootTimeoutMs?: number
}

/** A running virtual device. */
export interface VirtualDevice {
  readonly folder: string
  readonly address: string
  /** For `connect`: `ssh://root@address:port`. */
  readonly sshUrl: string
  /** The device's ssh host key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string
  /** Resolves when the device's ssh server answers; throws `device-unreachable` after `limitMs` (60 000 unless given). */
  answers(limitMs?: number): Promise<void>
  /** What happened so far, oldest first. */
  events(): readonly DeviceEvent[]
  /** What the console says, or the last megabytes of it. */
  console(): Promise<string>
  /** Takes the power away for a moment; the next start begins at once. Nothing where the device is off. */
  powerCut(): void
  /** Powers the device off and takes everything down that was made for it. May be repeated. */
  stop(): Promise<void>
  /** Resolves when the device is off and everything is gone; rejects where it can't be kept running. */
  readonly done: Promise<void>
}

const programs = [
  'cp',
  'debugfs',
  'ip',
  'losetup',
  'mount',
  'nsenter',
  'pivot_root',
  'setpriv',
  'ssh-keygen',
  'unshare',
]

/**
 * Starts a virtual device on `options.folder`, which is made where it is missing and continued where it is there. Returns
 * when the power is on; sshd answers some tenths of a second later. An abort of the context powers it off.
 * An image of another architecture runs under an emulator that the kernel is told of while the device is there.
 * Throws `missing-rights`, `missing-tool`, `device-busy` (the folder is in use), `bad-input`, `file-missing`, `disk-full`.
 */
export async function startVirtualDevice(
  options: VirtualDeviceOptions,
  context: Context,
): Promise<VirtualDevice> {
  if (process.getuid?.() !== 0)
    throw new Failure(
      'missing-rights',
      'a virtual device needs root, for namespaces and loop devices: use sudo',
    )
  requirePrograms(programs)
  await mkdir(options.folder, { recursive: true, mode: 0o700 })
  const folder = await realpath(options.folder)
  await using stack = new AsyncDisposableStack()
  const lock = await lockFolder(folder)
  stack.defer(() => lock.release())
  const state = await prepareFolder({ ...options, folder }, context)
  stack.use(await openForeign(await programsOf(state), context))
  const network = await openNetwork(context)
  stack.defer(() => network.close())
  const link = await openServerLink(options.serverUrl, network.hostAddress)
  stack.defer(() => link.close())
  await state.setServer(link.url)
  const slots = await attachSlots(state.slots, context)
  stack.defer(() => slots.close())
  await installStageOne(folder)
  await trimConsole(folder)
  context.log.info(`virtual device ${options.serial}: ${network.address}, state in ${folder}`)
  const board = boardOf({ folder, hostName: options.serial, state, network, slots })
  const at = { host: network.address, port: 22 }
  return poweredDevice({ ...options, folder, at, hostKey: state.hostKey }, board, stack.move(), context)
}

/** Turns the power of a device on that is made of `board` and reached `at` an address. `resources` go when it is off. */
export function poweredDevice(
  options: {
    folder: string
    serial: string
    bootTimeoutMs?: number
    hostKey: string
    at: { host: string; port: number }
  },
  board: Board,
  resources: AsyncDisposableStack,
  context: Context,
): VirtualDevice {
  const { folder, serial, hostKey, at, bootTimeoutMs = 60_000 } = options
  const power = new Power({ folder, serial, bootTimeoutMs }, board, context)
  const done = power.run(resources)
  done.catch(() => {}) // a caller may only ever stop() it
  return {
    folder,
    address: at.host,
    sshUrl: `ssh://root@${at.host}:${at.port}`,
    hostKey,
    answers: async (limitMs = 60_000) => {
      const ended = new AbortController()
      const signal = AbortSignal.any([context.signal, ended.signal])
      const server = untilSshAnswers(at, { ...context, signal }, limitMs)
      try {
        // a device that can't be kept running says why
        await Promise.race([server, done.then(() => server)])
      } finally {
        ended.abort() // nobody waits for its server any more
        await server.catch(() => {})
      }
    },
    events: () => power.events,
    console: () => board.console(),
    powerCut: () => power.cut(),
    stop: async () => {
      await power.off()
      await done
    },
    done,
  }
}

/** What machine the device's programs are for. What can't be told will show when they are started. */
async function programsOf({ slots, data }: DeviceFolder): Promise<string> {
  const slot = nextBoot((await readBootVariables(data)) ?? {}).slot
  const path = slots[slot - 2] ?? slots[0]
  try {
    return await architectureOf({ path, offset: 0 }, join(dirname(data), 'program'))
  } catch (error) {
    if (error instanceof Failure && ['bad-input', 'invalid-file'].includes(error.reason)) return machineArch()
    throw error
  }
}

interface Parts {
  folder: string
  hostName: string
  state: DeviceFolder
  network: DeviceNetwork
  slots: Slots
}

function boardOf({ folder, hostName, state, network, slots }: Parts): Board {
  return {
    variables: () => readBootVariables(state.data),
    setVariables: (variables) => writeBootVariables(state.data, variables),
    powerOn: async (slot) => {
      await slots.untilFree()
      const started = startSlot({
        folder,
        slot,
        devices: slots.devices,
        network: network.namespace,
        hostName,
      })
      return {
        done: started.done.then(({ code }) => ({ meaning: meaningOf(code), exitStatus: code })),
        askToPowerOff: async () => {
          const first = await firstProcess(started.pid)
          if (first !== undefined) kill(first, 'SIGUSR1')
        },
        cut: () => kill(started.pid, 'SIGKILL'),
      }
    },
    console: () => readText(consoleOf(folder), 16 << 20),
    falseStarts: { max: 5, withinMs: 2000 },
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it is gone already
  }
}

/** Process 1 of the device, by its id out here: the one child of `unshare`. */
async function firstProcess(pid: number): Promise<number | undefined> {
  const children = await readText(`/proc/${pid}/task/${pid}/children`).catch(() => '')
  const [first] = children.trim().split(' ').filter(Boolean)
  return first === undefined ? undefined : Number(first)
}

async function trimConsole(folder: string): Promise<void> {
  const path = consoleOf(folder)
  const size = await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
  if (size > 1 << 20) await rename(path, `${path}.old`).catch(() => rm(path, { force: true }))
}
