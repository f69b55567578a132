// Writes Mender artifacts, format version 3, with one payload of any kind, in one pass over the source. Manifest and header
// come before the payload and hold its checksums, which are only known after it. Their sizes are known all the same (see
// layout.ts), so the payload is written where it will stay, and what comes before it is filled in at the end: no second copy.
import type { Context } from '../../platform/platform.ts'
import { compress } from '../archive/compress.ts'
import { blocksInFlight } from '../archive/in-order.ts'
import { joinedBlocks } from '../archive/joined-blocks.ts'
import { PartialFile } from '../archive/partial-file.ts'
import { tarEnd, tarHeader } from '../archive/tar-header.ts'
import { paddingOf } from '../archive/tar-reader.ts'
import { Findings } from '../findings.ts'
import type { Signer } from '../keys.ts'
import { checkOutput, checkSourceDigest, keepOutput, outputFolder, outputPath } from '../output.ts'
import { packingProgress } from '../progress.ts'
import { openSigner } from '../signing.ts'
import type { WriteRequest, WrittenArtifact } from '../write-request.ts'
import { Layout } from './layout.ts'
import { type ChosenFacts, checkFacts } from './mender-facts.ts'
import { type Payload, openPayload } from './payload.ts'
import type { PayloadChoice } from './payload-choice.ts'
import { type StateScript, readScripts } from './state-scripts.ts'

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
  await using file = await PartialFile.create(outputFolder(options))
  const layout = new Layout({ facts: options, compression: options.compression, payload, scripts, signer })
  const dataBytes = await writeData(payload, options, file, layout.prefixBytes, context)
  checkSourceDigest(options, payload.sourceChecksum())
  const known = layout.resolve()
  await file.write(await layout.prefix(known, dataBytes, context.signal), 0)
  const path = outputPath(options, 'mender', known.name)
  const sizeBytes = layout.prefixBytes + dataBytes + paddingOf(dataBytes) + tarEnd.length
  const written = { path, publicKey: signer?.publicKey, sourceBytes: payloadBytes(payload), sizeBytes }
  const sha256 = await keepOutput(file, written, options, context)
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
  await findings.from(() => checkOutput(options, 'mender', otherFiles(options)))
  try {
    return { payload: findings.orFail(payload), scripts: findings.orFail(scripts), signer }
  } catch (error) {
    await payload?.[Symbol.asyncDispose]()
    throw error
  }
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
  const tell = packingProgress(payloadBytes(payload), context)
  for (const content of payload.contents) {
    yield tarHeader(content.name, content.sizeBytes)
    for await (const block of content.blocks(inFlight, context.signal)) {
      const { length } = block
      yield block
      tell(length)
    }
    yield Buffer.alloc(paddingOf(content.sizeBytes))
  }
  yield tarEnd
}

function payloadBytes({ contents }: Payload): number {
  return contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** All files besides the source that go into the artifact. */
function otherFiles({ payload, stateScripts = [] }: MenderOptions): string[] {
  const files = payload !== undefined && 'files' in payload ? payload.files : []
  return [...files, ...stateScripts.map(({ path }) => path)]
}
