// A virtual device's power supply and boot loader: starts the slot that the boot variables name, sees how it ends, starts
// the next. Everything that it makes is tied to this process, so that kill -9 is no worse than a power cut.
import { appendFile, mkdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, Failure, messageOf, readText, requirePrograms, seconds } from '../platform/platform.ts'
import {
  type Boot,
  type Slot,
  isUnconfirmed,
  nextBoot,
  readBootVariables,
  writeBootVariables,
} from './boot-loader.ts'
import { type DeviceFolder, type FolderOptions, prepareFolder } from './device-folder.ts'
import { lockFolder } from './folder-lock.ts'
import { type DeviceNetwork, openNetwork } from './network.ts'
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

/** Why a start came to its end. */
export type EndOfBoot = 'reboot' | 'power-off' | 'crash' | 'power-cut' | 'watchdog'

export type DeviceEvent = { at: Date } & (
  | { kind: 'boot'; slot: Slot; isTrial: boolean; isFallback: boolean }
  | { kind: 'down'; slot: Slot; why: EndOfBoot; exitStatus: number; afterMs: number }
)

/** A running virtual device. */
export interface VirtualDevice {
  readonly folder: string
  readonly address: string
  /** For `connect`: `ssh://root@address:22`. */
  readonly sshUrl: string
  /** The device's ssh host key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string
  /** Resolves when the device's ssh server answers; throws `device-unreachable` after `limitMs` (60 000 unless given). */
  answers(limitMs?: number): Promise<void>
  /** What happened so far, oldest first. */
  events(): readonly DeviceEvent[]
  /** Takes the power away for a moment; the next start begins at once. Nothing where the device is off. */
  powerCut(): void
  /** Powers the device off and takes everything down that was made for it. May be repeated. */
  stop(): Promise<void>
  /** Resolves when the device is off and everything is gone; rejects where it can't be kept running. */
  readonly done: Promise<void>
}

const programs = ['cp', 'ip', 'losetup', 'mount', 'nsenter', 'pivot_root', 'setpriv', 'ssh-keygen', 'unshare']

/**
 * Starts a virtual device on `options.folder`, which is made where it is missing and continued where it is there. Returns
 * when the power is on; sshd answers some tenths of a second later. An abort of the context powers it off.
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
  const power = new Power({ ...options, folder }, { state, network, slots }, context)
  return power.start(stack.move())
}

interface Parts {
  state: DeviceFolder
  network: DeviceNetwork
  slots: Slots
}

/** So many starts in a row that end at once, with no update to go back from, are a device that can't boot. */
const maxFalseStarts = 5
const falseStartMs = 2000

class Power {
  readonly #options: VirtualDeviceOptions
  readonly #parts: Parts
  readonly #context: Context
  readonly #events: DeviceEvent[] = []
  #running: { pid: number; cut: EndOfBoot | undefined } | undefined
  #isOff = false
  #written: Promise<void> = Promise.resolve()

  constructor(options: VirtualDeviceOptions, parts: Parts, context: Context) {
    this.#options = options
    this.#parts = parts
    this.#context = context
  }

  start(resources: AsyncDisposableStack): VirtualDevice {
    const { network, state } = this.#parts
    const done = this.#runWith(resources)
    done.catch(() => {}) // a caller may only ever stop() it
    const stop = async () => {
      await this.#powerOff()
      await done
    }
    const onAbort = () => void stop().catch(() => {})
    this.#context.signal.addEventListener('abort', onAbort, { once: true })
    if (this.#context.signal.aborted) onAbort()
    const forget = () => this.#context.signal.removeEventListener('abort', onAbort)
    done.then(forget, forget)
    return {
      folder: this.#options.folder,
      address: network.address,
      sshUrl: `ssh://root@${network.address}:22`,
      hostKey: state.hostKey,
      answers: (limitMs = 60_000) => {
        const server = untilSshAnswers({ host: network.address, port: 22 }, this.#context, limitMs)
        // a device that can't be kept running says why
        return Promise.race([server, done.then(() => server)])
      },
      events: () => [...this.#events],
      powerCut: () => this.#cut('power-cut'),
      stop,
      done,
    }
  }

  async #runWith(resources: AsyncDisposableStack): Promise<void> {
    await using _all = resources
    try {
      await this.#run()
    } finally {
      await this.#written
    }
  }

  async #run(): Promise<void> {
    for (let falseStarts = 0; !this.#isOff;) {
      const boot = await this.#nextBoot()
      const end = await this.#boot(boot)
      if (end.why === 'power-off') return
      falseStarts = end.why === 'crash' && end.afterMs < falseStartMs && !boot.isTrial ? falseStarts + 1 : 0
      if (falseStarts >= maxFalseStarts) throw await this.#cannotBoot(boot.slot)
    }
  }

  async #nextBoot(): Promise<Boot> {
    const { data } = this.#parts.state
    const boot = nextBoot((await readBootVariables(data)) ?? {})
    // counted before the start: a power cut at any later moment finds it
    if (boot.isTrial || boot.isFallback) await writeBootVariables(data, boot.variables)
    await this.#parts.slots.untilFree()
    return boot
  }

