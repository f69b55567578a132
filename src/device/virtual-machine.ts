// A virtual device with a kernel of its own: a machine in QEMU, of this machine's architecture or another one. It takes the
// same images as a device in namespaces, needs no root, and keeps its state in a folder of the same form.
import { mkdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, Failure, isLoopback, requirePrograms } from '../platform/platform.ts'
import { chooseAccelerator } from './accelerator.ts'
import { type Slot, nextBoot } from './boot-loader.ts'
import { consoleTail } from './console-tail.ts'
import { lockFolder } from './folder-lock.ts'
import { forward } from './forward.ts'
import { kernelOf } from './image-kernel.ts'
import { type Architecture, type FileSystemPlace, architectureOf, isInImage } from './image-reader.ts'
import { makeInitrd, writeInitrd } from './initrd.ts'
import { type FetchedKernel, fetchedKernel } from './kernel-package.ts'
import { type MachineDisks, prepareDisks } from './machine-disks.ts'
import { crashMark } from './machine-init.ts'
import type { Board, PowerOn } from './power.ts'
import { type Accelerator, type Machine, machineConsole, qemuOf, startMachine } from './qemu.ts'
import { type VirtualDevice, type VirtualDeviceOptions, poweredDevice } from './virtual-device.ts'

export interface VirtualMachineOptions extends VirtualDeviceOptions {
  /** 512 unless given. */
  memoryMiB?: number
}

/**
 * Starts a virtual machine on `options.folder`, which is made where it is missing and continued where it is there. Returns
 * when the power is on; how long the system takes then depends on whether KVM works. An abort of the context powers it off.
 * Throws `missing-tool`, `device-busy` (the folder is in use), `bad-input`, `file-missing`, `invalid-file`, `disk-full`.
 */
export async function startVirtualMachine(
  options: VirtualMachineOptions,
  context: Context,
): Promise<VirtualDevice> {
  requirePrograms(['cp', 'debugfs', 'e2fsck', 'mke2fs', 'setpriv', 'sfdisk', 'ssh-keygen'])
  await mkdir(options.folder, { recursive: true, mode: 0o700 })
  const folder = await realpath(options.folder)
  await using stack = new AsyncDisposableStack()
  const lock = await lockFolder(folder)
  stack.defer(() => lock.release())
  const given = { ...options, folder, serverUrl: serverUrlInside(options.serverUrl) }
  const { state, disks } = await prepareDisks(given, context)
  const hardware = await prepareHardware(folder, disks, context)
  // one port for all starts: a new QEMU gets new ones
  const to = { host: '127.0.0.1', port: 0 }
  const way = await forward({ host: '127.0.0.1', port: 0 }, to)
  stack.defer(() => way.close())
  const { architecture, accelerator } = hardware
  context.log.info(
    `virtual machine ${options.serial}: ${architecture}, ${accelerator}, state in ${folder}, ssh on 127.0.0.1:${way.port}`,
  )
  const access = {
    authorizedKey: options.authorizedKey ?? '',
    hostKey: await readFile(join(state.data, 'ssh/ssh_host_ed25519_key'), 'utf8'),
  }
  const board = boardOf({ ...options, folder, disks, hardware, access, to, context })
  const at = { host: '127.0.0.1', port: way.port }
  return poweredDevice({ ...options, folder, at, hostKey: state.hostKey }, board, stack.move(), context)
}

interface Hardware {
  architecture: Architecture
  accelerator: Accelerator
  /** The kernel for images that have none, and the busybox. */
  fetched: FetchedKernel
}

async function prepareHardware(folder: string, disks: MachineDisks, context: Context): Promise<Hardware> {
  const slot = await firstGoodSlot(disks)
  const scratch = join(folder, 'boot')
  await mkdir(scratch, { recursive: true })
  const architecture = await architectureOf(disks.rootOf(slot), join(scratch, 'program'))
  requirePrograms([qemuOf[architecture]])
  const fetched = await fetchedKernel(architecture, context)
  const base = await makeInitrd(fetched.busybox, fetched.modules)
  const accelerator = await chooseAccelerator(architecture, { kernel: fetched.image, base }, context)
  return { architecture, accelerator, fetched }
}

