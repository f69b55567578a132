// Reads RAUC bundles: https://rauc.readthedocs.io/en/latest/reference.html#bundle-formats. The signature covers the squashfs
// (plain), or the manifest with the root of a hash tree over the squashfs (verity); either way every byte is checked here.
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { Failure, requirePrograms } from '../../platform/platform.ts'
import { damaged, tooLarge, wrongMember } from '../archive/byte-reader.ts'
import type { ArtifactInfo } from '../artifact-info.ts'
import { certificateInfoOf } from '../certificate-info.ts'
import { type CmsVerified, verifyCms } from '../cms.ts'
import type { InspectOptions } from '../read.ts'
import { defaultLimits } from '../read-whole.ts'
import {
  type BundleLayout,
  type Superblock,
  parseSuperblock,
  parseTrailer,
  signatureKind,
  superblockBytes,
  trailerBytes,
} from './bundle-layout.ts'
import { type BundleFile, contentOf } from './rauc-content.ts'
import { type RaucManifest, parseManifest } from './rauc-manifest.ts'
import { checkImage, filesIn, manifestIn } from './squashfs-files.ts'
import { VerityCheck } from './verity.ts'

/**
 * Reads a whole bundle in constant memory and checks all of it. `verifyKeys` are the certificates of a device's keyring, or
 * public keys of signers. The squashfs is only unpacked after what covers it was checked. Throws what `openArtifact` throws,
 * `bad-input` for an encrypted bundle, and `missing-tool`: it needs `openssl` and `unsquashfs`.
 */
export async function readRauc(path: string, options: InspectOptions): Promise<ArtifactInfo> {
  return (await readBundle(path, options)).info
}

/** A bundle that was read, with what a new signature needs. */
export interface ReadBundle {
  info: ArtifactInfo
  /** Everything before the signature. */
  payloadBytes: number
  /** The manifest as the signature carries it; undefined for a plain bundle, whose signature is over the payload. */
  signedManifest: Buffer | undefined
  /** Certificates of all who signed it, PEM. */
  signers: readonly string[]
}

/** `readRauc`, for who wants to sign it anew. */
export async function readBundle(path: string, options: InspectOptions): Promise<ReadBundle> {
  requirePrograms(['openssl', 'unsquashfs', 'prlimit'])
  await using file = await open(path)
  const sizeBytes = (await file.stat()).size
  const limits = { ...defaultLimits, ...options.limits }
  if (sizeBytes > limits.artifactBytes)
    throw tooLarge('the bundle', limits.artifactBytes, `it has more than ${limits.artifactBytes} bytes`)
  const bundle = new Bundle(file, sizeBytes, options)
  const layout = parseTrailer(
    await bundle.part(Math.max(0, sizeBytes - trailerBytes), trailerBytes),
    sizeBytes,
  )
  const der = await bundle.part(layout.payloadBytes, layout.signatureBytes)
  const kind = signatureKind(der)
  if (kind === 'crypt') throw encrypted()
  const { manifest, verified, superblock, sha256 } = await bundle.check(kind, der, layout)
  checkSize(manifest, limits.payloadBytes)
  // of this very file, whatever has its name meanwhile
  const own = `/proc/${process.pid}/fd/${file.fd}`
  const images = manifest.images.flatMap(({ file: of }) => of ?? [])
  for (const image of images) if (image.sizeBytes > 0) await checkImage(own, image, options.signal)
  const files = await programsIn(own, manifest, superblock, options.signal)
  const info: ArtifactInfo = {
    ...contentOf(manifest, files),
    bundle: { format: kind, description: manifest.description, build: manifest.build },
    signature: verified.signature,
    ...(verified.signedBy === undefined ? {} : { signedBy: verified.signedBy }),
    certificates: certificateInfoOf(verified.signers),
    compression: superblock.compression,
    sizeBytes,
    sha256: `sha256:${sha256}`,
  }
  return {
    info,
    payloadBytes: layout.payloadBytes,
    signedManifest: kind === 'verity' ? verified.content : undefined,
    signers: verified.signers,
  }
}

