import { Failure } from '../platform/platform.ts'
import type { ArtifactInfo } from './artifact-info.ts'
import type { InspectOptions } from './read.ts'

export async function readMender(
  _source: AsyncIterable<Uint8Array>,
  _options: InspectOptions,
): Promise<ArtifactInfo> {
  throw new Failure('internal', 'not there yet')
}
