// Writes .swu files in one pass over what goes into them. sw-description stands first and holds the checksums of all that
// follows; its size is known before they are, so what follows is written where it will stay, and the head at the end. Only
// the length of an ECDSA signature isn't known: where it isn't the usual one, what follows moves by a few bytes.
import { createHash } from 'node:crypto'
import { type Context, Failure, requirePrograms } from '../../platform/platform.ts'
import { compress } from '../archive/compress.ts'
import { cpioEnd, cpioHeader, cpioPadding, cpioSum, maxCpioEntryBytes } from '../archive/cpio-header.ts'
import { blocksInFlight } from '../archive/in-order.ts'
import { moveTail } from '../archive/move-tail.ts'
import { PartialFile } from '../archive/partial-file.ts'
import { type CmsSigner, openCmsSigner } from '../cms-sign.ts'
import { Findings } from '../findings.ts'
import { checkOutput, checkSourceDigest, keepOutput, outputFolder, outputPath } from '../output.ts'
import { packingProgress } from '../progress.ts'
import { checkDeviceTypes, checkReleaseName } from '../release-facts.ts'
import { checkVariant } from '../variant.ts'
import type { WriteRequest, WrittenArtifact } from '../write-request.ts'
import { isReserved } from './describe.ts'
import { Head } from './head.ts'
import { type Part, openParts } from './parts.ts'
import type { SwupdateOptions } from './swupdate-options.ts'

/**
 * Writes a `.swu` file, signed where a key with a certificate is given. The same input gives the same bytes on any machine at
 * any time, signature included. The file appears under its name when it is whole and on the disk, or not at all; what stood
 * there is replaced. Memory is constant, and the only extra space is the file itself. Throws `file-missing`, `bad-input` (also
 * for what is over 4 GiB, which the format can't hold), `bad-key`, `signing-failed`, `disk-full`, and the signal's reason.
 * May be repeated.
 */
export async function writeSwupdate(
  request: WriteRequest & SwupdateOptions,
  context: Context,
): Promise<WrittenArtifact> {
  await using opened = await openAll(request, context)
  const { parts, signer } = opened
  await using file = await PartialFile.create(outputFolder(request))
  const head = new Head(request, parts, signer)
  const sourceBytes = parts.reduce((total, part) => total + part.sizeBytes, 0)
  const tell = packingProgress(sourceBytes, context)
  const end = await writeParts(parts, { file, start: head.usualBytes, tell }, context.signal)
  checkSourceDigest(request, parts.find(({ items }) => items.some(({ isMain }) => isMain))?.checksum)
  const { bytes, name, contentDigest } = await head.finish(context.signal)
  await moveTail(file.path, head.usualBytes, bytes.length, context.signal)
  await file.write(bytes, 0)
  const written = end + bytes.length - head.usualBytes
  const tail = cpioEnd(written)
  await file.write(tail, written)
  const path = outputPath(request, 'swupdate', name)
  const sizeBytes = written + tail.length
  const facts = { path, publicKey: signer?.publicKey, sourceBytes, sizeBytes }
  const sha256 = await keepOutput(file, facts, request, context)
  return { path, name, sha256, contentDigest, sizeBytes }
}

interface Opened extends AsyncDisposable {
  parts: readonly Part[]
  signer: CmsSigner | undefined
}

/** Opens all that is needed; throws one failure for all that is wrong, with nothing left open. */
async function openAll(request: WriteRequest & SwupdateOptions, context: Context): Promise<Opened> {
  const findings = new Findings()
  checkReleaseName(request.name, findings)
  checkDeviceTypes(request.deviceTypes, findings)
  checkVariant(request.imageVariant, findings)
  await findings.from(() => checkOptions(request))
  const signer = await findings.from(() => openCmsSigner(request.signing, context.clock.now()))
  if (signer !== undefined && request.verify === true) {
    await findings.from(() => requirePrograms(['openssl']))
  }
  await using stack = new AsyncDisposableStack()
  const parts = await openParts(request, stack, findings)
  const others = (request.items ?? []).map(({ source }) => source)
  await findings.from(() => checkOutput(request, 'swupdate', others))
  findings.fail()
  if (request.compression === 'zstd') {
    context.log.warn(
      'zstd can only be read where SWUpdate was built with it: a device without refuses the file',
    )
  }
  if (signer?.hasIntermediates === true) {
    context.log.warn(
      'SWUpdate does not take intermediate certificates from the file: devices need them beside the authority’s (-k)',
    )
  }
  const kept = stack.move()
  return { parts, signer, [Symbol.asyncDispose]: async () => kept.disposeAsync() }
}

/** The inode numbers of description and signature are 1 and 2, also where there is no signature. */
const firstInode = 3

interface Destination {
  file: PartialFile
  start: number
  /** To be called with the size of each block. */
  tell: (bytes: number) => void
}

/** Writes the parts from `start` on, and gives where they end. */
async function writeParts(
  parts: readonly Part[],
  { file, start, tell }: Destination,
  signal: AbortSignal,
): Promise<number> {
  let position = start
  for (const [i, part] of parts.entries()) {
    const headerBytes = cpioHeader({ name: part.fileName, inode: 0, sizeBytes: 0, sum: 0 }).length
    const stored = await writeContent(part, { file, start: position + headerBytes, tell }, signal)
    part.stored = stored
    const { sizeBytes, sum } = stored
    const header = cpioHeader({ name: part.fileName, inode: firstInode + i, sizeBytes, sum })
    await file.write(header, position)
    position += headerBytes + sizeBytes
    await file.write(Buffer.alloc(cpioPadding(sizeBytes)), position)
    position += cpioPadding(sizeBytes)
  }
  return position
}

async function writeContent(
  part: Part,
  { file, start, tell }: Destination,
  signal: AbortSignal,
): Promise<Part['stored']> {
  const hash = createHash('sha256')
  let [sizeBytes, sum] = [0, 0]
  for await (const piece of compress(told(part.blocks(blocksInFlight, signal), tell), part.compression, {
    signal,
  })) {
    signal.throwIfAborted()
    await file.write(piece, start + sizeBytes)
    sizeBytes += piece.length
    if (sizeBytes > maxCpioEntryBytes) throw tooLarge(part.path, 'compressed, too')
    sum = cpioSum(piece, sum)
    hash.update(piece)
  }
  return { sizeBytes, sum, sha256: hash.digest('hex') }
}

async function* told(blocks: AsyncIterable<Buffer>, tell: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const block of blocks) {
    const { length } = block
    yield block
    tell(length)
  }
}

function tooLarge(path: string, how: string): Failure {
  return new Failure(
    'bad-input',
    `${path} has more than 4 GiB, ${how}: a .swu file can't hold it; make it smaller, or choose another format`,
  )
}

function checkOptions({ compression, deviceTypes, says, slots }: WriteRequest & SwupdateOptions): void {
  const reserved = deviceTypes.find(isReserved)
  if (reserved !== undefined) {
    throw new Failure(
      'bad-input',
      `${reserved} can't be a device type: it has another meaning in sw-description`,
    )
  }
  if (compression === 'xz') {
    throw new Failure(
      'bad-input',
      'SWUpdate can’t uncompress xz: choose gzip (every device reads it), zstd or none',
    )
  }
  const type = says?.type ?? 'raw'
  if (type !== 'raw' || slots !== undefined || says?.['device'] !== undefined) return
  throw new Failure(
    'bad-input',
    'nothing says where on the device the source goes: give swupdate.device or swupdate.slots in the options file',
  )
}