/** Whether a file ends as a bundle does, also an encrypted one, which begins with anything. */
export async function endsAsBundle(path: string): Promise<boolean> {
  await using file = await open(path)
  const { size } = await file.stat()
  const end = new Bundle(file, size, {})
  try {
    const trailer = await end.part(Math.max(0, size - trailerBytes), trailerBytes)
    const { payloadBytes, signatureBytes } = parseTrailer(trailer, size)
    signatureKind(await end.part(payloadBytes, signatureBytes))
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

interface Checked {
  manifest: RaucManifest
  verified: CmsVerified
  superblock: Superblock
  /** Of the whole file. */
  sha256: string
}

class Bundle {
  readonly #file: FileHandle
  readonly #sizeBytes: number
  readonly #options: InspectOptions
  readonly #hash = createHash('sha256')

  constructor(file: FileHandle, sizeBytes: number, options: InspectOptions) {
    this.#file = file
    this.#sizeBytes = sizeBytes
    this.#options = options
  }

  /** A small part of the file. */
  async part(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length)
    const { bytesRead } = await this.#file.read(bytes, 0, length, offset)
    if (bytesRead < length) throw damaged('the bundle', offset + bytesRead, 'it ends too early')
    return bytes
  }

  async check(kind: 'plain' | 'verity', der: Buffer, layout: BundleLayout): Promise<Checked> {
    const checked = await (kind === 'plain' ? this.#plain(der, layout) : this.#verity(der, layout))
    for await (const chunk of this.#chunks(layout.payloadBytes, this.#sizeBytes)) this.#hash.update(chunk)
    return { ...checked, sha256: this.#hash.digest('hex') }
  }

  async #plain(der: Buffer, { payloadBytes }: BundleLayout): Promise<Omit<Checked, 'sha256'>> {
    const superblock = parseSuperblock(await this.part(0, superblockBytes), payloadBytes)
    const { verifyKeys = [], signal } = this.#options
    const verified = await verifyCms(der, this.#hashed(payloadBytes), verifyKeys, signal)
    const manifest = parseManifest(await manifestIn(`/proc/${process.pid}/fd/${this.#file.fd}`, signal))
    if (manifest.format === 'plain') return { manifest, verified, superblock }
    throw wrongMember('manifest.raucm', 0, `it says ${manifest.format}, but the bundle is signed as plain`)
  }

  async #verity(der: Buffer, { payloadBytes }: BundleLayout): Promise<Omit<Checked, 'sha256'>> {
    const { verifyKeys = [], signal } = this.#options
    const verified = await verifyCms(der, undefined, verifyKeys, signal)
    const manifest = parseManifest(verified.content)
    const { verity } = manifest
    if (manifest.format === 'crypt') throw encrypted()
    if (verity === undefined)
      throw wrongMember('manifest.raucm', 0, 'it is signed as verity, but has no hash tree')
    const dataBytes = payloadBytes - verity.sizeBytes
    if (dataBytes <= superblockBytes)
      throw damaged('manifest.raucm', 0, 'verity-size leaves no place for the squashfs')
    const superblock = parseSuperblock(await this.part(0, superblockBytes), dataBytes)
    const check = new VerityCheck(this.#file, dataBytes, verity)
    let left = dataBytes
    for await (const chunk of this.#hashed(payloadBytes)) {
      await check.add(chunk.subarray(0, left))
      left -= Math.min(left, chunk.length)
    }
    await check.finish()
    return { manifest, verified, superblock }
  }

  /** The payload, which is hashed on its way. */
  async *#hashed(payloadBytes: number): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#chunks(0, payloadBytes)) {
      this.#hash.update(chunk)
      yield chunk
    }
  }

  /** In pieces that are overwritten by the next one. */
  async *#chunks(start: number, end: number): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(1 << 20)
    for (let at = start; at < end;) {
      this.#options.signal?.throwIfAborted()
      const { bytesRead } = await this.#file.read(buffer, 0, Math.min(buffer.length, end - at), at)
      if (bytesRead === 0) throw damaged('the bundle', at, 'it ends too early')
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }
}

/** Everything but images that hooks and handler may use. */
async function programsIn(
  path: string,
  { hooks, handler, images }: RaucManifest,
  { inodes }: Superblock,
  signal: AbortSignal | undefined,
): Promise<BundleFile[]> {
  const named = [hooks, handler].flatMap((program) => program?.file ?? [])
  if (named.length === 0) return []
  const excluded = images.flatMap(({ file }) => file?.name ?? [])
  const files = await filesIn(path, { inodes, images: excluded }, signal)
  const missing = named.find((name) => !files.some((file) => file.name === name))
  if (missing === undefined) return files
  throw wrongMember('the squashfs', 0, `it has no ${JSON.stringify(missing)}, which the manifest names`)
}

function checkSize({ images }: RaucManifest, limitBytes: number): void {
  const total = images.reduce((sum, { file }) => sum + (file?.sizeBytes ?? 0), 0)
  if (total > limitBytes)
    throw tooLarge('manifest.raucm', 0, `its images have ${total} bytes, over ${limitBytes}`)
}

function encrypted(): Failure {
  return new Failure(
    'bad-input',
    'the bundle is encrypted (format crypt), and only its devices can read it: give the bundle that it was made from',
  )
}
