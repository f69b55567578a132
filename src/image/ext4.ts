// Makes an ext4 image of a tree without mounting anything and without being root: an empty file system, filled by
// debugfs in a fixed order. Same tree and time, same bytes, whoever builds it, wherever, whenever.
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, Failure, type Started, start } from '../platform/platform.ts'
import { inMiB } from './scratch.ts'
import type { FileEntries, TreeNode } from './tree.ts'

const blockBytes = 4096
const inodeBytes = 256
/** A device writes files of its own: with a fixed size there is room for one in so many bytes, as mke2fs has it. */
const bytesPerInode = 16_384
const journalMiB = 4
const mebibyte = 1 << 20

// What boot loaders and kernels in the field can read; the machine's own mke2fs.conf must not decide that.
const features =
  'has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum,64bit'

export interface Ext4Options {
  /** A new file. */
  path: string
  /** Exact size; where undefined it is what is needed with some room to spare. */
  sizeBytes: number | undefined
  /** Every time in the file system that isn't a file's own modification time, in seconds since 1970. */
  time: number
  uuid: string
  label: string
  /** For scripts and small files; the caller removes it. */
  scratch: string
}

/**
 * Writes `tree` as an ext4 file system to a new file and returns its size in bytes. Throws `build-failed` where the tree
 * doesn't fit or the result isn't clean, `disk-full`, `missing-tool`. On abort the programs end; the file may remain.
 */
export async function makeExt4(tree: FileEntries, options: Ext4Options, context: Context): Promise<number> {
  const entries = tree.entries()
  const used = new Set(entries.map(([, node]) => node)).size
  const inodes = Math.ceil(Math.max((used + 64) * 1.5, (options.sizeBytes ?? 0) / bytesPerInode))
  const needed = bytesNeeded(entries, inodes)
  const sizeBytes = options.sizeBytes ?? roundUp(needed * 1.1 + 16 * mebibyte, 4 * mebibyte)
  if (sizeBytes < needed) {
    throw new Failure(
      'build-failed',
      `the content needs ${inMiB(needed)} and the recipe gives ${inMiB(sizeBytes)}: raise \`size\` or remove something`,
    )
  }
  await writeFile(options.path, '', { flag: 'wx' })
  await truncate(options.path, sizeBytes)
  const env = {
    E2FSPROGS_FAKE_TIME: String(options.time),
    SOURCE_DATE_EPOCH: String(options.time),
    MKE2FS_CONFIG: '/dev/null',
  }
  await succeed('mke2fs', formatArguments(options, inodes), env, context)
  const script = join(options.scratch, 'debugfs.commands')
  await writeFile(script, await commands(entries, options))
  await fill(script, options.path, env, context)
  await succeed('e2fsck', ['-f', '-n', options.path], env, context)
  return sizeBytes
}

function formatArguments({ path, uuid, label }: Ext4Options, inodes: number): string[] {
  const extended = `hash_seed=${uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard`
  return [
    ...`-q -F -t ext4 -O none,${features} -b ${blockBytes} -I ${inodeBytes} -N ${inodes} -m 0`.split(' '),
    ...`-J size=${journalMiB} -L ${label} -U ${uuid} -E ${extended}`.split(' '),
    path,
  ]
}

/** The debugfs script. debugfs makes things in its current folder and finds them by their whole path. */
async function commands(entries: [string, TreeNode][], options: Ext4Options): Promise<string> {
  const lines: string[] = []
  const seen = new Map<TreeNode, { path: string; links: number }>()
  let current = ''
  const enter = (folder: string) => {
    if (folder !== current) lines.push(`cd ${quoted(`/${folder}`)}`)
    current = folder
  }
  for (const [path, node] of entries) {
    const slash = path.lastIndexOf('/')
    const name = path.slice(slash + 1)
    const first = seen.get(node)
    if (path !== '') enter(slash < 0 ? '' : path.slice(0, slash))
    if (first) {
      first.links++
      lines.push(`ln ${quoted(`/${first.path}`)} ${quoted(name)}`)
      lines.push(`sif ${quoted(`/${first.path}`)} links_count ${first.links}`)
      continue
    }
    seen.set(node, { path, links: 1 })
    if (path !== '') lines.push(creation(node, name))
    lines.push(...attributes(quoted(`/${path}`), node, options.time))
    lines.push(...(await xattrCommands(quoted(`/${path}`), node, options.scratch, lines.length)))
  }
  return `${lines.join('\n')}\n`
}