/** A slot to tell the architecture by: the other one may hold an update that went wrong, or nothing yet. */
async function firstGoodSlot(disks: MachineDisks): Promise<Slot> {
  const { slot } = nextBoot(await disks.variables())
  const other = slot === 2 ? 3 : 2
  return (await holdsSystem(disks.rootOf(slot))) || !(await holdsSystem(disks.rootOf(other))) ? slot : other
}

async function holdsSystem(place: FileSystemPlace): Promise<boolean> {
  try {
    return await isInImage(place, '/etc')
  } catch (error) {
    if (error instanceof Failure && error.reason === 'invalid-file') return false
    throw error
  }
}

interface Parts extends VirtualMachineOptions {
  disks: MachineDisks
  hardware: Hardware
  access: { authorizedKey: string; hostKey: string }
  /** Where ssh connections go: set at each start. */
  to: { port: number }
  context: Context
}

function boardOf(parts: Parts): Board {
  const { folder, disks } = parts
  const console = machineConsole(folder)
  return {
    variables: () => disks.variables(),
    setVariables: (variables) => disks.setVariables(variables),
    powerOn: async (slot) => {
      const consoleFrom = await stat(console).then(
        ({ size }) => size,
        () => 0,
      )
      return powerOf(await startOn(slot, parts), () => consoleTail(console, consoleFrom))
    },
    console: () => consoleTail(console),
    falseStarts: { max: 2, withinMs: 120_000 },
  }
}

async function startOn(slot: Slot, parts: Parts): Promise<Machine> {
  const { folder, disks, hardware, serial, access, to } = parts
  const { architecture, accelerator, fetched } = hardware
  const root = disks.rootOf(slot)
  const holds = await holdsSystem(root)
  // the slot's own kernel: an update may have brought another one
  const own = holds ? await kernelOf(root, join(folder, 'boot')) : undefined
  const kernel = own ?? fetched
  parts.context.log.info(`${serial}: kernel ${kernel.name}${own ? ", the image's own" : ''}`)
  // such a system takes its keys from /data
  const usesOwnServer = holds && (await isInImage(root, '/usr/sbin/virtual-init'))
  const initrd = join(folder, 'initrd')
  const parameters = { disks: disks.disks.length, slot: root.number, data: disks.data ?? '', name: serial }
  await writeInitrd(initrd, await makeInitrd(fetched.busybox, kernel.modules), parameters, access)
  to.port = 0
  const machine = await startMachine({
    folder,
    architecture,
    accelerator,
    kernel: kernel.image,
    initrd,
    commandLine: `root=/dev/mmcblk0p${root.number} rw`,
    disks: disks.disks,
    isAlone: parts.serverUrl === undefined,
    memoryMiB: parts.memoryMiB ?? 512,
  })
  machine.ports.then(
    ({ ssh, access: ours }) => (to.port = usesOwnServer ? ssh : ours),
    () => {}, // it ended, which its end tells
  )
  return machine
}

function powerOf(machine: Machine, console: () => Promise<string>): PowerOn {
  return {
    done: machine.done.then(async ({ exitStatus, reason }) => ({
      meaning: await meaningOf(reason, console),
      exitStatus,
    })),
    cut: () => machine.kill(),
  }
}

/** A crash ends in a reset, as a reboot does: only the console tells them apart. */
async function meaningOf(
  reason: string | undefined,
  console: () => Promise<string>,
): Promise<'reboot' | 'power-off' | 'crash'> {
  if (reason === 'guest-shutdown') return 'power-off'
  if (reason !== 'guest-reset') return 'crash'
  const said = await console()
  return said.includes('Kernel panic - not syncing') || said.includes(crashMark) ? 'crash' : 'reboot'
}

/** The server's URL as the machine has to use it: this machine's loopback is 10.0.2.2 inside. Throws `bad-input`. */
function serverUrlInside(serverUrl: string | undefined): string | undefined {
  if (serverUrl === undefined) return undefined
  const url = URL.parse(serverUrl)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new Failure('bad-input', `the server's URL is "${serverUrl}": write http://… or https://…`)
  if (isLoopback(url.hostname)) url.hostname = '10.0.2.2'
  return url.href.replace(/\/+$/, '')
}
