// Reads a Mender artifact, format version 3: an outer tar with members in a fixed order, of which header and payloads are
// tars themselves. Everything is checked on the way; the facts are only handed out at the end.
import { createHash } from 'node:crypto'
import { Failure, type RunningHash } from '../../platform/platform.ts'
import type { ArtifactInfo, ArtifactLimits, Compression, PayloadFile, PayloadInfo } from '../artifact-info.ts'
import { ByteReader, damaged, tooLarge, wrongChecksum, wrongMember } from '../archive/byte-reader.ts'
import { contentDigestOf, scriptsProvide } from '../content-digest.ts'
import { compressionOf, decompressed } from '../archive/decompress.ts'
import { type SignatureState, checkSignature } from '../keys.ts'
import { augmentationOf, augmentedFiles } from './augment.ts'
import { type Manifest, parseManifest, parseManifestAugment } from './manifest.ts'
import { type Header, readHeader, readHeaderAugment } from './mender-header.ts'
import { parseJson, versionSchema } from './mender-schema.ts'
import type { InspectOptions } from '../read.ts'
import { readWhole } from '../read-whole.ts'
import { type TarMember, TarReader } from '../archive/tar-reader.ts'

const maxManifestBytes = 1 << 20
/** An RSA signature of 8192 bits is 1368 characters. */
const maxSignatureBytes = 4096
/** Tar headers and padding around the payload files of one payload. */
const tarOverheadBytes = 16 << 20

/** See `inspectArtifact`. */
export async function readMender(
  source: AsyncIterable<Uint8Array>,
  options: InspectOptions,
  hash?: RunningHash,
): Promise<ArtifactInfo> {
  return readWhole(source, options, hash, (bytes, limits) =>
    new MenderReader(new TarReader(bytes), limits, options).read(),
  )
}

type FoundSignature = SignatureState | { signature: 'none' }

class MenderReader {
  readonly #tar: TarReader
  readonly #limits: ArtifactLimits
  readonly #verifyKeys: readonly string[]
  readonly #signal: AbortSignal | undefined
  #payloadBytesLeft: number

  constructor(tar: TarReader, limits: ArtifactLimits, { verifyKeys, signal }: InspectOptions) {
    this.#tar = tar
    this.#limits = limits
    this.#verifyKeys = verifyKeys ?? []
    this.#signal = signal
    this.#payloadBytesLeft = limits.payloadBytes
  }

  async read(): Promise<Omit<ArtifactInfo, 'sizeBytes' | 'sha256'>> {
    const versionChecksum = await this.#version()
    const { manifest, raw } = await this.#manifest()
    if (manifest.version !== versionChecksum)
      throw wrongChecksum('version', 0, 'its checksum is not the manifest’s')
    let member = await this.#expect('manifest.sig or a header')
    const signature = await this.#signature(member, raw)
    if (signature.signature !== 'none') member = await this.#expect('a header')
    const augment = await this.#manifestAugment(member)
    if (augment !== undefined) member = await this.#expect('a header')
    const header = await this.#header(member, manifest)
    const additions = augment && (await this.#headerAugment(augment.header, header))
    const described = additions?.augmented ?? header.payloads
    const files =
      augment === undefined ? manifest.payloads : augmentedFiles(manifest.payloads, augment.payloads)
    checkFileCounts(described, files)
    const { payloads, compression } = await this.#payloads(described, files)
    return {
      ...factsOf(header, payloads, signature, compression ?? header.compression),
      ...(additions && augment ? { augmented: augmentationOf(additions.added, augment.payloads) } : {}),
    }
  }

  /** All payloads and the end. An empty payload may lack its archive. */
  async #payloads(described: Header['payloads'], files: Manifest['payloads']) {
    const payloads: PayloadInfo[] = []
    let compression: Compression | undefined
    let member = await this.#tar.next()
    for (const [i, { type, ...facts }] of described.entries()) {
      const stem = `data/${String(i).padStart(4, '0')}.tar`
      if (type === '' && member?.name.startsWith(stem) !== true) {
        payloads.push({ type, files: [], ...facts })
        continue
      }
      if (member === undefined) throw wrongMember('the artifact', 0, `it ends where ${stem} should be`)
      const read = await this.#payload(member, stem, files[i] ?? new Map<string, string>())
      compression = read.compression
      payloads.push({ type, files: read.files, ...facts })
      member = await this.#tar.next()
    }
    if (member !== undefined) throw unexpected(member, 'the end')
    return { payloads, compression }
  }

