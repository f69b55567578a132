// Room for building: temporary folders, and whether a disk has enough of it.
import { chmod, mkdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Context, Failure, markedName, sweep } from '../platform/platform.ts'

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
  if (place === 'memory') await mkdir(folder, { mode: 0o700 })
  else await makeOpenFolder(folder)
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Makes a folder that others may enter, whatever this process's umask. */
export async function makeOpenFolder(path: string): Promise<void> {
  await mkdir(path)
  await chmod(path, 0o755)
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
