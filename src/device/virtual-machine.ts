// A virtual device with a kernel of its own: a machine in QEMU, of this machine's architecture or another one. It takes the
// same images as a device in namespaces, needs no root, and keeps its state in a folder of the same form.
import { mkdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, Failure, isLoopback, requirePrograms } from '../platform/platform.ts'
import { chooseAccelerator } from './accelerator.ts'
import { type Slot, firstVariables } from './boot-loader.ts'
import { consoleTail } from './console-tail.ts'
import { makeDataDisk, readVariables, updateDataDisk, writeVariables } from './data-disk.ts'
import { prepareFolder } from './device-folder.ts'
import { lockFolder } from './folder-lock.ts'
import { forward } from './forward.ts'
import { kernelOf } from './image-kernel.ts'
import { type Architecture, architectureOf, isInImage } from './image-reader.ts'
import { makeInitrd, writeInitrd } from './initrd.ts'
import { fetchedKernel } from './kernel-package.ts'
import { crashMark } from './machine-init.ts'
import type { Board, PowerOn } from './power.ts'
import { type Accelerator, type Disk, type Machine, machineConsole, qemuOf, startMachine } from './qemu.ts'
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
  requirePrograms(['cp', 'debugfs', 'e2fsck', 'mke2fs', 'setpriv', 'ssh-keygen'])
  await mkdir(options.folder, { recursive: true, mode: 0o700 })
  const folder = await realpath(options.folder)
  await using stack = new AsyncDisposableStack()
  const lock = await lockFolder(folder)
  stack.defer(() => lock.release())
  const state = await prepareFolder({ ...options, folder }, context)
  await state.setServer(serverUrlInside(options.serverUrl))
  const dataDisk = join(folder, 'data.img')
  await makeDataDisk(dataDisk, state.data)
  await updateDataDisk(dataDisk, state.data, await givenFiles(state.data))
  const hardware = await prepareHardware(folder, state.slots[0], context)
  // one port for all starts: a new QEMU gets new ones
  const to = { host: '127.0.0.1', port: 0 }
  const way = await forward({ host: '127.0.0.1', port: 0 }, to)
  stack.defer(() => way.close())
  const { architecture, accelerator } = hardware
  context.log.info(
    `virtual machine ${options.serial}: ${architecture}, kernel ${hardware.kernelName}, ${accelerator}, state in ${folder}`,
  )
  const access = {
    authorizedKey: options.authorizedKey ?? '',
    hostKey: await readFile(join(state.data, 'ssh/ssh_host_ed25519_key'), 'utf8'),
  }
  const board = boardOf({
    ...options,
    folder,
    data: state.data,
    slots: state.slots,
    dataDisk,
    hardware,
    access,
    to,
  })
  const at = { host: '127.0.0.1', port: way.port }
  return poweredDevice({ ...options, folder, at, hostKey: state.hostKey }, board, stack.move(), context)
}

interface Hardware {
  architecture: Architecture
  accelerator: Accelerator
  kernel: string
  kernelName: string
  base: Buffer
  /** Whether the image's own ssh server lets our key in: it takes its keys from /data. */
  usesOwnServer: boolean
}

async function prepareHardware(folder: string, image: string, context: Context): Promise<Hardware> {
  const scratch = join(folder, 'boot')
  await mkdir(scratch, { recursive: true })
  const place = { path: image, offset: 0 }
  const architecture = await architectureOf(place, join(scratch, 'program'))
  requirePrograms([qemuOf[architecture]])
  const fetched = await fetchedKernel(architecture, context)
  const kernel = (await kernelOf(place, scratch)) ?? fetched
  const base = await makeInitrd(fetched.busybox, kernel.modules)
  const accelerator = await chooseAccelerator(architecture, { kernel: kernel.image, base }, context)
  const usesOwnServer = await isInImage(place, '/usr/sbin/virtual-init')
  return { architecture, accelerator, kernel: kernel.image, kernelName: kernel.name, base, usesOwnServer }
}

interface Parts extends VirtualMachineOptions {
  data: string
  slots: readonly [string, string]
  dataDisk: string
  hardware: Hardware
  access: { authorizedKey: string; hostKey: string }
  /** Where ssh connections go: set at each start. */
  to: { port: number }
}

function boardOf(parts: Parts): Board {
  const { folder, dataDisk, data } = parts
  const console = machineConsole(folder)
  return {
    variables: async () => (await readVariables(dataDisk)) ?? firstVariables,
    setVariables: (variables) => writeVariables(dataDisk, data, variables),
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
  const { folder, slots, dataDisk, hardware, serial, access, to } = parts
  const initrd = join(folder, 'initrd')
  const disks: Disk[] = [...slots, dataDisk].map((path, index) => ({
    path,
    format: 'raw',
    serial: `p${index + 2}`,
  }))
  await writeInitrd(initrd, hardware.base, { disks: disks.length, slot, data: 4, name: serial }, access)
  to.port = 0
  const machine = await startMachine({
    folder,
    architecture: hardware.architecture,
    accelerator: hardware.accelerator,
    kernel: hardware.kernel,
    initrd,
    commandLine: `root=/dev/mmcblk0p${slot} rw`,
    disks,
    isAlone: parts.serverUrl === undefined,
    memoryMiB: parts.memoryMiB ?? 512,
  })
  machine.ports.then(
    ({ ssh, access: ours }) => (to.port = hardware.usesOwnServer ? ssh : ours),
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
    // pulling the plug is as good: what the system has made safe is in its disks' files
    askToPowerOff: async () => machine.kill(),
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

/** What is given anew at each start; everything else on the data partition is the device's. */
async function givenFiles(data: string): Promise<string[]> {
  const names = [
    'serial',
    'mender/mender.conf',
    'mender/device_type',
    'ssh/authorized_keys',
    'mender/artifact-verify-key.pem',
  ]
  const exist = await Promise.all(
    names.map((name) =>
      stat(join(data, name)).then(
        () => true,
        () => false,
      ),
    ),
  )
  return names.filter((_, index) => exist[index])
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
