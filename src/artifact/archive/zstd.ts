// Zstandard in parallel: each block becomes a frame of its own, and frames that follow one another are one stream to every
// decompressor. A frame's window is its block, so a device needs little memory to read it.
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import { inOrder } from './in-order.ts'

const compressFrame = promisify(zstdCompress)
const params = { [constants.ZSTD_c_compressionLevel]: 2 }
const maxBlockBytes = 128 << 10

/** See `compress`. */
export function zstd(blocks: AsyncIterable<Buffer>, inFlight: number): AsyncIterable<Buffer> {
  return inOrder(
    blocks,
    (block) => compressFrame(block, { params, chunkSize: block.length + 1024 }),
    inFlight,
  )
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
