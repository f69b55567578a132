import { openArtifact } from '../artifact/artifact.ts'
import { type Context, Failure } from '../platform/platform.ts'
import type { OtaServer, Uploaded } from './ota-server.ts'

/** What stands on the server after an upload: one release, and its artifacts in the order of the files. */
export interface UploadedRelease {
  release: string
  url: string
  artifacts: readonly Uploaded[]
  /** Whether any artifact is there now that was not before. */
  isNew: boolean
}

/**
 * Uploads the artifacts of one release, one after the other; `tell` is called after each with what is there so far. Nothing is
 * sent before every file is whole, signed as asked, and of the same release. May be repeated: what the server has stays as it
 * is. Throws `bad-input` where the files are of several releases, two for one device type or none, and what
 * `OtaServer.upload` throws.
 */
export async function uploadRelease(
  server: OtaServer,
  { paths, verifyKeys }: { paths: readonly string[]; verifyKeys: readonly string[] },
  tell: (soFar: UploadedRelease) => Promise<void>,
  context: Context,
): Promise<UploadedRelease> {
  // of a single file the upload itself sees to that
  if (paths.length > 1) await checkTogether(paths, verifyKeys, context)
  let soFar: UploadedRelease | undefined
  for (const path of paths) {
    const one = await context.log.group(`Uploading ${path}`, () => server.upload(path, verifyKeys))
    const artifacts = [...(soFar?.artifacts ?? []), one]
    soFar = { release: one.release, url: one.url, artifacts, isNew: one.isNew || soFar?.isNew === true }
    await tell(soFar)
  }
  if (soFar) return soFar
  throw new Failure('bad-input', 'no file to upload')
}

/** Files of two releases in one upload are most likely a pattern that takes in an old file. */
async function checkTogether(
  paths: readonly string[],
  verifyKeys: readonly string[],
  { log, signal }: Context,
): Promise<void> {
  const byType = new Map<string, string>()
  let first: { path: string; name: string } | undefined
  for (const path of paths) {
    const { name, deviceTypes, contentDigest } = await openArtifact(path, { verifyKeys, signal })
    log.info(`${path}: ${name} for ${deviceTypes.join(', ')}, content ${contentDigest}`)
    first ??= { path, name }
    if (name !== first.name) {
      throw new Failure(
        'bad-input',
        `${first.path} is of the release ${first.name} and ${path} of ${name}: upload one release at a time`,
      )
    }
    for (const type of deviceTypes) {
      const other = byType.get(type)
      if (other !== undefined) {
        throw new Failure('bad-input', `${other} and ${path} are both ${name} for ${type}: give one of them`)
      }
      byType.set(type, path)
    }
  }
}
