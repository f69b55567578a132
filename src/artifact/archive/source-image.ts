import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import {
  Failure,
  HashedFile,
  hashedChunkBytes,
  isWorthThread,
  readingFailure,
} from '../../platform/platform.ts'

/** What compression is cut by, too: changing it changes every artifact's bytes. */
export const blockBytes: number = hashedChunkBytes

/** An image that goes into an artifact: read once, from its start to its end. */
export class SourceImage implements AsyncDisposable {
  readonly path: string
  /** The file's own name, which it has in the artifact too. */
  readonly name: string
  readonly sizeBytes: number
  readonly #handle: FileHandle
  readonly #modifiedMs: number
  #checksum: string | undefined

  private constructor(path: string, handle: FileHandle, facts: { size: number; mtimeMs: number }) {
    this.path = path
    this.name = basename(path)
    this.#handle = handle
    this.sizeBytes = facts.size
    this.#modifiedMs = facts.mtimeMs
  }

  /**
   * Throws `file-missing`, or `bad-input` where it is a folder, or, unless `accepts` says otherwise, empty or of a name that
   * an artifact can't hold.
   */
  static async open(
    path: string,
    accepts: { empty?: boolean; anyName?: boolean } = {},
  ): Promise<SourceImage> {
    // a pipe would make a plain open wait for its other end
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
      throw readingFailure(error, `the source ${path}`)
    })
    try {
      const facts = await handle.stat()
      const why = !facts.isFile()
        ? 'is not a plain file'
        : facts.size === 0 && accepts.empty !== true
          ? 'is empty'
          : accepts.anyName === true
            ? undefined
            : whyUnfit(path)
      if (why === undefined) return new SourceImage(path, handle, facts)
      throw new Failure('bad-input', `the source ${path} ${why}: give the path of a plain file with content`)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /**
   * All of it, in blocks of `blockBytes` (the last may be shorter). A block is overwritten once more than `blocksKept` were
   * asked for after it. Throws `bad-input` where the file changes meanwhile.
   */
  async *blocks(blocksKept: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    yield* isWorthThread(this.sizeBytes)
      ? this.#hashedBeside(blocksKept, signal)
      : this.#hashedHere(blocksKept, signal)
    const { size, mtimeMs } = await this.#handle.stat()
    if (size !== this.sizeBytes || mtimeMs !== this.#modifiedMs) throw this.#changed()
  }

  /** SHA-256 of what `blocks` gave, 64 hex digits; to be asked after all of them. */
  checksum(): string {
    if (this.#checksum === undefined) throw new Error('the image was not read')
    return this.#checksum
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close()
  }

  async *#hashedHere(blocksKept: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const hash = createHash('sha256')
    const buffers: Buffer[] = []
    for (let at = 0, i = 0; at < this.sizeBytes; i++) {
      signal.throwIfAborted()
      const bytes = Math.min(blockBytes, this.sizeBytes)
      const buffer = (buffers[i % (blocksKept + 2)] ??= Buffer.allocUnsafeSlow(bytes))
      const block = buffer.subarray(0, Math.min(bytes, this.sizeBytes - at))
      await this.#fill(block, at)
      hash.update(block)
      at += block.length
      yield block
    }
    this.#checksum = hash.digest('hex')
  }

  async *#hashedBeside(blocksKept: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    await using file = HashedFile.over(this.#handle, blocksKept, signal)
    let sizeBytes = 0
    for await (const { buffer, byteOffset, length } of file) {
      sizeBytes += length
      if (sizeBytes > this.sizeBytes) throw this.#changed()
      yield Buffer.from(buffer, byteOffset, length)
    }
    if (sizeBytes < this.sizeBytes) throw this.#changed()
    this.#checksum = await file.digest()
  }

  async #fill(block: Buffer, position: number): Promise<void> {
    for (let at = 0; at < block.length;) {
      const { bytesRead } = await this.#handle.read(block, at, block.length - at, position + at)
      if (bytesRead === 0) throw this.#changed()
      at += bytesRead
    }
  }

  #changed(): Failure {
    return new Failure(
      'bad-input',
      `the source ${this.path} changed while it was read: run again when it is done`,
    )
  }
}

/** Names that a file of an artifact may have: the rule of the devices' client, and of every file system. */
export const fitName = /^(?!\.{1,2}$)[A-Za-z0-9._,-]{1,255}$/

/** What `fitName` asks, for messages. */
export const fitNames = '255 characters at most, of letters, digits and ._,-'

function whyUnfit(path: string): string | undefined {
  return fitName.test(basename(path)) ? undefined : `has a name that an artifact can’t hold (${fitNames})`
}
