// Gzip in parallel: the input is cut into blocks of fixed size, each block is deflated on its own, with the end of the block
// before as its history, so little is lost, and the pieces are joined to one ordinary gzip stream. The result depends on the
// input alone, never on the number of threads.
import { crc32 } from 'node:zlib'
import { deflateCode } from './deflate-code.ts'
import { type BlockCompressor, CompressWorkers, type Piece, released } from './compress-workers.ts'
import { deflater } from './deflater.ts'
import { inOrder } from './in-order.ts'

const historyBytes = 32 << 10
const maxBlockBytes = 1 << 20
/** Not worth a thread. */
const smallBytes = 64 << 10
/** magic, deflate, no flags, no date, no hint, unknown system */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
/** An empty block that is the last one. */
const lastBlock = Buffer.from([3, 0])

/** See `compress`. */
export async function* gzip(blocks: AsyncIterable<Buffer>, inFlight: number): AsyncGenerator<Buffer> {
  await using workers = new CompressWorkers(deflater, deflateCode())
  let crc = 0
  let sizeBytes = 0
  const end = Buffer.alloc(historyBytes)
  let history = end.subarray(0, 0)
  const deflated = (block: Buffer) => {
    crc = crc32(block, crc)
    sizeBytes += block.length
    const piece = deflateBlock(block, history, workers) // has copied the history when it returns
    history = end.subarray(0, block.subarray(-historyBytes).copy(end))
    return piece
  }
  yield header
  yield* released(inOrder(cut(blocks), deflated, inFlight))
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(sizeBytes % 2 ** 32, 4)
  yield Buffer.concat([lastBlock, trailer])
}

async function* cut(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const block of blocks) {
    for (let at = 0; at < block.length; at += maxBlockBytes) yield block.subarray(at, at + maxBlockBytes)
  }
}

const zeros = Buffer.alloc(maxBlockBytes)
let zeroBlock: Piece | undefined
let inline: BlockCompressor | undefined

async function deflateBlock(
  block: Buffer,
  history: Buffer,
  workers: CompressWorkers<Uint8Array<ArrayBuffer>>,
): Promise<Piece> {
  // images are full of unused space: a block of zeros always gives the same piece, made once
  if (zeros.equals(block)) return (zeroBlock ??= deflateHere(zeros, Buffer.alloc(0)))
  return block.length > smallBytes ? workers.compress(block, history) : deflateHere(block, history)
}

function deflateHere(block: Uint8Array, history: Uint8Array): Piece {
  inline ??= deflater(deflateCode())
  return { bytes: Buffer.from(inline(block, history)), release: () => {} }
}

/** See `stored`. */
export function gzipStored(content: Buffer): Buffer {
  const pieces: Buffer[] = [header]
  for (let at = 0; at < content.length || at === 0; at += 0xffff) {
    const block = content.subarray(at, at + 0xffff)
    const head = Buffer.alloc(5)
    head[0] = at + block.length >= content.length ? 1 : 0
    head.writeUInt16LE(block.length, 1)
    head.writeUInt16LE(block.length ^ 0xffff, 3)
    pieces.push(head, block)
  }
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(content), 0)
  trailer.writeUInt32LE(content.length, 4)
  return Buffer.concat([...pieces, trailer])
}
