// Temporary folders and files whose names tell who they belong to, so that what a killed build left is known for sure
// and goes with the next one.
import { randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { lstat, mkdir, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type Context, Failure, messageOf, startTimeOf } from '../platform/platform.ts'

const mark = /\.drover-(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/
const oneDayMs = 86_400_000

/** `path` with a mark of this process at its end: what is called so may be removed once this process is gone. */
export function markedName(path: string): string {
  return `${path}.drover-${processNamespace()}-${process.pid}-${startTimeOf(process.pid)}-${randomBytes(4).toString('hex')}`
}

/**
 * Removes what processes of this user that are gone have left in `folder`: marked files and folders. Others' stay: while
 * they are removed, their owner could put links into them that lead elsewhere. Never fails.
 */
export async function sweep(folder: string, { log, clock }: Context): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const match = mark.exec(name)
    if (!match || (await mustStay(join(folder, name), match, clock.now().getTime()))) continue
    log.debug(`removing ${join(folder, name)}, which an earlier build left`)
    await rm(join(folder, name), { recursive: true, force: true }).catch((error: unknown) => {
      log.warn(`${join(folder, name)} was left by an earlier build and can't be removed: ${messageOf(error)}`)
    })
  }
}

/** Hands `work` an empty folder for `bytes` bytes, in memory where there is room to spare, and removes it afterwards. */
export async function withScratch<T>(
  bytes: number,
  place: 'memory' | 'disk',
  context: Context,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const inMemory = place === 'memory' && (await freeBytes('/dev/shm')) > 2 * bytes
  const parent = inMemory ? '/dev/shm' : tmpdir()
  await sweep(parent, context)
  await requireSpace(parent, bytes, 'temporary files')
  const folder = markedName(join(parent, 'image'))
  // an image's contents are ours alone; where a base system is made others may pass, as apt downloads as another user
  await mkdir(folder, { mode: place === 'memory' ? 0o700 : 0o755 })
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Throws `disk-full` where the disk of `folder` has less than `bytes` free; a folder that isn't there yet is fine. */
export async function requireSpace(folder: string, bytes: number, what: string): Promise<void> {
  const free = await freeBytes(folder)
  if (free >= bytes) return
  throw new Failure(
    'disk-full',
    `${what} in ${folder} need ${inMiB(bytes)} and the disk has ${inMiB(free)} free: free some, or choose another folder`,
  )
}

/** Bytes as whole MiB, for people. */
export function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / (1 << 20))} MiB`
}

async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return folder === dirname(folder) || folder === '/dev/shm' ? 0 : freeBytes(dirname(folder))
  }
}

// Another process namespace (a container) that shares the folder has numbers of its own: there only age tells.
async function mustStay(
  path: string,
  [, namespace, pid, start]: RegExpExecArray,
  now: number,
): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined)
  if (stats === undefined || stats.uid !== process.getuid?.()) return true
  if (namespace === processNamespace()) return startTimeOf(Number(pid)) === start
  return now - stats.mtimeMs < oneDayMs
}

function processNamespace(): string {
  return /\d+/.exec(basename(readlinkSync('/proc/self/ns/pid')))?.[0] ?? '0'
}
