import { Failure } from '../../platform/platform.ts'
import type { ArtifactInfo } from '../artifact-info.ts'
import type { InspectOptions } from '../read.ts'

/** See `inspectArtifact`. */
export async function readSwupdate(
  _source: AsyncIterable<Uint8Array>,
  _options: InspectOptions,
): Promise<ArtifactInfo> {
  throw new Failure('bad-input', 'SWUpdate files can’t be read yet')
}
