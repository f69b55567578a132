import type { Compression } from '../artifact-info.ts'
import { gzip, gzipStored } from './gzip.ts'
import { ahead, blocksInFlight } from './in-order.ts'
import { xz, xzStored } from './xz.ts'
import { zstd, zstdStored } from './zstd.ts'

/** What a member's name ends with, after `.tar`. */
export const suffixOf: Readonly<Record<Compression, '' | '.gz' | '.zst' | '.xz'>> = {
  none: '',
  gzip: '.gz',
  zstd: '.zst',
  xz: '.xz',
}

export interface CompressOptions {
  /** Blocks under way at the same time; as many as the machine is good for where not given. Changes nothing in the bytes. */
  inFlight?: number | undefined
  signal?: AbortSignal | undefined
}

/**
 * Compresses a stream of blocks, in memory that depends on `inFlight` and the blocks' size alone. A block may be overwritten
 * by its owner once more than `inFlight` were asked for after it, and a piece that was given once the next is. How the input is cut
 * decides the output's bytes; nothing else does. Throws what `blocks` throws, for xz also `missing-tool`, and the signal's
 * reason.
 */
export function compress(
  blocks: AsyncIterable<Buffer>,
  compression: Compression,
  options: CompressOptions = {},
): AsyncIterable<Buffer> {
  const inFlight = options.inFlight ?? blocksInFlight
  switch (compression) {
    case 'none':
      return ahead(blocks)
    case 'gzip':
      return ahead(gzip(ahead(blocks), inFlight))
    case 'zstd':
      return ahead(zstd(ahead(blocks), inFlight))
    case 'xz':
      return xz(blocks, options.signal)
  }
}

/**
 * `content` in the form of a compression, but not compressed at all: its size follows from the content's size, so it is
 * known before the content is. Any decompressor reads it.
 */
export function stored(content: Buffer, compression: Compression): Buffer {
  switch (compression) {
    case 'none':
      return content
    case 'gzip':
      return gzipStored(content)
    case 'zstd':
      return zstdStored(content)
    case 'xz':
      return xzStored(content)
  }
}

/** What a user should know who chose a compression, or undefined where there is nothing to say. */
export function caveatOf(compression: Compression): string | undefined {
  if (compression === 'zstd') {
    return 'zstd can only be read by newer clients and tools (mender-artifact 3.10 or later, Mender client 3.5 or later): an older device refuses the artifact'
  }
  if (compression === 'xz') {
    return 'xz takes minutes where gzip takes seconds, about 100 MiB of memory here, and 9 MiB more on the device'
  }
  return undefined
}
