// Files that the device itself can write to. It is root on its data partition and may put a link in the place of any
// folder or file there; followed out here, as root, that would be a file of this machine.
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, hasCode } from '../platform/platform.ts'

const maxFileBytes = 1 << 20

/** A folder that is held open: its path leads to this very folder, whatever the device puts in its place. */
export interface InnerFolder {
  /** Good for as long as the folder is held, also for other programs. */
  path: string
  /** A file's text; undefined where it isn't there. Throws `invalid-file` for a link or anything else that is no file. */
  read(name: string): Promise<string | undefined>
  /** Whether the name is there, as whatever. */
  has(name: string): Promise<boolean>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Holds the folder `name` of `data` (which itself is not the device's to replace); it is made where it is missing. Throws
 * `invalid-file` where something else has taken its place.
 */
export async function holdInner(data: string, name: string, mode?: number): Promise<InnerFolder> {
  const outer = await openFolder(data, data)
  try {
    const place = join(pathOf(outer), name)
    await mkdir(place, mode).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error
    })
    const inner = await openFolder(place, join(data, name))
    if (mode !== undefined) await inner.chmod(mode)
    const path = pathOf(inner)
    return {
      path,
      read: (file) => readFrom(path, file, join(data, name, file)),
      has: (file) =>
        lstat(join(path, file)).then(
          () => true,
          () => false,
        ),
      [Symbol.asyncDispose]: () => inner.close(),
    }
  } finally {
    await outer.close()
  }
}

const pathOf = ({ fd }: FileHandle) => `/proc/${process.pid}/fd/${fd}`

async function openFolder(path: string, shown: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    throw hasCode(error, 'ENOTDIR') || hasCode(error, 'ELOOP') ? replaced(shown, 'folder', error) : error
  }
}

async function readFrom(folder: string, name: string, shown: string): Promise<string | undefined> {
  try {
    // without waiting: a pipe would never answer
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    await using file = await open(join(folder, name), flags)
    const status = await file.stat()
    if (!status.isFile()) throw replaced(shown, 'file')
    if (status.size > maxFileBytes) throw new Failure('invalid-file', `${shown} has ${status.size} bytes`)
    return await file.readFile('utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw hasCode(error, 'ELOOP') || hasCode(error, 'ENXIO') ? replaced(shown, 'file', error) : error
  }
}

function replaced(path: string, kind: 'folder' | 'file', cause?: unknown): Failure {
  return new Failure(
    'invalid-file',
    `${path} is no plain ${kind} any more: the virtual device has put something else there. Remove it, or begin with an empty folder`,
    { cause },
  )
}
