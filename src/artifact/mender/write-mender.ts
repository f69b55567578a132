// Writes Mender artifacts, format version 3, with one payload of any kind, in one pass over the source. Manifest and header
// come before the payload and hold its checksums, which are only known after it. Their sizes are known all the same (see
// layout.ts), so the payload is written where it will stay, and what comes before it is filled in at the end: no second copy.
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Context, type Digest, Failure, digestOfFile, hexOf } from '../../platform/platform.ts'
import { compress } from '../archive/compress.ts'
import { blocksInFlight } from '../archive/in-order.ts'
import { joinedBlocks } from '../archive/joined-blocks.ts'
import { PartialFile } from '../archive/partial-file.ts'
import { tarEnd, tarHeader } from '../archive/tar-header.ts'
import { paddingOf } from '../archive/tar-reader.ts'
import { Findings } from '../findings.ts'
import type { Signer } from '../keys.ts'
import { openArtifact } from '../read.ts'
import { openSigner } from '../signing.ts'
import type { WriteRequest, WrittenArtifact } from '../write-request.ts'
import { Layout } from './layout.ts'
import { type ChosenFacts, type StateScript, checkFacts, readScripts } from './mender-facts.ts'
import { type Payload, openPayload } from './payload.ts'
import type { PayloadChoice } from './payload-choice.ts'

export interface MenderOptions extends WriteRequest, ChosenFacts {
  /** What kind of payload the source becomes; `rootfs-image` where not given. */
  payload?: PayloadChoice | undefined
  /** Scripts that run on the device around the update's states; `name` is `<State>_<Enter|Leave|Error>_NN[_text]`. */
  stateScripts?: readonly { name: string; path: string }[] | undefined
  /** Blocks compressed at the same time; changes nothing in the bytes. As many as the machine is good for where not given. */
  inFlight?: number | undefined
}

/**
 * Writes an artifact, signed where a key is given. The same input gives the same bytes on any machine at any time, signature
 * included. The file appears under its name when it is whole and on the disk, or not at all; what stood there is replaced.
 * Memory is constant, and the only extra space is the file itself. Everything is checked before anything is written, and all
 * that is wrong is one failure: `file-missing`, `bad-input`, `bad-key`. Throws also `disk-full`, and the signal's reason. May
 * be repeated.
 */
export async function writeMender(options: MenderOptions, context: Context): Promise<WrittenArtifact> {
  const { payload, scripts, signer } = await checked(options, context)
  await using _ = payload
  const { output } = options
  await using file = await PartialFile.create(typeof output === 'string' ? dirname(output) : output.folder)
  const layout = new Layout({ facts: options, compression: options.compression, payload, scripts, signer })
  const dataBytes = await writeData(payload, options, file, layout.prefixBytes, context)
  checkDigest(payload.sourceChecksum(), options)
  const known = layout.resolve()
  await file.write(await layout.prefix(known, dataBytes, context.signal), 0)
  const path = typeof output === 'string' ? output : join(output.folder, `${known.name}.mender`)
  const sha256 = await digestOfWritten(file.path, options, signer, context.signal)
  context.signal.throwIfAborted()
  await file.keepAs(path)
  const sizeBytes = layout.prefixBytes + dataBytes + paddingOf(dataBytes) + tarEnd.length
  context.log.info(`wrote ${path}: ${megabytes(payloadBytes(payload))} in ${megabytes(sizeBytes)}`)
  return { path, name: known.name, sha256, contentDigest: known.contentDigest, sizeBytes }
}

interface Checked {
  payload: Payload
  scripts: readonly StateScript[]
  signer: Signer | undefined
}

/** Opens all that goes into the artifact; throws one failure for all that is wrong, with nothing left open. */
async function checked(options: MenderOptions, context: Context): Promise<Checked> {
  const findings = new Findings()
  const choice = options.payload ?? { kind: 'rootfs-image' }
  checkFacts(options, choice, findings)
  const signer = await findings.from(() => openSigner(options.signing))
  const scripts = await findings.from(() => readScripts(options.stateScripts))
  const payload = await findings.from(() => openPayload(choice, options.source, context))
  await findings.from(() => checkOutput(options))
  try {
    findings.fail()
  } catch (error) {
    await payload?.[Symbol.asyncDispose]()
    throw error
  }
  if (payload === undefined || scripts === undefined)
    throw new Error('nothing is wrong, but something is missing')
  return { payload, scripts, signer }
}

/** Writes the payload and the archive's end from `start` on; gives the payload's stored size. */
async function writeData(
  payload: Payload,
  options: MenderOptions,
  file: PartialFile,
  start: number,
  context: Context,
): Promise<number> {
  const inFlight = options.inFlight ?? blocksInFlight
  const { signal } = context
  const tar = joinedBlocks(payloadTar(payload, inFlight, context))
  let position = start
  for await (const piece of compress(tar, options.compression, { inFlight, signal })) {
    signal.throwIfAborted()
    await file.write(piece, position)
    position += piece.length
  }
  const dataBytes = position - start
  await file.write(Buffer.concat([Buffer.alloc(paddingOf(dataBytes)), tarEnd]), position)
  return dataBytes
}

/** The inner archive: each file between a header of its own and padding, and the end. */
async function* payloadTar(payload: Payload, inFlight: number, context: Context): AsyncGenerator<Buffer> {
  let read = 0
  let toldAt = context.clock.now().getTime()
  for (const content of payload.contents) {
    yield tarHeader(content.name, content.sizeBytes)
    for await (const block of content.blocks(inFlight, context.signal)) {
      yield block
      read += block.length
      const now = context.clock.now().getTime()
      if (now - toldAt < 5000) continue
      toldAt = now
      context.log.info(`${megabytes(read)} of ${megabytes(payloadBytes(payload))} packed`)
    }
    yield Buffer.alloc(paddingOf(content.sizeBytes))
  }
  yield tarEnd
}

function payloadBytes({ contents }: Payload): number {
  return contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

async function checkOutput(options: MenderOptions): Promise<void> {
  const { output, source, payload, stateScripts = [] } = options
  const path = resolve(typeof output === 'string' ? output : output.folder)
  const isFolder = async (name: string) => (await stat(name).catch(() => undefined))?.isDirectory() === true
  const inputs = [
    source,
    ...(payload !== undefined && 'files' in payload ? payload.files : []),
    ...stateScripts.map((script) => script.path),
  ]
  let what: string | undefined
  if (typeof output === 'string') {
    if (inputs.some((input) => resolve(input) === path))
      what = 'the source itself, or another file that goes into it'
    else if (await isFolder(path)) what = 'a folder'
  }
  // else the next run would pack this one's result
  if (`${path}/`.startsWith(`${resolve(source)}/`) && (await isFolder(source))) what = 'in the source'
  if (what === undefined) return
  throw new Failure('bad-input', `the output ${path} is ${what}: give the path of another file to write`)
}

function checkDigest(checksum: string | undefined, { source, sourceDigest }: MenderOptions): void {
  if (sourceDigest === undefined || checksum === undefined || hexOf(sourceDigest) === checksum) return
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
