import { type ArtifactInfo, isLabVariant } from '../artifact/artifact.ts'
import { Failure } from '../platform/platform.ts'
import type { ReleaseArtifact } from './ota-server.ts'

/** Whether an artifact is for lab devices alone, by the variant that it provides; one that names none is for any. */
export function isLabArtifact({ provides = {} }: ReleaseArtifact): boolean {
  return isLabVariant(provides)
}

/**
 * Throws `artifact-conflict` where of a file and what the server has of the same content only one is for the lab: the content
 * digest leaves the variant out, and what is kept would decide for which devices it is.
 */
export function requireSameVariant(url: string, info: ArtifactInfo, listed: ReleaseArtifact): void {
  const isLab = isLabVariant(info.provides)
  if (isLab === isLabArtifact(listed)) return
  const [there, file] = isLab ? ['for all devices', 'of the variant lab'] : ['of the variant lab', 'not']
  throw new Failure(
    'artifact-conflict',
    `${url} has ${info.name} with the same content ${there}, and this file is ${file}: give the new release a new name`,
  )
}
