import { blockBytes } from './source-image.ts'

/** From here on a piece is worth compressing on its own. */
const largeBytes = 64 << 10

/**
 * The same bytes in fewer pieces: small ones (headers, padding, small files) are copied together up to the size of a block,
 * large ones pass as they are. Where it cuts depends on the sizes of the pieces alone.
 */
export async function* joinedBlocks(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let small: Buffer[] = []
  let smallBytes = 0
  for await (const piece of pieces) {
    const isLarge = piece.length >= largeBytes
    if (smallBytes > 0 && (isLarge || smallBytes + piece.length > blockBytes)) {
      yield Buffer.concat(small)
      small = []
      smallBytes = 0
    }
    if (isLarge) {
      yield piece
    } else if (piece.length > 0) {
      small.push(Buffer.from(piece)) // its owner may overwrite it before it is used
      smallBytes += piece.length
    }
  }
  if (smallBytes > 0) yield Buffer.concat(small)
}
