/** A user's own umask must not show in what is made. */
const openMask = ['sh', '-c', 'umask 022 && exec "$@"', 'sh']

/**
 * What to put in front of a program that mounts things: as root it gets namespaces of its own, where its mounts and all its
 * processes are gone as soon as this process is, however that ends. Without root it ends with this process.
 */
export function isolated(): string[] {
  const tied = ['setpriv', '--pdeathsig', 'KILL']
  if (process.getuid?.() !== 0) return [...tied, ...openMask]
  return [
    ...tied,
    'unshare',
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--',
    ...openMask,
  ]
}
