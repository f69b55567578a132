import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Failure, hasCode, messageOf } from '../platform/platform.ts'
import type { ArtifactInfo, ArtifactLimits } from './artifact-info.ts'
import { readMender } from './mender/read-mender.ts'

export interface InspectOptions {
  /** What is accepted at most; see `ArtifactLimits`. */
  limits?: Partial<ArtifactLimits> | undefined
  /** Public keys (PEM). Where any is given, an artifact must be signed by one of them. */
  verifyKeys?: readonly string[] | undefined
  signal?: AbortSignal | undefined
}

/**
 * Reads a whole artifact as a stream, in bounded memory, and checks all of it: grammar, order, every checksum, every
 * name, sizes, and that nothing is missing or follows. Throws `artifact-damaged` with the member and the offset,
 * `artifact-unsigned` where a key was given and the signature is missing or by another key, `bad-key`, and whatever
 * `source` throws. Nothing less than the whole file ever passes.
 */
export async function inspectArtifact(
  source: AsyncIterable<Uint8Array>,
  options: InspectOptions = {},
): Promise<ArtifactInfo> {
  return readMender(source, options)
}

/** `inspectArtifact` of a file; throws also `file-missing`. */
export async function openArtifact(path: string, options: InspectOptions = {}): Promise<ArtifactInfo> {
  await checkFile(path)
  try {
    return await inspectArtifact(
      createReadStream(path, { highWaterMark: 1 << 18, signal: options.signal }),
      options,
    )
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!(error instanceof Failure) || error.reason === 'bad-key') throw error
    throw new Failure(error.reason, `${path}: ${error.message}`, { cause: error })
  }
}

async function checkFile(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return
  } catch (error) {
    const why = hasCode(error, 'ENOENT') ? 'there is no such file' : messageOf(error)
    throw new Failure('file-missing', `can't read the artifact ${path}: ${why}`, { cause: error })
  }
  throw new Failure('file-missing', `${path} is not a file: give the path of an artifact`)
}
