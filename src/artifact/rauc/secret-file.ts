import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** O_TMPFILE of Linux, which Node has no name for: a file that never has a name. */
const noName = 0o20000000 | constants.O_DIRECTORY

/** A secret that a program which we start can read at `path` as long as this isn't disposed. */
export interface SecretFile extends AsyncDisposable {
  path: string
}

/**
 * Keeps a secret where only programs of this user find it: in memory where the machine has /dev/shm, and in any case without
 * a name in any folder, so that nothing of it is left however this process ends.
 */
export async function secretFile(secret: string | Uint8Array): Promise<SecretFile> {
  const file = await openNameless()
  try {
    await file.writeFile(secret)
  } catch (error) {
    await file.close()
    throw error
  }
  return {
    path: `/proc/${process.pid}/fd/${file.fd}`,
    [Symbol.asyncDispose]: async () => {
      // what of it is on a disk goes with the last one who has it open, and so do its bytes in memory
      await file.truncate().catch(() => {})
      await file.close()
    },
  }
}

async function openNameless(): Promise<FileHandle> {
  const mode = 0o600
  for (const folder of ['/dev/shm', tmpdir()]) {
    const file = await open(folder, noName | constants.O_RDWR | constants.O_EXCL, mode).catch(() => undefined)
    if (file !== undefined) return file
  }
  // a file system that doesn't know of such files: the name is gone before the secret is in it
  const path = join(tmpdir(), `drover-${randomBytes(8).toString('hex')}`)
  const file = await open(path, 'wx+', mode)
  await rm(path)
  return file
}
