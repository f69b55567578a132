/**
 * What to put in front of a program that mounts things: as root it gets namespaces of its own, where its mounts and all its
 * processes are gone as soon as this process is, however that ends. Without root it ends with this process.
 */
export function isolated(): string[] {
  const tied = ['setpriv', '--pdeathsig', 'KILL']
  if (process.getuid?.() !== 0) return tied
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
  ]
}
