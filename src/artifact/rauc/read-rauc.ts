import { Failure } from '../../platform/platform.ts'
import type { ArtifactInfo } from '../artifact-info.ts'
import type { InspectOptions } from '../read.ts'

/** See `openArtifact`; a bundle's description is at its end, so it is read from a file and not from a stream. */
export async function readRauc(_path: string, _options: InspectOptions): Promise<ArtifactInfo> {
  throw new Failure('bad-input', 'RAUC bundles can’t be read yet')
}
