import { type Context, type Digest, Failure } from '../platform/platform.ts'
import type { Depends } from './artifact-info.ts'

export interface MenderOptions {
  /** Path of the root file system image. */
  source: string
  /** Path of the file to write, or the folder where it becomes `<name>.mender`. */
  output: string | { folder: string }
  /** The release's name, or what it starts with: then it becomes `<prefix>-<12 hex digits of the content digest>`. */
  name: string | { prefix: string }
  /** At least one. */
  deviceTypes: readonly string[]
  compression: 'gzip' | 'none'
  /** Private key (PEM: RSA or ECDSA P-256); unsigned where not given. */
  signingKey?: string | undefined
  /** Scripts that run on the device around the update's states; `name` is `<State>_<Enter|Leave|Error>_NN[_text]`. */
  stateScripts?: readonly { name: string; path: string }[] | undefined
  /** What a device has after the update, besides what is always there. */
  provides?: Readonly<Record<string, string>> | undefined
  /** What a device must have, besides one of the device types. */
  depends?: Depends | undefined
  artifactGroup?: string | undefined
  /** The digest that the source must have. */
  sourceDigest?: Digest | undefined
}

export interface WrittenArtifact {
  path: string
  name: string
  sha256: Digest
  contentDigest: Digest
  sizeBytes: number
}

/** Not there yet. */
export async function writeMender(_options: MenderOptions, _context: Context): Promise<WrittenArtifact> {
  throw new Failure('internal', 'not there yet')
}
