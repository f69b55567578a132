import { createHash } from 'node:crypto'
import { type PlannedFile, fileBlocks } from '../archive/file-blocks.ts'

/** One file of a payload: its size is known from the start, its checksum when it was read. */
export interface PayloadContent {
  readonly name: string
  readonly sizeBytes: number
  /** All of it, once. A block may be overwritten once more than `blocksKept` were asked for after it. */
  blocks(blocksKept: number, signal: AbortSignal): AsyncIterable<Buffer>
  /** SHA-256, 64 hex digits; to be asked after all of `blocks`. */
  checksum(): string
}

/** A file of this machine. */
export class FileContent implements PayloadContent {
  readonly name: string
  readonly path: string
  readonly sizeBytes: number
  readonly #file: PlannedFile
  readonly #hash = createHash('sha256')
  #checksum: string | undefined

  constructor(name: string, file: PlannedFile) {
    this.name = name
    this.path = file.path
    this.sizeBytes = file.sizeBytes
    this.#file = file
  }

  async *blocks(blocksKept: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    for await (const block of fileBlocks(this.#file, blocksKept, signal)) {
      this.#hash.update(block)
      yield block
    }
  }

  checksum(): string {
    return (this.#checksum ??= this.#hash.digest('hex'))
  }
}

/** A short text of ours. */
export class TextContent implements PayloadContent {
  readonly name: string
  readonly sizeBytes: number
  readonly #bytes: Buffer

  constructor(name: string, text: string) {
    this.name = name
    this.#bytes = Buffer.from(text)
    this.sizeBytes = this.#bytes.length
  }

  async *blocks(): AsyncGenerator<Buffer> {
    yield this.#bytes
  }

  checksum(): string {
    return createHash('sha256').update(this.#bytes).digest('hex')
  }
}
