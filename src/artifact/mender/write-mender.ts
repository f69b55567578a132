// Writes Mender artifacts, format version 3, with one payload of type rootfs-image, in one pass over the source.
// Manifest and header come before the payload and hold its checksum, which is only known after it. Their sizes are known
// all the same: the header's gzip stream is stored, not deflated, and everything in it has a fixed length. So the payload is
// written where it will stay, and what comes before it is filled in at the end: no second copy, no temporary space.
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Context, type Digest, Failure, digestOfFile, hexOf } from '../../platform/platform.ts'
import { contentDigestOf, scriptsDigestOf } from '../content-digest.ts'
import { blocksInFlight, gzip, gzipStored } from '../archive/gzip.ts'
import type { Signer } from '../keys.ts'
import { openSigner } from '../signing.ts'
import { formatManifest } from './manifest.ts'
import {
  type ChosenFacts,
  type StateScript,
  checkFacts,
  headerDocuments,
  readScripts,
} from './mender-facts.ts'
import type { WriteRequest, WrittenArtifact } from '../write-request.ts'
import { PartialFile } from '../archive/partial-file.ts'
import { openArtifact } from '../read.ts'
import { SourceImage } from '../archive/source-image.ts'
import { tarEnd, tarHeader, tarMember } from '../archive/tar-header.ts'
import { paddingOf } from '../archive/tar-reader.ts'

export interface MenderOptions extends WriteRequest, ChosenFacts {
  /** Scripts that run on the device around the update's states; `name` is `<State>_<Enter|Leave|Error>_NN[_text]`. */
  stateScripts?: readonly { name: string; path: string }[] | undefined
  /** Blocks compressed at the same time; changes nothing in the bytes. As many as the machine is good for where not given. */
  inFlight?: number | undefined
}

/**
 * Writes an artifact, signed where a key is given. The same input gives the same bytes on any machine at any time, signature
 * included. The file appears under its name when it is whole and on the disk, or not at all; what stood there is replaced.
 * Memory is constant, and the only extra space is the file itself. Throws `file-missing`, `bad-input`, `bad-key`,
 * `disk-full`, and the signal's reason. May be repeated.
 */
export async function writeMender(options: MenderOptions, context: Context): Promise<WrittenArtifact> {
  checkFacts(options)
  const signer = await openSigner(options.signing)
  const scripts = await readScripts(options.stateScripts)
  await using source = await SourceImage.open(options.source)
  const { output } = options
  if (typeof output === 'string') await checkOutput(output, source.path)
  await using file = await PartialFile.create(typeof output === 'string' ? dirname(output) : output.folder)
  const layout = new Layout(options, source.name, scripts, signer)
  const dataBytes = await writeData(source, options, file, layout.prefixBytes, context)
  const facts = layout.factsOf(source.checksum())
  checkDigest(facts.checksum, options)
  await file.write(await layout.prefix(facts, dataBytes, context.signal), 0)
  const path = typeof output === 'string' ? output : join(output.folder, `${facts.name}.mender`)
  const sha256 = await digestOfWritten(file.path, options, signer, context.signal)
  context.signal.throwIfAborted()
  await file.keepAs(path)
  const sizeBytes = layout.prefixBytes + dataBytes + paddingOf(dataBytes) + tarEnd.length
  context.log.info(`wrote ${path}: ${megabytes(source.sizeBytes)} in ${megabytes(sizeBytes)}`)
  return { path, name: facts.name, sha256, contentDigest: facts.contentDigest, sizeBytes }
}

interface KnownFacts {
  name: string
  checksum: string
  contentDigest: Digest
}

/** Everything that stands before the payload's bytes: its size from the start, its content at the end. */
class Layout {
  readonly prefixBytes: number
  readonly #options: MenderOptions
  readonly #fileName: string
  readonly #scripts: readonly StateScript[]
  readonly #signer: Signer | undefined

  constructor(
    options: MenderOptions,
    fileName: string,
    scripts: readonly StateScript[],
    signer: Signer | undefined,
  ) {
    this.#options = options
    this.#fileName = fileName
    this.#scripts = scripts
    this.#signer = signer
    const planned = this.#parts(this.factsOf('0'.repeat(64)), 0)
    this.prefixBytes = assembled(planned, signer && Buffer.alloc(signer.signatureBytes)).length
  }

