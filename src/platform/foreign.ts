// Programs of another architecture, run by qemu-user: the kernel has to know the emulator, and shall forget it afterwards.
import { existsSync } from 'node:fs'
import type { Context } from './context.ts'
import { start } from './exec.ts'
import { Failure } from './failure.ts'
import { isInstalled } from './programs.ts'

/** Debian's word for an architecture, what qemu calls it, and how its programs begin (ELF class and machine). */
const emulated: Partial<Record<string, { qemu: string; bits: 32 | 64; machine: string }>> = {
  amd64: { qemu: 'x86_64', bits: 64, machine: '3e' },
  arm64: { qemu: 'aarch64', bits: 64, machine: 'b7' },
  armhf: { qemu: 'arm', bits: 32, machine: '28' },
  i386: { qemu: 'i386', bits: 32, machine: '03' },
  riscv64: { qemu: 'riscv64', bits: 64, machine: 'f3' },
}
const machineArchs: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  ia32: 'i386',
  arm: 'armhf',
}
const registry = '/proc/sys/fs/binfmt_misc'

/** This machine's architecture in Debian's words. */
export function machineArch(): string {
  return machineArchs[process.arch] ?? process.arch
}

/**
 * Lets this machine run programs for `arch`, in Debian's words, until it is disposed of. An emulator that the kernel doesn't
 * know yet is registered under a name of this process, and taken out again, also where this process is killed. Throws
 * `missing-tool` where there is none, `missing-rights` where only root could register it.
 */
export async function openForeign(arch: string, context: Context): Promise<AsyncDisposable> {
  const nothing = { [Symbol.asyncDispose]: async () => {} }
  if (arch === machineArch()) return nothing
  const emulator = emulated[arch]
  const program = emulator && `/usr/bin/qemu-${emulator.qemu}-static`
  const advice = `this machine (${machineArch()}) can't run programs for ${arch}: run this on such a machine`
  if (!emulator || !program)
    throw new Failure('missing-tool', `${advice}; there is no emulator for it that is known here`)
  if (existsSync(`${registry}/qemu-${emulator.qemu}`)) return nothing
  if (!isInstalled(program)) throw new Failure('missing-tool', `${advice}, or install qemu-user-static here`)
  if (process.getuid?.() !== 0)
    throw new Failure(
      'missing-rights',
      `${advice}, or as root, or install binfmt-support, which registers qemu for all`,
    )
  const name = `drover-${emulator.qemu}-${process.pid}-${++registered}`
  const stop = await register(name, lineOf(name, emulator, program), context)
  context.log.info(
    `programs for ${arch} run under qemu here: this takes many times as long as on such a machine`,
  )
  return { [Symbol.asyncDispose]: stop }
}

let registered = 0

/** As binfmt_misc takes it: O, C and F have set-uid programs work and the emulator be found from inside a new system. */
function lineOf(
  name: string,
  { bits, machine }: { bits: 32 | 64; machine: string },
  program: string,
): string {
  const bytes = (...values: string[]) => values.map((value) => String.raw`\x${value}`).join('')
  const times = (value: string, count: number) => Array<string>(count).fill(value)
  const magic = `${bytes('7f')}ELF${bytes(bits === 64 ? '02' : '01', '01', '01', ...times('00', 9), '02', '00', machine, '00')}`
  const mask = bytes(...times('ff', 7), '00', ...times('ff', 8), 'fe', ...times('ff', 3))
  return `:${name}:M::${magic}:${mask}:${program}:OCF`
}

// In a mount namespace of its own: the machine may not have the registry mounted. It ends with this process, however that
// ends, and takes the entry out then.
const keep = `
mount -t binfmt_misc binfmt_misc ${registry} || exit 3
trap 'echo -1 > "${registry}/$2"; kill $!; exit 0' TERM INT HUP
printf %s "$1" > ${registry}/register || exit 4
echo registered
# a signal may come just before a wait begins, which then would not see it
while :; do sleep 0.5 & wait $!; done
`

async function register(name: string, line: string, { signal }: Context): Promise<() => Promise<void>> {
  signal.throwIfAborted()
  const ready = Promise.withResolvers<void>()
  // not the signal: what runs under the emulator ends first
  const tied = ['--pdeathsig', 'TERM', 'unshare', '--mount', '--propagation', 'private']
  const keeper = start('setpriv', [...tied, 'sh', '-c', keep, 'sh', line, name], {
    onLine: (text) => text === 'registered' && ready.resolve(),
  })
  const failed = keeper.done.then(({ code, stderr }) => {
    const said = stderr.trim().slice(-300) || `status ${code}`
    throw new Failure('missing-rights', `the kernel takes no emulator here (binfmt_misc): ${said}`)
  })
  await Promise.race([ready.promise, failed])
  failed.catch(() => {}) // it ends when it is told to
  return () => keeper.stop()
}
