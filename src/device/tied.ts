// Programs that must not outlive us. A finally block doesn't run after kill -9, so the kernel is asked to end them.
import { type StartOptions, type Started, requirePrograms, start } from '../platform/platform.ts'

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