  async #expect(what: string): Promise<TarMember> {
    const member = await this.#tar.next()
    if (member === undefined) throw wrongMember('the artifact', 0, `it ends where ${what} should be`)
    return member
  }

  /** Checks the member `version` and gives its checksum. */
  async #version(): Promise<string> {
    const member = await this.#expect('version')
    if (member.name !== 'version') throw unexpected(member, 'version')
    const content = await this.#tar.content(member, 1024)
    const { format, version } = parseJson(content, versionSchema, 'version')
    if (format !== 'mender' || version !== 3) {
      const found = `${JSON.stringify(format)}, version ${version}`
      throw new Failure('bad-input', `the artifact has format ${found}; only "mender", version 3 can be read`)
    }
    return sha256Of(content)
  }

  async #manifest(): Promise<{ manifest: Manifest; raw: Buffer }> {
    const member = await this.#expect('manifest')
    if (member.name !== 'manifest') throw unexpected(member, 'manifest')
    const raw = await this.#tar.content(member, maxManifestBytes)
    return { manifest: parseManifest(raw, 'manifest'), raw }
  }

  async #signature(member: TarMember, manifest: Buffer): Promise<FoundSignature> {
    if (member.name !== 'manifest.sig') {
      if (this.#verifyKeys.length === 0) return { signature: 'none' }
      throw new Failure(
        'artifact-unsigned',
        'the artifact has no signature, but a key to verify it with was given: sign it, or give no key',
      )
    }
    const content = (await this.#tar.content(member, maxSignatureBytes)).toString('latin1').replace(/\n$/, '')
    const signature = Buffer.from(content, 'base64')
    if (content === '' || signature.toString('base64') !== content) {
      throw damaged('manifest.sig', 0, 'it is not base64')
    }
    return checkSignature(manifest, signature, this.#verifyKeys)
  }

  /** The manifest-augment, undefined where the artifact has none. What it adds is what no key vouches for. */
  async #manifestAugment(member: TarMember): Promise<Omit<Manifest, 'version'> | undefined> {
    if (member.name !== 'manifest-augment') return undefined
    if (this.#verifyKeys.length > 0) {
      throw new Failure(
        'artifact-unsigned',
        'the artifact has manifest-augment, additions that no signature covers, but a key to verify it with was given: anybody could have made them after signing',
      )
    }
    return parseManifestAugment(await this.#tar.content(member, maxManifestBytes), 'manifest-augment')
  }

  async #header(member: TarMember, manifest: Manifest): Promise<Header & { compression: Compression }> {
    const compression = compressionOf(member.name, 'header.tar')
    if (compression === undefined) throw unexpected(member, 'a header')
    await using bytes = await this.#headerBytes(member, manifest.header, compression)
    return { ...(await readHeader(bytes)), compression }
  }

  async #headerAugment(expected: Manifest['header'], header: Header & { compression: Compression }) {
    const member = await this.#expect(expected.name)
    if (compressionOf(member.name, 'header-augment.tar') !== header.compression) {
      throw unexpected(member, 'a header-augment, compressed as the header is,')
    }
    await using bytes = await this.#headerBytes(member, expected, header.compression)
    return readHeaderAugment(bytes, header)
  }

  /** What a header holds, uncompressed, once its checksum was right. */
  async #headerBytes(
    member: TarMember,
    expected: Manifest['header'],
    compression: Compression,
  ): Promise<ByteReader> {
    if (member.name !== expected.name) throw unexpected(member, expected.name)
    const content = await this.#tar.content(member, this.#limits.headerBytes)
    if (sha256Of(content) !== expected.checksum) {
      throw wrongChecksum(member.name, 0, 'its checksum is not the manifest’s')
    }
    const source = decompressed(once(content), compression, member.name)
    return new ByteReader(source, { place: member.name, limitBytes: this.#limits.headerBytes })
  }

  async #payload(member: TarMember, stem: string, expected: ReadonlyMap<string, string>) {
    const compression = compressionOf(member.name, stem)
    if (compression === undefined) throw unexpected(member, stem)
    const source = decompressed(this.#tar.body(member), compression, member.name)
    await using bytes = new ByteReader(source, {
      place: member.name,
      limitBytes: this.#payloadBytesLeft + tarOverheadBytes,
    })
    return { files: await this.#files(bytes, expected), compression }
  }

  async #files(bytes: ByteReader, expected: ReadonlyMap<string, string>): Promise<PayloadFile[]> {
    const tar = new TarReader(bytes)
    const files = new Map<string, PayloadFile>()
    for (;;) {
      const member = await tar.next()
      if (member === undefined) break
      const { name, sizeBytes, offset } = member
      const shown = `${bytes.place}, ${JSON.stringify(name)}`
      const wanted = expected.get(name)
      if (wanted === undefined) throw wrongMember(shown, offset, 'the manifest doesn’t name it', name)
      if (files.has(name)) throw wrongMember(shown, offset, 'it is there twice')
      this.#payloadBytesLeft -= sizeBytes
      if (this.#payloadBytesLeft < 0) {
        throw tooLarge(shown, offset, `the payloads have more than ${this.#limits.payloadBytes} bytes`)
      }
      const hash = createHash('sha256')
      for await (const chunk of tar.body(member)) {
        // a few bytes can unpack to very many
        this.#signal?.throwIfAborted()
        hash.update(chunk)
      }
      const checksum = hash.digest('hex')
      if (checksum !== wanted) throw wrongChecksum(shown, offset, 'its checksum is not the manifest’s')
      files.set(name, { name, sizeBytes, checksum, date: member.modifiedAt.toISOString() })
    }
    const missing = [...expected.keys()].find((name) => !files.has(name))
    if (missing !== undefined)
      throw wrongMember(bytes.place, bytes.offset, `${JSON.stringify(missing)} is missing`)
    return [...files.values()]
  }
}

/** How many files a payload can have, of those types where a device cares. */
function checkFileCounts(described: Header['payloads'], files: Manifest['payloads']): void {
  if (files.length > described.length) {
    throw wrongMember('manifest', 0, 'it names a file of a payload that the header doesn’t have')
  }
  for (const [i, { type }] of described.entries()) {
    const count = files[i]?.size ?? 0
    if (type === '' && count > 0) throw wrongMember('manifest', 0, 'it names a file of an empty payload')
    if (type === 'rootfs-image' && count > 1) {
      throw wrongMember('manifest', 0, `it names ${count} files of a rootfs-image, which is one file`)
    }
  }
}

function factsOf(
  header: Header,
  payloads: readonly PayloadInfo[],
  signature: FoundSignature,
  compression: Compression,
): Omit<ArtifactInfo, 'sizeBytes' | 'sha256'> {
  const provides = Object.assign({}, header.provides, ...payloads.map((payload) => payload.provides))
  const scriptsDigest: string | undefined = provides[scriptsProvide]
  const { name, group, deviceTypes } = header
  return {
    format: 'mender',
    version: 3,
    name,
    ...(group === undefined ? {} : { group }),
    deviceTypes,
    depends: Object.assign({}, header.depends, ...payloads.map((payload) => payload.depends)),
    provides,
    clearsProvides: [...new Set(payloads.flatMap((payload) => payload.clearsProvides))],
    payloads,
    scripts: header.scripts,
    ...signature,
    compression,
    contentDigest: contentDigestOf({ deviceTypes, payloads, scriptsDigest }),
  }
}

function unexpected(member: TarMember, instead: string): Failure {
  return wrongMember(
    'the artifact',
    member.offset,
    `the member ${JSON.stringify(member.name)} stands where ${instead} should be`,
    member.name,
  )
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
}

function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
