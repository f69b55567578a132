// Programs that must not outlive us. A finally block doesn't run after kill -9, so the kernel is asked to end them.
import { type StartOptions, type Started, isInstalled, start } from '../platform/platform.ts'
import { Failure } from '../platform/platform.ts'

// Had we ended before setpriv asked, nobody would be left to die with: then its parent isn't us any more.
const unlessOrphaned = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"'

/**
 * `start` for a program that the kernel kills as soon as this process ends, however it ends. `options.drop` are
 * capabilities (as setpriv writes them) that it and its children can't get.
 */
export function startTied(
  program: string,
  args: readonly string[],
  options: StartOptions & { drop?: readonly string[] } = {},
): Started {
  requirePrograms([program])
  const bound = options.drop ? ['--bounding-set', options.drop.map((name) => `-${name}`).join(',')] : []
  const words = ['--pdeathsig', 'KILL', ...bound, '--', '/bin/sh', '-c', unlessOrphaned, 'tied']
  return start('setpriv', [...words, String(process.pid), program, ...args], options)
}

/** Throws one `missing-tool` that names every program of `programs` that isn't installed. */
export function requirePrograms(programs: readonly string[]): void {
  const missing = programs.filter((program) => !isInstalled(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((name) => packageOf[name] ?? name))]
  throw new Failure(
    'missing-tool',
    `not installed: ${missing.join(', ')}: install with apt-get install ${packages.join(' ')}`,
  )
}

const packageOf: Record<string, string> = {
  cp: 'coreutils',
  ip: 'iproute2',
  losetup: 'mount',
  mount: 'mount',
  nsenter: 'util-linux',
  pivot_root: 'util-linux',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
}
