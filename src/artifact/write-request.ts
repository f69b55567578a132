import type { Compression } from './artifact-info.ts'
import type { Digest } from '../platform/platform.ts'
import type { Signing } from './signing.ts'

/** What the writers of all formats are told. */
export interface WriteRequest {
  /** Path of what the update brings: a root file system image for most. */
  source: string
  /** Path of the file to write, or the folder where it gets the release's name and the format's extension. */
  output: string | { folder: string }
  /** The release's name, or what it starts with: then it becomes `<prefix>-<12 hex digits of the content digest>`. */
  name: string | { prefix: string }
  /** At least one. */
  deviceTypes: readonly string[]
  compression: Compression
  /** Unsigned where not given. */
  signing?: Signing | undefined
  /** The digest that the source must have. */
  sourceDigest?: Digest | undefined
  /** Of a .swu file or a bundle, the variant of its image; in Mender's format that is a provide like any other. */
  imageVariant?: string | undefined
  /** Reads the file back in full, as a device would, before it gets its name. */
  verify?: boolean | undefined
}

/** An update file that was written. */
export interface WrittenArtifact {
  path: string
  name: string
  /** Of the whole file; known where it was read back. */
  sha256: Digest | undefined
  contentDigest: Digest
  sizeBytes: number
  /** False where the file was there already as it should be; true where not given. */
  isChanged?: boolean
}

/** One that was read back, in full. */
export interface CheckedArtifact extends WrittenArtifact {
  sha256: Digest
}
