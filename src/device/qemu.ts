// One start of a virtual machine, from power-on to the end of QEMU.
import { join } from 'node:path'
import { availableParallelism } from 'node:os'
import { Failure, lastWords } from '../platform/platform.ts'
import type { Architecture } from './image-reader.ts'
import { accessPort } from './machine-init.ts'
import { monitorName, openMonitor } from './qmp.ts'
import { startTied } from './tied.ts'

export type Accelerator = 'kvm' | 'tcg'

export interface Disk {
  path: string
  format: 'raw' | 'qcow2'
  /** What the machine knows it by: `p2` is partition 2, `disk` a disk with partitions. */
  serial: string
}

export interface MachineOptions {
  /** Its own: the monitor's socket and the console are in it. */
  folder: string
  architecture: Architecture
  accelerator: Accelerator
  kernel: string
  initrd: string
  /** Added to the kernel's command line. */
  commandLine: string
  disks: readonly Disk[]
  /** Whether the machine can reach nothing but who connects to it. */
  isAlone: boolean
  memoryMiB: number
}

export interface Machine {
  /** Ports of 127.0.0.1 that lead to the image's ssh server and to ours. */
  ports: Promise<{ ssh: number; access: number }>
  /** Resolves when QEMU has ended: its status, what it said, and what the guest asked for (see Monitor.ended). */
  done: Promise<{ exitStatus: number; said: string; reason: string | undefined }>
  /** Ends it at once. */
  kill(): void
}

export const qemuOf: Readonly<Record<Architecture, string>> = {
  amd64: 'qemu-system-x86_64',
  arm64: 'qemu-system-aarch64',
}

const console = 'console'

/** Where a machine's console output goes. */
export const machineConsole = (folder: string) => join(folder, console)

/** Starts a machine. A guest's reboot ends it. It dies with this process. Throws `missing-tool`. */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const monitor = await openMonitor(options.folder)
  const started = startTied(qemuOf[options.architecture], words(options), { cwd: options.folder })
  const done = started.done.then(async ({ code, stdout, stderr }) => {
    // where QEMU never came as far as the monitor, nothing would tell
    const reason = code === 0 ? await monitor.ended : undefined
    await monitor.close()
    return { exitStatus: code, said: lastWords(stderr || stdout, 'QEMU', code), reason }
  })
  const failed = done.then(({ said }) => {
    throw new Failure('device-unreachable', `QEMU ended before the machine ran: ${said}`)
  })
  failed.catch(() => {})
  const ports = Promise.race([monitor.human('info usernet'), failed]).then(portsIn)
  ports.catch(() => {})
  const kill = () => {
    try {
      process.kill(-started.pid, 'SIGKILL')
    } catch {
      // it is gone already
    }
  }
  return { ports, done, kill }
}

// a line for each forward: TCP[HOST_FORWARD] 12 127.0.0.1 34567 10.0.2.15 22 0 0
function portsIn(text: string): { ssh: number; access: number } {
  const forwards = [...text.matchAll(/HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)/g)]
  const portTo = (port: number) => Number(forwards.find(([, , to]) => Number(to) === port)?.[1] ?? Number.NaN)
  return { ssh: portTo(22), access: portTo(accessPort) }
}

const hardware = {
  amd64: {
    // what newer processors have beside it, emulation makes slower and not faster
    tcg: ['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'Nehalem'],
    kvm: ['-machine', 'q35', '-accel', 'kvm', '-cpu', 'host'],
    console: 'ttyS0',
  },
  arm64: {
    tcg: ['-machine', 'virt', '-accel', 'tcg,thread=multi', '-cpu', 'cortex-a72'],
    kvm: ['-machine', 'virt', '-accel', 'kvm', '-cpu', 'host'],
    console: 'ttyAMA0',
  },
} as const

/** What protects from others on the same processor, and tests of it, cost an emulated one seconds. */
const haste = 'mitigations=off nokaslr cryptomgr.notests no_timer_check random.trust_cpu=on '

function words(options: MachineOptions): string[] {
  const { architecture, accelerator, kernel, initrd, commandLine, disks, isAlone, memoryMiB } = options
  const { [accelerator]: machine, console: tty } = hardware[architecture]
  const forwards = [22, accessPort].map((port) => `,hostfwd=tcp:127.0.0.1:0-:${port}`).join('')
  const groups: (readonly string[])[] = [
    machine,
    ['-smp', String(Math.min(2, availableParallelism())), '-m', String(memoryMiB)],
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ['-chardev', `file,id=console,path=${console},append=on`, '-serial', 'chardev:console'],
    ['-chardev', `socket,id=monitor,path=${monitorName}`, '-mon', 'chardev=monitor,mode=control'],
    ['-kernel', kernel, '-initrd', initrd],
    // a panic ends it; names of interfaces as they were found
    [
      '-append',
      `console=${tty} quiet panic=-1 net.ifnames=0 ${accelerator === 'tcg' ? haste : ''}${commandLine}`,
    ],
    ...disks.flatMap(({ path, format, serial }, index) => [
      // flushed to this machine's memory, not its disk: only the end of this machine could lose anything
      ['-drive', `if=none,id=disk${index},file=${escaped(path)},format=${format},cache=unsafe,discard=unmap`],
      ['-device', `virtio-blk-pci,drive=disk${index},serial=${serial}`],
    ]),
    ['-netdev', `user,id=net${isAlone ? ',restrict=on' : ''}${forwards}`],
    ['-device', 'virtio-net-pci,netdev=net,romfile='],
    ['-device', 'virtio-rng-pci'],
  ]
  return groups.flat()
}

// a comma ends a value in QEMU's options, two are one
const escaped = (path: string) => path.replaceAll(',', ',,')
