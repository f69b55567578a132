import { isLabVariant } from '../artifact/artifact.ts'
import type { ReleaseArtifact } from './ota-server.ts'

/** Whether an artifact is for lab devices alone, by the variant that it provides; one that names none is for any. */
export function isLabArtifact({ provides = {} }: ReleaseArtifact): boolean {
  return isLabVariant(provides)
}
