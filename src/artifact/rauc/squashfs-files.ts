// The small files of a squashfs, taken out by unsquashfs: its memory, time and files are limited, since a squashfs that
// nobody has signed may be made to make it run wild.
import { createHash } from 'node:crypto'
import { readlink, readdir, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import {
  digestOf,
  digestOfFile,
  hexOf,
  lastWords,
  plainContext,
  start,
  temporaryFolder,
} from '../../platform/platform.ts'
import { damaged, tooLarge, unsafePath, wrongChecksum, wrongMember } from '../archive/byte-reader.ts'
import type { BundleFile } from './rauc-content.ts'

const maxManifestBytes = 1 << 18
const maxFileBytes = 16 << 20
const maxInodes = 1000

/** The manifest of the bundle at `path`. Throws `artifact-damaged`, `missing-tool`, and the signal's reason. */
export async function manifestIn(path: string, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  await pourOut(path, 'manifest.raucm', maxManifestBytes, (chunk) => chunks.push(chunk), signal)
  return Buffer.concat(chunks)
}

/**
 * Checks that an image in the bundle at `path` is what its manifest says: a device would find out only after it has begun to
 * write. In constant memory. Throws `artifact-damaged`, `missing-tool`, and the signal's reason.
 */
export async function checkImage(
  path: string,
  { name, sizeBytes, checksum }: { name: string; sizeBytes: number; checksum: string },
  signal?: AbortSignal,
): Promise<void> {
  const hash = createHash('sha256')
  const size = await pourOut(path, name, sizeBytes, (chunk) => hash.update(chunk), signal)
  if (size !== sizeBytes)
    throw wrongChecksum(name, size, `it ends here, but the manifest says that it has ${sizeBytes} bytes`)
  if (hash.digest('hex') !== checksum) throw wrongChecksum(name, 0, 'its checksum is not the manifest’s')
}

/** Hands over one file, and ends unsquashfs where it has more than `limitBytes`. Returns its size. */
async function pourOut(
  path: string,
  name: string,
  limitBytes: number,
  take: (chunk: Buffer) => void,
  signal?: AbortSignal,
): Promise<number> {
  let size = 0
  const over = new AbortController()
  const stop = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
  const onData = (chunk: Buffer) => {
    size += chunk.length
    if (size <= limitBytes) take(chunk)
    else over.abort(tooLarge(name, limitBytes, `it has more than ${limitBytes} bytes`))
  }
  const seconds = 120 + Math.ceil(limitBytes / 1e6)
  const args = [...unsquashfs(seconds), '-no-wildcards', '-cat', path, name]
  const { code, stderr } = await start('prlimit', args, { signal: stop, onData }).done
  if (code === 0) return size
  if (/no matches for/.test(stderr)) throw wrongMember('the squashfs', 0, `it has no ${JSON.stringify(name)}`)
  const why = `unsquashfs can't read ${JSON.stringify(name)}: ${lastWords(stderr, 'unsquashfs', code)}`
  throw damaged('the squashfs', 0, why)
}

/** unsquashfs for prlimit, with what keeps its memory and time small; a processor of many more would need address space. */
function unsquashfs(cpuSeconds: number, ...limits: string[]): string[] {
  const limited = ['--as=4294967296', '--core=0', `--cpu=${cpuSeconds}`, ...limits]
  const quiet = ['-no-progress', '-processors', '4', '-data-queue', '16', '-frag-queue', '16']
  return [...limited, 'unsquashfs', ...quiet]
}

/**
 * All files of the bundle at `path` but its manifest and those in `images`. Throws `artifact-damaged`, also where they are
 * more or larger than programs of a bundle are; `missing-tool`, and the signal's reason.
 */
export async function filesIn(
  path: string,
  { inodes, images }: { inodes: number; images: readonly string[] },
  signal?: AbortSignal,
): Promise<BundleFile[]> {
  if (inodes > maxInodes) throw tooLarge('the squashfs', 4, `it has ${inodes} files, over ${maxInodes}`)
  return await inFolder(signal, async (folder) => {
    const left = ['manifest.raucm', ...images]
    await unpack(path, folder, left, signal)
    const files: BundleFile[] = []
    const root = join(folder, 'files')
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const at = join(entry.parentPath, entry.name)
      const name = relative(root, at)
      if (entry.isDirectory()) continue
      if (entry.isFile()) files.push({ name, checksum: hexOf(await digestOfFile(at, signal)) })
      else if (entry.isSymbolicLink())
        files.push({ name, checksum: hexOf(digestOf(`link to ${await readlink(at)}`)) })
      else throw unsafePath('the squashfs', 0, `${JSON.stringify(name)} is no plain file`)
    }
    return files.sort((a, b) => (a.name < b.name ? -1 : 1))
  })
}

async function unpack(
  path: string,
  folder: string,
  excluded: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const options = ['-no-xattrs', '-no-wildcards', '-excludes', '-dest', join(folder, 'files')]
  const args = [...unsquashfs(120, `--fsize=${maxFileBytes}`), ...options, path, ...excluded]
  const { code, stderr, stdout } = await start('prlimit', args, signal ? { signal } : {}).done
  if (code === 0) return
  const why = `unsquashfs can't unpack it: ${lastWords(stderr || stdout, 'unsquashfs', code)}`
  throw damaged('the squashfs', 0, why)
}

async function inFolder<T>(
  signal: AbortSignal | undefined,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await temporaryFolder('drover-squashfs', plainContext(signal ? { signal } : {}))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