function creation(node: TreeNode, name: string): string {
  if (node.kind === 'folder') return `mkdir ${quoted(name)}`
  if (node.kind === 'link') return `symlink ${quoted(name)} ${quoted(node.target)}`
  return `write ${quoted(node.content)} ${quoted(name)}`
}

const typeBits = { file: 0o100000, folder: 0o040000, link: 0o120000 } as const

// A new inode is root's, and all its times are the time that the programs are told it is (E2FSPROGS_FAKE_TIME).
function attributes(path: string, node: TreeNode, time: number): string[] {
  return [
    `sif ${path} mode 0${(typeBits[node.kind] | node.mode).toString(8)}`,
    ...(node.uid === 0 ? [] : [`sif ${path} uid ${node.uid}`]),
    ...(node.gid === 0 ? [] : [`sif ${path} gid ${node.gid}`]),
    ...(node.mtime === time ? [] : [`sif ${path} mtime @${node.mtime}`]),
  ]
}

async function xattrCommands(
  path: string,
  node: TreeNode,
  scratch: string,
  number: number,
): Promise<string[]> {
  const lines: string[] = []
  for (const [name, value] of [...node.xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const file = join(scratch, `xattr-${number}-${lines.length}`)
    await writeFile(file, value)
    lines.push(`ea_set -f ${quoted(file)} ${path} ${quoted(name)}`)
  }
  return lines
}

/** debugfs ends with 0 whatever happened; what went wrong stands on standard error, below its version line. */
async function fill(
  script: string,
  path: string,
  env: Record<string, string>,
  { signal }: Context,
): Promise<void> {
  const wrong: string[] = []
  const onLine: NonNullable<Parameters<typeof start>[2]>['onLine'] = (line, stream) => {
    if (stream === 'stderr' && line.trim() !== '' && !/^debugfs \d/.test(line)) wrong.push(line)
  }
  const { code } = await start('debugfs', ['-w', '-f', script, path], { env, signal, onLine }).done
  if (code !== 0 || wrong.length > 0)
    throw ext4Failure('debugfs', wrong.slice(0, 3).join(' / ') || `status ${code}`)
}

async function succeed(
  program: string,
  args: string[],
  env: Record<string, string>,
  { signal }: Context,
): Promise<void> {
  const started: Started = start(program, args, { env, signal })
  const { code, stdout, stderr } = await started.done
  if (code !== 0) throw ext4Failure(program, `${stderr} ${stdout}`.trim().slice(-500) || `status ${code}`)
}

function ext4Failure(program: string, said: string): Failure {
  if (/no space left|disk full/i.test(said))
    return new Failure(
      'disk-full',
      `no space left while the image was written: free some and run again (${said})`,
    )
  return new Failure('build-failed', `${program} couldn't make the ext4 image: ${said}`)
}

function bytesNeeded(entries: [string, TreeNode][], inodes: number): number {
  let blocks = 0
  for (const node of new Set(entries.map(([, node]) => node))) {
    if (node.kind === 'file') blocks += Math.ceil(node.size / blockBytes)
    // a folder's names are counted below; each starts with one block
    else if (node.kind === 'folder') blocks += 1
  }
  const names = entries.reduce((sum, [path]) => sum + 8 + path.length - path.lastIndexOf('/') + 3, 0)
  const tables = inodes * inodeBytes + journalMiB * mebibyte + names
  // group descriptors, bitmaps, superblock copies and blocks for extents: under 2 % in images of this kind
  return Math.ceil((blocks * blockBytes + tables) * 1.02) + 2 * mebibyte
}

// debugfs reads words like a shell without escapes: double quotes, doubled inside
function quoted(word: string): string {
  // oxlint-disable-next-line no-control-regex -- a line end would be read as the next command
  if (/[\u0000\r\n]/.test(word))
    throw new Failure('build-failed', `the image has a name with a line end: ${JSON.stringify(word)}`)
  return `"${word.replaceAll('"', '""')}"`
}

const roundUp = (bytes: number, unit: number) => Math.ceil(bytes / unit) * unit