  /** What follows from the payload's checksum. */
  factsOf(checksum: string): KnownFacts {
    const { deviceTypes, name } = this.#options
    const files = [{ name: this.#fileName, checksum }]
    const scriptsDigest = scriptsDigestOf(this.#scripts)
    const contentDigest = contentDigestOf({
      deviceTypes,
      payloads: [{ type: 'rootfs-image', files }],
      scriptsDigest,
    })
    const derived = () =>
      `${typeof name === 'string' ? name : name.prefix}-${hexOf(contentDigest).slice(0, 12)}`
    return { name: typeof name === 'string' ? name : derived(), checksum, contentDigest }
  }

  async prefix(facts: KnownFacts, dataBytes: number, signal: AbortSignal): Promise<Buffer> {
    const parts = this.#parts(facts, dataBytes)
    const signature = await this.#signer?.sign(Buffer.from(parts.manifest), signal)
    const bytes = assembled(parts, signature)
    if (bytes.length !== this.prefixBytes) throw new Error('the header has another size than was planned')
    return bytes
  }

  #parts(facts: KnownFacts, dataBytes: number): Parts {
    const suffix = this.#options.compression === 'gzip' ? '.gz' : ''
    const version = '{"format":"mender","version":3}'
    const header = this.#header(facts)
    const manifest = formatManifest([
      { name: `data/0000/${this.#fileName}`, checksum: facts.checksum },
      { name: `header.tar${suffix}`, checksum: sha256Of(header) },
      { name: 'version', checksum: sha256Of(version) },
    ])
    return {
      version,
      manifest,
      rest: [tarMember(`header.tar${suffix}`, header), tarHeader(`data/0000.tar${suffix}`, dataBytes)],
    }
  }

  #header(facts: KnownFacts): Buffer {
    const { headerInfo, typeInfo } = headerDocuments(this.#options, { ...facts, scripts: this.#scripts })
    const tar = Buffer.concat([
      tarMember('header-info', headerInfo),
      ...this.#scripts.map(({ name, content }) => tarMember(`scripts/${name}`, content, 0o755)),
      tarMember('headers/0000/type-info', typeInfo),
      tarEnd,
    ])
    return this.#options.compression === 'gzip' ? gzipStored(tar) : tar
  }
}

interface Parts {
  version: string
  manifest: string
  rest: readonly Buffer[]
}

function assembled({ version, manifest, rest }: Parts, signature: Buffer | undefined): Buffer {
  return Buffer.concat([
    tarMember('version', version),
    tarMember('manifest', manifest),
    ...(signature === undefined ? [] : [tarMember('manifest.sig', signature.toString('base64'))]),
    ...rest,
  ])
}

/** Writes the payload and the archive's end from `start` on; gives the payload's stored size. */
async function writeData(
  source: SourceImage,
  options: MenderOptions,
  file: PartialFile,
  start: number,
  context: Context,
): Promise<number> {
  const inFlight = options.inFlight ?? blocksInFlight
  const tar = payloadTar(source, inFlight, context)
  let position = start
  for await (const piece of options.compression === 'gzip' ? gzip(tar, inFlight) : tar) {
    context.signal.throwIfAborted()
    await file.write(piece, position)
    position += piece.length
  }
  const dataBytes = position - start
  await file.write(Buffer.concat([Buffer.alloc(paddingOf(dataBytes)), tarEnd]), position)
  return dataBytes
}

/** The inner archive: the image between a header of its own and the end, each in blocks of their own. */
async function* payloadTar(source: SourceImage, inFlight: number, context: Context): AsyncGenerator<Buffer> {
  yield tarHeader(source.name, source.sizeBytes)
  let read = 0
  let toldAt = context.clock.now().getTime()
  for await (const block of source.blocks(inFlight, context.signal)) {
    yield block
    read += block.length
    const now = context.clock.now().getTime()
    if (now - toldAt < 5000) continue
    toldAt = now
    context.log.info(`${megabytes(read)} of ${megabytes(source.sizeBytes)} packed`)
  }
  yield Buffer.concat([Buffer.alloc(paddingOf(source.sizeBytes)), tarEnd])
}

async function checkOutput(output: string, source: string): Promise<void> {
  const what =
    resolve(output) === resolve(source)
      ? 'the source itself'
      : (await stat(output).catch(() => undefined))?.isDirectory() === true
        ? 'a folder'
        : undefined
  if (what === undefined) return
  throw new Failure('bad-input', `the output ${output} is ${what}: give the path of the file to write`)
}

function checkDigest(checksum: string, { source, sourceDigest }: MenderOptions): void {
  if (sourceDigest === undefined || hexOf(sourceDigest) === checksum) return
  throw new Failure(
    'bad-input',
    `${source} has the digest sha256:${checksum}, not ${sourceDigest} as it should: build it again, or give a name of its own`,
  )
}

async function digestOfWritten(
  path: string,
  options: MenderOptions,
  signer: Signer | undefined,
  signal: AbortSignal,
): Promise<Digest> {
  if (options.verify !== true) return digestOfFile(path, signal)
  const verifyKeys = signer === undefined ? [] : [signer.publicKey]
  return (await openArtifact(path, { verifyKeys, signal })).sha256
}

function megabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`
}

function sha256Of(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