  async #boot({ slot, isTrial, isFallback }: Boot): Promise<{ why: EndOfBoot; afterMs: number }> {
    const { network, slots } = this.#parts
    const { folder, serial } = this.#options
    const startedAt = performance.now()
    const started = startSlot({
      folder,
      slot,
      devices: slots.devices,
      network: network.namespace,
      hostName: serial,
    })
    const running: { pid: number; cut: EndOfBoot | undefined } = { pid: started.pid, cut: undefined }
    this.#running = running
    this.#tell({ at: new Date(), kind: 'boot', slot, isTrial, isFallback })
    const ended = new AbortController()
    if (isTrial) void this.#watch(ended.signal)
    if (this.#isOff) this.#cut('power-off') // stopped while there was nothing to stop yet
    const { code: exitStatus } = await started.done
    this.#running = undefined
    ended.abort()
    const afterMs = Math.round(performance.now() - startedAt)
    const why = running.cut ?? meaningOf(exitStatus)
    this.#tell({ at: new Date(), kind: 'down', slot, why, exitStatus, afterMs })
    return { why, afterMs }
  }

  /** A system that hangs in its trial never confirms and never reboots: somebody has to pull the plug. */
  async #watch(ended: AbortSignal): Promise<void> {
    try {
      await this.#context.clock.sleep(this.#options.bootTimeoutMs ?? 60_000, ended)
      const variables = (await readBootVariables(this.#parts.state.data)) ?? {}
      if (!ended.aborted && isUnconfirmed(variables)) this.#cut('watchdog')
    } catch (error) {
      if (!ended.aborted) this.#context.log.warn(`the watchdog failed: ${messageOf(error)}`)
    }
  }

  #cut(why: EndOfBoot): void {
    if (!this.#running) return
    this.#running.cut ??= why
    kill(this.#running.pid, 'SIGKILL')
  }

  /** Asks process 1 to power off and cuts the power where it doesn't within some seconds. */
  async #powerOff(): Promise<void> {
    if (this.#isOff) return
    this.#isOff = true
    const running = this.#running
    if (!running) return
    const first = await firstProcess(running.pid)
    if (first !== undefined) kill(first, 'SIGUSR1')
    for (let waitedMs = 0; this.#running === running && waitedMs < 3000; waitedMs += 20)
      await this.#context.clock.sleep(20)
    this.#cut('power-off')
  }

  #tell(event: DeviceEvent): void {
    this.#events.push(event)
    const { folder, serial } = this.#options
    this.#context.log.info(`${serial}: ${lineOf(event)}`)
    this.#written = this.#written
      .then(() => appendFile(join(folder, 'events'), `${JSON.stringify(event)}\n`))
      .catch((error: unknown) =>
        this.#context.log.warn(`can't write the device's events: ${messageOf(error)}`),
      )
  }

  async #cannotBoot(slot: Slot): Promise<Failure> {
    const text = await readText(consoleOf(this.#options.folder), 16 << 20).catch(() => '')
    const said = text.trim().split('\n').slice(-3).join(' / ') || 'nothing'
    return new Failure(
      'device-unreachable',
      `slot ${slot} of the virtual device in ${this.#options.folder} doesn't boot. Its console says: ${said}`,
    )
  }
}

function lineOf(event: DeviceEvent): string {
  if (event.kind === 'down') return `down after ${seconds(event.afterMs)} (${event.why})`
  const how = event.isFallback
    ? ', back from an update that was not confirmed'
    : event.isTrial
      ? ', on trial'
      : ''
  return `boots slot ${event.slot}${how}`
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
