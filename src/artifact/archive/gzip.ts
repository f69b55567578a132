// Gzip in parallel: the input is cut into blocks of fixed size, each block is deflated on its own in Node's thread pool
// (with the end of the block before as its dictionary, so little is lost), and the pieces are joined to one ordinary gzip
// stream. The result depends on the input alone, never on the number of threads.
import { promisify } from 'node:util'
import { constants, crc32, deflateRaw } from 'node:zlib'
import { inOrder } from './in-order.ts'

export { blocksInFlight } from './in-order.ts'

const deflate = promisify(deflateRaw)
const dictionaryBytes = 32 << 10
/** Within 3 % of the size of level 6 for 60 % of its time. */
const effort = { level: 4, memLevel: 9 }
/** magic, deflate, no flags, no date, no hint, unknown system */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
/** An empty block that is the last one. */
const lastBlock = Buffer.from([3, 0])

/** See `compress`. */
export async function* gzip(blocks: AsyncIterable<Buffer>, inFlight: number): AsyncGenerator<Buffer> {
  let crc = 0
  let sizeBytes = 0
  let dictionary = Buffer.alloc(0)
  const deflated = (block: Buffer) => {
    crc = crc32(block, crc)
    sizeBytes += block.length
    const before = dictionary
    dictionary = Buffer.from(block.subarray(-dictionaryBytes))
    return deflateBlock(block, before)
  }
  yield header
  yield* inOrder(blocks, deflated, inFlight)
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(sizeBytes % 2 ** 32, 4)
  yield Buffer.concat([lastBlock, trailer])
}

const zeroPieces = new Map<number, Promise<Buffer>>()
const zeros = Buffer.alloc(1 << 20)

// images are full of unused space: a block of zeros always gives the same piece, made once
function deflateBlock(block: Buffer, dictionary: Buffer): Promise<Buffer> {
  if (block.length > zeros.length || !zeros.subarray(0, block.length).equals(block)) {
    return deflatePiece(block, dictionary)
  }
  const known = zeroPieces.get(block.length) ?? deflatePiece(Buffer.from(block), Buffer.alloc(0))
  zeroPieces.set(block.length, known)
  return known
}

async function deflatePiece(block: Buffer, dictionary: Buffer): Promise<Buffer> {
  return deflate(block, {
    ...effort,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: block.length + 1024,
    ...(dictionary.length === 0 ? {} : { dictionary }),
  })
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
