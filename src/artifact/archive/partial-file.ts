import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { storageFailure, syncFolder } from '../../platform/platform.ts'
import { checkReplaceable, folderFailure, outputFailure } from './output-place.ts'

/** A writer that was killed leaves its file behind; one that didn't grow for so long belongs to nobody. */
const abandonedAfterMs = 10 * 60_000
/** How much is written before the disk is told to take it while more is computed: less is left to wait for at the end. */
const flushBytes = 32 << 20
const partialName = /^\.drover-(\d+)-[0-9a-f]{8}\.part$/

/**
 * A file in the making, under a hidden name in the folder where it will be: either it gets its name when it is whole and
 * on the disk, or it goes. What killed writers left in the folder goes too.
 */
export class PartialFile implements AsyncDisposable {
  readonly path: string
  readonly #handle: FileHandle
  #isKept = false
  #unflushedBytes = 0
  #flush: Promise<unknown> | undefined
  /** The system tells it only once, so the end has to know it. */
  #flushFailure: unknown

  private constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  /** Makes `folder` where it is missing. Throws `disk-full`, `missing-rights`, or `bad-input` where it can't be a folder. */
  static async create(folder: string): Promise<PartialFile> {
    try {
      await mkdir(folder, { recursive: true })
      await removeAbandoned(folder)
      const path = join(folder, `.drover-${process.pid}-${randomBytes(4).toString('hex')}.part`)
      return new PartialFile(path, await open(path, 'wx+', 0o644))
    } catch (error) {
      throw folderFailure(error, folder)
    }
  }

  /** Writes all of `data` at `position`. */
  async write(data: Uint8Array, position: number): Promise<void> {
    try {
      for (let at = 0; at < data.length;) {
        const { bytesWritten } = await this.#handle.write(data, at, data.length - at, position + at)
        at += bytesWritten
      }
      this.#flushBehind(data.length)
    } catch (error) {
      throw storageFailure(error, this.path)
    }
  }

  /**
   * Brings it to the disk and gives it its name, where it replaces a file that was there. Throws `bad-input` where that is
   * anything else, and `disk-full`.
   */
  async keepAs(path: string): Promise<void> {
    try {
      await this.#flush
      if (this.#flushFailure !== undefined) throw this.#flushFailure
      await this.#handle.sync()
      await checkReplaceable(path)
      await rename(this.path, path)
      this.#isKept = true
      await syncFolder(dirname(path))
    } catch (error) {
      throw outputFailure(error, path)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush
    await this.#handle.close()
    if (!this.#isKept) await rm(this.path, { force: true })
  }

  #flushBehind(writtenBytes: number): void {
    this.#unflushedBytes += writtenBytes
    if (this.#unflushedBytes < flushBytes || this.#flush !== undefined) return
    this.#unflushedBytes = 0
    this.#flush = this.#handle
      .datasync()
      .catch((error: unknown) => (this.#flushFailure ??= error))
      .finally(() => (this.#flush = undefined))
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = partialName.exec(name)?.[1]
    if (pid === undefined || isRunning(Number(pid))) continue
    const path = join(folder, name)
    // the number may be another container's, so the process is only taken for dead where its file stands still
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > abandonedAfterMs) await rm(path, { force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
