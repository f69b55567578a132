// The small files of a squashfs, taken out by unsquashfs: its memory, time and files are limited, since a squashfs that
// nobody has signed may be made to make it run wild.
import { lstat, readFile, readlink, readdir, rm } from 'node:fs/promises'
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
import { damaged, tooLarge, unsafePath, wrongMember } from '../archive/byte-reader.ts'
import type { BundleFile } from './rauc-content.ts'

const maxManifestBytes = 1 << 18
const maxFileBytes = 16 << 20
const maxInodes = 1000
const limits = ['--as=4294967296', '--cpu=120', '--core=0']

/** The manifest of the bundle at `path`. Throws `artifact-damaged`, `missing-tool`, and the signal's reason. */
export async function manifestIn(path: string, signal?: AbortSignal): Promise<Buffer> {
  return await inFolder(signal, async (folder) => {
    await unsquash(path, folder, maxManifestBytes, ['-no-wildcards'], ['manifest.raucm'], signal)
    const manifest = join(folder, 'files', 'manifest.raucm')
    const facts = await lstat(manifest).catch(() => undefined)
    if (facts === undefined) throw wrongMember('the squashfs', 0, 'it has no manifest.raucm')
    if (!facts.isFile()) throw unsafePath('the squashfs', 0, 'its manifest.raucm is no plain file')
    return await readFile(manifest)
  })
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
    await unsquash(path, folder, maxFileBytes, ['-no-wildcards', '-excludes'], left, signal)
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

async function unsquash(
  path: string,
  folder: string,
  fileBytes: number,
  options: readonly string[],
  names: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const quiet = ['-no-progress', '-no-xattrs', '-processors', '1', '-data-queue', '16', '-frag-queue', '16']
  const args = ['unsquashfs', ...quiet, ...options, '-dest', join(folder, 'files'), path, ...names]
  const program = start('prlimit', [...limits, `--fsize=${fileBytes}`, ...args], signal ? { signal } : {})
  const { code, stderr, stdout } = await program.done
  if (code === 0) return
  const why = `unsquashfs can't read it: ${lastWords(stderr || stdout, 'unsquashfs', code)}`
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
