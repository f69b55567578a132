// Everything that stands before the payload's bytes in a Mender artifact. It holds the payload's checksums, which are only
// known after those bytes were written, but its size is known before: the header is stored, not compressed, and a checksum,
// a name made of one and a signature have fixed lengths.
import { createHash } from 'node:crypto'
import { type Digest, hexOf } from '../../platform/platform.ts'
import type { Compression } from '../artifact-info.ts'
import { stored, suffixOf } from '../archive/compress.ts'
import { tarEnd, tarHeader, tarMember } from '../archive/tar-header.ts'
import { contentDigestOf, scriptsDigestOf } from '../content-digest.ts'
import type { Signer } from '../keys.ts'
import { releaseNameOf, unknownDigest } from '../release-facts.ts'
import { formatManifest } from './manifest.ts'
import { type ChosenFacts, headerDocuments } from './mender-facts.ts'
import type { Payload } from './payload.ts'
import { hasImage } from './payload-choice.ts'
import type { StateScript } from './state-scripts.ts'

/** What a layout is made of, all of which is known before the payload is read. */
export interface LayoutParts {
  facts: ChosenFacts
  compression: Compression
  payload: Payload
  scripts: readonly StateScript[]
  signer: Signer | undefined
}

/** What follows from the payload's checksums. */
export interface LaidOut {
  name: string
  contentDigest: Digest
  /** Checksums of the payload's files, in their order. */
  checksums: readonly string[]
  imageChecksum: string | undefined
}

/** Plans the size of what stands before the payload, and makes it once the payload was written. */
export class Layout {
  /** How many bytes stand before those of the payload. */
  readonly prefixBytes: number
  readonly #parts: LayoutParts

  constructor(parts: LayoutParts) {
    this.#parts = parts
    const { payload, signer } = parts
    const unknown = hexOf(unknownDigest)
    const planned = this.#resolve(
      payload.contents.map(() => unknown),
      hasImage(payload.type) ? unknown : undefined,
    )
    const signature = signer && Buffer.alloc(signer.signatureBytes)
    this.prefixBytes = assembled(this.#members(planned, 0), signature).length
  }

  /** To be asked once the payload was written. */
  resolve(): LaidOut {
    const { payload } = this.#parts
    return this.#resolve(
      payload.contents.map((content) => content.checksum()),
      payload.imageChecksum(),
    )
  }

  async prefix(known: LaidOut, dataBytes: number, signal: AbortSignal): Promise<Buffer> {
    const members = this.#members(known, dataBytes)
    const signature = await this.#parts.signer?.sign(Buffer.from(members.manifest), signal)
    const bytes = assembled(members, signature)
    if (bytes.length !== this.prefixBytes) throw new Error('the header has another size than was planned')
    return bytes
  }

  #resolve(checksums: readonly string[], imageChecksum: string | undefined): LaidOut {
    const { facts, payload, scripts } = this.#parts
    const files = payload.contents.map(({ name }, i) => ({ name, checksum: checksums[i] ?? '' }))
    const contentDigest = contentDigestOf({
      deviceTypes: facts.deviceTypes,
      payloads: [{ type: payload.type ?? '', metaData: payload.metaData, files }],
      scriptsDigest: scriptsDigestOf(scripts),
    })
    const name = releaseNameOf(facts.name, contentDigest)
    return { name, contentDigest, checksums, imageChecksum }
  }

  #members(known: LaidOut, dataBytes: number): Members {
    const suffix = suffixOf[this.#parts.compression]
    const version = '{"format":"mender","version":3}'
    const header = this.#header(known)
    const manifest = formatManifest([
      ...this.#parts.payload.contents.map(({ name }, i) => ({
        name: `data/0000/${name}`,
        checksum: known.checksums[i] ?? '',
      })),
      { name: `header.tar${suffix}`, checksum: sha256Of(header) },
      { name: 'version', checksum: sha256Of(version) },
    ])
    return {
      version,
      manifest,
      rest: [tarMember(`header.tar${suffix}`, header), tarHeader(`data/0000.tar${suffix}`, dataBytes)],
    }
  }

  #header({ name, imageChecksum }: LaidOut): Buffer {
    const { facts, payload, scripts, compression } = this.#parts
    const { type, metaData } = payload
    const documents = headerDocuments(facts, {
      name,
      payload: { type, metaData, checksum: imageChecksum },
      scripts,
    })
    const tar = Buffer.concat([
      tarMember('header-info', documents.headerInfo),
      ...scripts.map((script) => tarMember(`scripts/${script.name}`, script.content, 0o755)),
      tarMember('headers/0000/type-info', documents.typeInfo),
      ...(documents.metaData === undefined ? [] : [tarMember('headers/0000/meta-data', documents.metaData)]),
      tarEnd,
    ])
    return stored(tar, compression)
  }
}

interface Members {
  version: string
  manifest: string
  rest: readonly Buffer[]
}

function assembled({ version, manifest, rest }: Members, signature: Buffer | undefined): Buffer {
  return Buffer.concat([
    tarMember('version', version),
    tarMember('manifest', manifest),
    ...(signature === undefined ? [] : [tarMember('manifest.sig', signature.toString('base64'))]),
    ...rest,
  ])
}

function sha256Of(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
