// An artifact file that was checked as a whole, ready to be sent.
import { type ArtifactInfo, openArtifact } from '../artifact/artifact.ts'
import { type Context, type FileMark, markFile } from '../platform/platform.ts'

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
