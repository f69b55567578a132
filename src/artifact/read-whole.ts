import { ByteReader } from './archive/byte-reader.ts'
import { type RunningHash, hashHere } from '../platform/platform.ts'
import type { ArtifactInfo, ArtifactLimits } from './artifact-info.ts'
import type { InspectOptions } from './read.ts'

/** What a reader of any format accepts where nothing else is asked for. */
export const defaultLimits: Readonly<ArtifactLimits> = {
  artifactBytes: 64 * 2 ** 30,
  headerBytes: 16 * 2 ** 20,
  payloadBytes: 256 * 2 ** 30,
}

/**
 * What `read` finds in a stream that it reads to its end, with the size and the digest of all of it; `hash` is that of a
 * source which computes it itself. Throws what both throw, and the signal's reason.
 */
export async function readWhole(
  source: AsyncIterable<Uint8Array>,
  options: InspectOptions,
  hash: RunningHash = hashHere(),
  read: (bytes: ByteReader, limits: ArtifactLimits) => Promise<Omit<ArtifactInfo, 'sizeBytes' | 'sha256'>>,
): Promise<ArtifactInfo> {
  const limits = { ...defaultLimits, ...options.limits }
  await using bytes = new ByteReader(source, {
    place: 'the artifact',
    limitBytes: limits.artifactBytes,
    onChunk: (chunk) => {
      options.signal?.throwIfAborted()
      hash.update(chunk)
    },
  })
  const facts = await read(bytes, limits)
  return { ...facts, sizeBytes: bytes.offset, sha256: `sha256:${await hash.digest()}` }
}
