import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Failure, hasCode, messageOf } from './failure.ts'

/**
 * Writes a whole file so that a reader sees the old one or the new one and never a part: temporary name, sync, rename,
 * sync of the folder (which is made where it is missing). Throws `disk-full`. May be repeated.
 */
export async function writeAtomically(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await using file = await open(temporary, 'wx', mode)
    await file.writeFile(data)
    await file.sync()
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw storageFailure(error, path)
  }
}

/**
 * The folder in the user's cache (XDG_CACHE_HOME, or ~/.cache) for what is called `name`; it need not be there. What is in
 * it may be removed at any time and is made again.
 */
export function cacheFolder(name: string): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'drover', name)
}

/** Makes a rename or a new name in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

/** What went wrong with writing `path`: a full disk is a `disk-full` with what to do; anything else stays as it was. */
export function storageFailure(error: unknown, path: string): unknown {
  if (error instanceof Failure || !(hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT'))) return error
  return new Failure(
    'disk-full',
    `no space left to write ${path}: free some and run again (${messageOf(error)})`,
    {
      cause: error,
    },
  )
}

/** What went wrong with reading `what`, as messages call it: `file-missing`, or the failure that it is already. */
export function readingFailure(error: unknown, what: string): Failure {
  if (error instanceof Failure) return error
  const why = hasCode(error, 'ENOENT') ? 'there is no such file' : messageOf(error)
  return new Failure('file-missing', `can't read ${what}: ${why}`, { cause: error })
}
