// Zstandard in parallel: each block becomes a frame of its own, and frames that follow one another are one stream to every
// decompressor. A frame's window is its block, so a device needs little memory to read it.
import { availableParallelism } from 'node:os'
import { constants, createZstdCompress } from 'node:zlib'
import { inOrder } from './in-order.ts'

const params = { [constants.ZSTD_c_compressionLevel]: 2 }
const chunkSize = 1 << 20
const maxBlockBytes = 128 << 10

/** See `compress`. */
export function zstd(blocks: AsyncIterable<Buffer>, inFlight: number): AsyncIterable<Buffer> {
  // each core has one, and one is ready when it is done; more would only push each other out of the processor's cache
  const idle = Array.from({ length: availableParallelism() + 1 }, () => new FrameCompressor())
  const waiting: ((compressor: FrameCompressor) => void)[] = []
  const compressed = async (block: Buffer) => {
    const compressor = idle.pop() ?? (await new Promise<FrameCompressor>((resolve) => waiting.push(resolve)))
    const frame = await compressor.compress(block)
    const next = waiting.shift()
    if (next === undefined) idle.push(compressor)
    else next(compressor)
    return frame
  }
  return inOrder(blocks, compressed, inFlight)
}

/** Makes a frame of one block after another. It keeps its memory, which Node's functions for one block allocate each time. */
class FrameCompressor {
  readonly #stream = createZstdCompress({ params, chunkSize })
  #chunks: Buffer[] = []
  #fail: (error: unknown) => void = () => {}

  constructor() {
    this.#stream.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    this.#stream.on('error', (error) => this.#fail(error))
  }

  /** To be called again only when the last block is done. */
  async compress(block: Buffer): Promise<Buffer> {
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject
      this.#stream.write(block)
      this.#stream.flush(constants.ZSTD_e_end, resolve)
    })
    return Buffer.concat(this.#chunks.splice(0))
  }
}

/** See `stored`: one frame of raw blocks (RFC 8878, 3.1.1). */
export function zstdStored(content: Buffer): Buffer {
  const header = Buffer.alloc(10)
  header.writeUInt32LE(0xfd2fb528, 0)
  header[4] = 0x80 // four bytes of content size, a window, no checksum, no dictionary
  header[5] = 7 << 3 // the window: 2 ** (10 + 7) bytes, the size of a block
  header.writeUInt32LE(content.length, 6)
  const pieces: Buffer[] = [header]
  for (let at = 0; at < content.length || at === 0; at += maxBlockBytes) {
    const block = content.subarray(at, at + maxBlockBytes)
    const isLast = at + block.length >= content.length
    const head = Buffer.alloc(3)
    head.writeUIntLE((block.length << 3) | (isLast ? 1 : 0), 0, 3)
    pieces.push(head, block)
  }
  return Buffer.concat(pieces)
}
