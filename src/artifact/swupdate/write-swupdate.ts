import { type Context, Failure } from '../../platform/platform.ts'
import type { WriteRequest, WrittenArtifact } from '../write-request.ts'
import type { SwupdateOptions } from './swupdate-options.ts'

/** Writes a `.swu` file. */
export async function writeSwupdate(
  _request: WriteRequest & SwupdateOptions,
  _context: Context,
): Promise<WrittenArtifact> {
  throw new Failure('bad-input', 'the format swupdate can’t be written yet')
}
