// An artifact file that was checked as a whole, ready to be sent.
import { type ArtifactInfo, openArtifact } from '../artifact/artifact.ts'
import { type Context, Failure, type FileMark, markFile } from '../platform/platform.ts'

export interface ArtifactFile {
  path: string
  info: ArtifactInfo
  /** Of the file as it was checked: what was written to it since is not sent. */
  mark: FileMark
}

/** Checks a file as `openArtifact` does, and says in the log what it is; throws what that throws. */
export async function openArtifactFile(
  path: string,
  verifyKeys: readonly string[],
  { log, signal }: Context,
): Promise<ArtifactFile> {
  const mark = await markFile(path)
  const info = await openArtifact(path, { verifyKeys, signal })
  log.info(
    `${path} is whole: ${info.name} for ${info.deviceTypes.join(', ') || 'any device'}, ${info.sizeBytes} bytes, ` +
      `content ${info.contentDigest}, signature ${info.signature}`,
  )
  return { path, info, mark }
}

/**
 * Throws `artifact-conflict` where a signature was asked for and what the server has of this content has none: that is what
 * devices would be given. `isSigned` is undefined where the server doesn't tell.
 */
export function requireSignedThere(
  url: string,
  info: ArtifactInfo,
  isSigned: boolean | undefined,
  verifyKeys: readonly string[],
): void {
  if (verifyKeys.length === 0 || isSigned !== false) return
  throw new Failure(
    'artifact-conflict',
    `${url} has ${info.name} unsigned, and devices would be given that: give what is signed a new name, or delete the other there where no device has it`,
  )
}
