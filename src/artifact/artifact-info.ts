import type { Digest } from '../platform/platform.ts'

/** What a device must have, or one of what it must have, by name. */
export type Depends = Readonly<Record<string, string | readonly string[]>>

/** Mender's `.mender`, SWUpdate's `.swu`, RAUC's `.raucb`. */
export type ArtifactFormat = 'mender' | 'swupdate' | 'rauc'

/** What an update file holds, in every format in the same words, read from a file of which every byte was checked. */
export interface ArtifactInfo {
  format: ArtifactFormat
  /** Version of the format: 3 for Mender, 1 for the others, which have only one. */
  version: number
  /** The release's name. */
  name: string
  /** The artifact group that a device is in after the update. */
  group?: string
  /** Device types that may install it, in the file's order. */
  deviceTypes: readonly string[]
  /** Everything that a device must have, `device_type` included, of the file and all its payloads. */
  depends: Depends
  /** Everything that a device has after it, `artifact_name` included, of the file and all its payloads. */
  provides: Readonly<Record<string, string>>
  /** Patterns of what a device no longer has after it; `*` is the only wildcard. */
  clearsProvides: readonly string[]
  payloads: readonly PayloadInfo[]
  /** Names of the state scripts, in the file's order. */
  scripts: readonly string[]
  /** `unverified`: it is signed, but no key was given to check the signature with. */
  signature: 'none' | 'unverified' | 'verified'
  /**
   * Only of a Mender artifact that was augmented: what was added to each payload after signing, by anybody, for no signature
   * covers it. It is part of `payloads` and all else here.
   */
  augmented?: readonly Augmentation[]
  /** Of a verified signature: which key it is by, as the SHA-256 of the public key (DER, SPKI). */
  signedBy?: Digest
  /** Of a signature in CMS (SWUpdate, RAUC): whose it says it is; nobody vouches for that unless it is `verified`. */
  certificates?: readonly CertificateInfo[]
  /** RAUC bundles may have others than we write, too. */
  compression: Compression | 'lz4' | 'lzma' | 'lzo'
  /** Only of a RAUC bundle: its format, and what it says of itself for people. */
  bundle?: {
    format: 'plain' | 'verity'
    description?: string | undefined
    build?: string | undefined
  }
  /** Size of the whole file. */
  sizeBytes: number
  /** Digest of the whole file, signature included. */
  sha256: Digest
  /** Digest of what it brings: see `contentDigestOf`. */
  contentDigest: Digest
}

/** What a certificate says for people; the names are distinguished names in one line, the times ISO 8601 (UTC). */
export interface CertificateInfo {
  subject: string
  issuer: string
  from: string
  until: string
}

export interface PayloadInfo {
  /** `rootfs-image`, or the name of an update module; empty for a payload that brings only provides. */
  type: string
  files: readonly PayloadFile[]
  /** Settings for the update module; `{}` where there are none. */
  metaData: Readonly<Record<string, unknown>>
  provides: Readonly<Record<string, string>>
  depends: Depends
  clearsProvides: readonly string[]
}

/** What was added to a payload; `files` are names. */
export interface Augmentation extends Omit<PayloadInfo, 'files'> {
  files: readonly string[]
}

export interface PayloadFile {
  name: string
  /** Uncompressed. */
  sizeBytes: number
  /** SHA-256 of the uncompressed file, 64 hex digits. */
  checksum: string
  /** When the file was changed last, as the artifact says (ISO 8601, UTC). */
  date?: string
}

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz'

/** What a reader accepts at most; each has a default that fits every real artifact. */
export interface ArtifactLimits {
  /** The whole file. */
  artifactBytes: number
  /** The header, compressed and uncompressed: it holds the state scripts. */
  headerBytes: number
  /** All payload files together, uncompressed. */
  payloadBytes: number
}
