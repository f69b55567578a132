import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, syncFolder } from '../platform/platform.ts'
import { diskFull } from './store.ts'

/** A file that is being received. It is either kept or thrown away. */
export interface Spool {
  write(chunk: Uint8Array): Promise<void>
  /** Makes it durable under its digest, which the caller has checked. */
  keep(sha256: string): Promise<void>
  /** Removes what was received; does nothing after `keep`. */
  drop(): Promise<void>
}

/**
 * The artifacts' files, each named by its SHA-256 and nothing that came from outside. A name in the folder means a whole,
 * synced file: it is written under another name, synced, renamed, and the folder synced.
 */
export class ArtifactFiles {
  readonly #folder: string
  #last: Promise<unknown> = Promise.resolve()

  constructor(folder: string) {
    this.#folder = folder
  }

  path(sha256: string): string {
    return join(this.#folder, sha256)
  }

  /** Makes the folder, and removes what no artifact names: the leftovers of a crash. */
  async prepare(known: ReadonlySet<string>): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.#folder))
      if (!known.has(name)) await rm(this.path(name), { force: true, recursive: true })
  }

  /**
   * Runs `work` while no other such work runs: a file must not be removed between the moment it is kept and the moment
   * its row is stored.
   */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work)
    this.#last = result.catch(() => {})
    return result
  }

  async remove(sha256: string): Promise<void> {
    await rm(this.path(sha256), { force: true })
  }

  /** Starts receiving a file. Throws a 507 where the disk is full, as all of its methods do. */
  async receive(): Promise<Spool> {
    const temporary = join(this.#folder, `${randomBytes(8).toString('hex')}.tmp`)
    const file = await stored(() => open(temporary, 'wx', 0o600))
    let isKept = false
    return {
      write: async (chunk) => {
        await stored(() => file.writeFile(chunk))
      },
      keep: async (sha256) => {
        await stored(() => file.sync())
        await file.close()
        await stored(() => rename(temporary, this.path(sha256)))
        isKept = true
        await syncFolder(this.#folder)
      },
      drop: async () => {
        if (isKept) return
        await file.close().catch(() => {})
        await rm(temporary, { force: true })
      },
    }
  }
}

async function stored<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT')) throw diskFull(error)
    throw error
  }
}
