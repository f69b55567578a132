import { type Context, Failure } from '../../platform/platform.ts'
import type { WriteRequest, WrittenArtifact } from '../write-request.ts'
import type { RaucOptions } from './rauc-options.ts'

/** Writes a `.raucb` file. */
export async function writeRauc(
  _request: WriteRequest & RaucOptions,
  _context: Context,
): Promise<WrittenArtifact> {
  throw new Failure('bad-input', 'the format rauc can’t be written yet')
}
