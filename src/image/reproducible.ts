// Whether two builds of one recipe are the same bytes, and where they differ if not: our own list of files, and inside of
// them what diffoscope shows where it is installed.
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Context, Failure, digestOfFile, isInstalled, start } from '../platform/platform.ts'
import type { FileEntries, TreeNode } from './tree.ts'

/** More files than this are counted only. */
const shown = 20
const maxReportBytes = 6000
/** diffoscope may take for ever where it has to decompile something. */
const diffoscopeMs = 120_000

/** A build as far as it is compared with another. */
export interface ComparedBuild {
  rootfs: string
  image: string
  manifest: string
  sbom: string
  tree: FileEntries
}

/**
 * Throws `build-failed` where two builds of one recipe differ in a byte of what they leave, and says in which files and how.
 * `scratch` is an empty folder for the files that differ.
 */
export async function refuseDifferences(
  first: ComparedBuild,
  second: ComparedBuild,
  scratch: string,
  context: Context,
): Promise<void> {
  const differing: string[] = []
  for (const [one, other] of pairs(first, second)) {
    if ((await digestOfFile(one, context.signal)) !== (await digestOfFile(other, context.signal)))
      differing.push(
        `${one.split('/').at(-1)} (${(await stat(one)).size} and ${(await stat(other)).size} bytes)`,
      )
  }
  if (differing.length === 0) return
  const [paths, lines] = differences(first.tree, second.tree)
  const list = lines.slice(0, shown)
  if (lines.length > list.length) list.push(`and ${lines.length - list.length} more`)
  const inside = await shownInside(paths.slice(0, shown), [first.rootfs, second.rootfs], scratch, context)
  const where =
    list.length > 0
      ? `these files are not the same:\n${list.join('\n')}`
      : 'the files in them are the same, their order or what describes them is not'
  throw new Failure(
    'build-failed',
    `two builds of the recipe differ in ${differing.join(', ')}; ${where}${inside === '' ? '' : `\n${inside}`}\nFind what writes a time, a random number, or this machine's name there. Where a package's version differs, the mirror had news between the two: run it again`,
  )
}

function pairs(first: ComparedBuild, second: ComparedBuild): [string, string][] {
  const names = [
    'rootfs',
    'manifest',
    'sbom',
    ...(first.image === first.rootfs ? [] : ['image' as const]),
  ] as const
  const found = names.map((name): [string, string] => [first[name], second[name]])
  const blockMap = (path: string) => path.replace(/\.img\.\w+$/, '.img.bmap')
  return first.image === first.rootfs ? found : [...found, [blockMap(first.image), blockMap(second.image)]]
}

/** Paths of files with another content, and a line for everything that differs. */
function differences(first: FileEntries, second: FileEntries): [paths: string[], lines: string[]] {
  const [one, other] = [new Map(first.entries()), new Map(second.entries())]
  const found: { path: string; line: string; hasContent: boolean }[] = []
  for (const path of [...new Set([...one.keys(), ...other.keys()])].sort()) {
    const [a, b] = [one.get(path), other.get(path)]
    const parts = a && b ? changes(a, b) : [a ? 'only in the first' : 'only in the second']
    const hasContent = a?.kind === 'file' && b?.kind === 'file' && a.sha256 !== b.sha256
    if (parts.length > 0) found.push({ path, line: `  /${path}: ${parts.join(', ')}`, hasContent })
  }
  // the image's name follows from all the rest
  const causes = found.filter(
    ({ path }) => !/^(etc\/mender\/artifact_info|(usr\/lib|etc)\/os-release)$/.test(path),
  )
  const told = causes.length > 0 ? causes : found
  return [told.flatMap(({ path, hasContent }) => (hasContent ? [path] : [])), told.map(({ line }) => line)]
}

function changes(a: TreeNode, b: TreeNode): string[] {
  const said = (name: string, one: string | number, other: string | number) =>
    one === other ? [] : [`${name} ${one} and ${other}`]
  const content = (node: TreeNode) =>
    node.kind === 'file'
      ? `${node.size} bytes, sha256 ${node.sha256.slice(0, 12)}`
      : node.kind === 'link'
        ? node.target
        : ''
  const attributes = ({ xattrs }: TreeNode) =>
    [...xattrs]
      .map(([name, value]) => `${name}=${value.toString('hex')}`)
      .sort()
      .join(' ')
  return [
    ...said('kind', a.kind, b.kind),
    ...said('content', content(a), content(b)),
    ...said('mode', a.mode.toString(8), b.mode.toString(8)),
    ...said('owner', `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`),
    ...said('time', a.mtime, b.mtime),
    ...said('attributes', attributes(a), attributes(b)),
  ]
}

/** What diffoscope says about the files at `paths` of two images; where it isn't installed, that it would help. */
async function shownInside(
  paths: readonly string[],
  images: readonly [string, string],
  scratch: string,
  { signal, log }: Context,
): Promise<string> {
  if (paths.length === 0) return ''
  if (!isInstalled('diffoscope'))
    return 'Install diffoscope (package diffoscope-minimal) to see what differs inside of them.'
  for (const [index, image] of images.entries()) {
    for (const path of paths) {
      const to = join(scratch, 'ab'[index] ?? '', path)
      await mkdir(dirname(to), { recursive: true })
      const quoted = (word: string) => `"${word.replaceAll('"', '""')}"`
      await start('debugfs', ['-R', `dump ${quoted(`/${path}`)} ${quoted(to)}`, image], { signal }).done
    }
  }
  const timeout = AbortSignal.timeout(diffoscopeMs)
  const options = [
    '--no-progress',
    '--exclude-directory-metadata=yes',
    `--max-text-report-size=${maxReportBytes}`,
  ]
  try {
    const done = start('diffoscope', [...options, '--text', '-', 'a', 'b'], {
      cwd: scratch,
      signal: AbortSignal.any([signal, timeout]),
    }).done
    const report = (await done).stdout.trim()
    return report === '' ? '' : `diffoscope says:\n${report.slice(0, maxReportBytes)}`
  } catch (error) {
    signal.throwIfAborted()
    if (!timeout.aborted) throw error
    log.warn('diffoscope took too long and was ended')
    return ''
  }
}
