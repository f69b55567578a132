// The one file that a software module of ours has to have. Files can be taken out of a module and put into it by hand, and its
// metadata then says what it said before.
import type { ArtifactInfo } from '../artifact/artifact.ts'
import { type Digest, Failure } from '../platform/platform.ts'
import type { HawkbitArtifact } from './hawkbit-releases.ts'
import type { ModuleArtifact } from './hawkbit-schemas.ts'

/** Updaters take exactly one file from the module `where`, and it has to be `info`'s. */
export function checkFile(where: string, info: ArtifactInfo, files: readonly ModuleArtifact[]): void {
  const [file, ...more] = files
  if (!file)
    throw new Failure('upload-incomplete', `${where} has no file after the upload: look at the server's log`)
  if (more.length > 0) throw tooMany(where, files)
  if (digestOf(file) !== info.sha256) {
    throw new Failure(
      'artifact-conflict',
      `${where} has another file, ${digestOf(file)}; this one is ${info.sha256}. ${remedy}`,
    )
  }
  if (file.size !== info.sizeBytes) {
    throw new Failure(
      'upload-incomplete',
      `${where} lists ${file.size} bytes, but the file has ${info.sizeBytes}: delete the module there and run again`,
    )
  }
}

/**
 * Whether what is there has its file still: `info`'s, or the one with the same content that it was made with. False where it
 * has none. Throws `artifact-conflict` where it has another.
 */
export function hasItsFile(
  where: string,
  info: ArtifactInfo,
  { files, sha256 }: Pick<HawkbitArtifact, 'files' | 'sha256'>,
): boolean {
  const [file, ...more] = files
  if (!file) return false
  if (more.length > 0) throw tooMany(where, files)
  const isThis = digestOf(file) === info.sha256 && file.size === info.sizeBytes
  if (isThis || digestOf(file) === sha256) return true
  throw new Failure(
    'artifact-conflict',
    `${where} has the file ${digestOf(file)} of ${file.size} bytes, which is neither this one, ${info.sha256}, nor the one that was uploaded, ${sha256 ?? 'of which nothing is noted'}. ${remedy}`,
  )
}

const remedy = 'Delete the module there, or give the release a new name'

function tooMany(where: string, files: readonly ModuleArtifact[]): Failure {
  return new Failure(
    'artifact-conflict',
    `${where} has ${files.length} files, and updaters take one only: delete the module there, or give the release a new name`,
  )
}

function digestOf({ hashes }: ModuleArtifact): Digest {
  return `sha256:${(hashes.sha256 ?? '').toLowerCase()}`
}
