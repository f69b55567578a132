import { type Context, Failure } from '../platform/platform.ts'
import type { PartialFile } from './archive/partial-file.ts'
import type { ArtifactInfo } from './artifact-info.ts'
import { openArtifact } from './read.ts'

/** An update file that gets a signature, and where it goes. */
export interface SigningJob {
  path: string
  /** What was read from it in full. */
  before: ArtifactInfo
  /** May be `path`, which then stays where nothing changes. */
  output: string
  /** What the signature is verified with (PEM). */
  publicKey: string
}

/**
 * Reads a file with its new signature in full and gives it its name. Throws `artifact-damaged` where it brings anything else
 * than before, and what `openArtifact` throws.
 */
export async function keepSigned(
  file: PartialFile,
  { path, before, output, publicKey }: SigningJob,
  { signal }: Context,
): Promise<ArtifactInfo> {
  const after = await openArtifact(file.path, { verifyKeys: [publicKey], signal })
  checkSame(path, before, after)
  signal.throwIfAborted()
  if (after.sha256 !== before.sha256 || output !== path) await file.keepAs(output)
  return after
}

/** Throws `artifact-damaged` where a file with a new signature brings another release than it did before. */
export function checkSame(path: string, before: ArtifactInfo, after: ArtifactInfo): void {
  if (after.contentDigest === before.contentDigest && after.name === before.name) return
  throw new Failure(
    'artifact-damaged',
    `${path} changed while it was signed: nothing was written, sign it again`,
  )
}
