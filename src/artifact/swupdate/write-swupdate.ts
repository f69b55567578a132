// Writes .swu files in one pass over what goes into them. sw-description stands first and holds the checksums of all that
// follows; its size is known before they are, so what follows is written where it will stay, and the head at the end. Only
// the length of an ECDSA signature isn't known: where it isn't the usual one, what follows moves by a few bytes.
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import {
  type Context,
  type Digest,
  Failure,
  digestOfFile,
  hexOf,
  requirePrograms,
} from '../../platform/platform.ts'
import { compress } from '../archive/compress.ts'
import { cpioEnd, cpioHeader, cpioPadding, cpioSum, maxCpioEntryBytes } from '../archive/cpio-header.ts'
import { blocksInFlight } from '../archive/in-order.ts'
import { moveTail } from '../archive/move-tail.ts'
import { PartialFile } from '../archive/partial-file.ts'
import { type CmsSigner, openCmsSigner } from '../cms-sign.ts'
import { Findings } from '../findings.ts'
import { checkFacts } from '../mender/mender-facts.ts'
import { openArtifact } from '../read.ts'
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
  const { output } = request
  const { parts, signer } = opened
  await using file = await PartialFile.create(typeof output === 'string' ? dirname(output) : output.folder)
  const head = new Head(request, parts, signer)
  const end = await writeParts(parts, file, head.usualBytes, context)
  checkSourceDigest(parts, request)
  const { bytes, name, contentDigest } = await head.finish(context.signal)
  await moveTail(file.path, head.usualBytes, bytes.length, context.signal)
  await file.write(bytes, 0)
  const written = end + bytes.length - head.usualBytes
  const tail = cpioEnd(written)
  await file.write(tail, written)
  const path = typeof output === 'string' ? output : join(output.folder, `${name}.swu`)
  const sha256 = await digestOfWritten(file.path, request, signer, context.signal)
  context.signal.throwIfAborted()
  await file.keepAs(path)
  const sizeBytes = written + tail.length
  const sourceBytes = parts.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
  context.log.info(`wrote ${path}: ${megabytes(sourceBytes)} in ${megabytes(sizeBytes)}`)
  return { path, name, sha256, contentDigest, sizeBytes }
}

interface Opened extends AsyncDisposable {
  parts: readonly Part[]
  signer: CmsSigner | undefined
}

/** Opens all that is needed; throws one failure for all that is wrong, with nothing left open. */
async function openAll(request: WriteRequest & SwupdateOptions, context: Context): Promise<Opened> {
  const findings = new Findings()
  const { name, deviceTypes } = request
  checkFacts({ name, deviceTypes }, { kind: 'rootfs-image' }, findings)
  await findings.from(() => checkOptions(request))
  await findings.from(() => checkOutput(request))
  const signer = await findings.from(() => openCmsSigner(request.signing, context.clock.now()))
  if (signer !== undefined && request.verify === true) {
    await findings.from(() => requirePrograms(['openssl']))
  }
  await using stack = new AsyncDisposableStack()
  const parts = await openParts(request, stack, findings)
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

/** Writes the parts from `start` on, and gives where they end. */
async function writeParts(
  parts: readonly Part[],
  file: PartialFile,
  start: number,
  context: Context,
): Promise<number> {
  const progress = progressOf(parts, context)
  let position = start
  for (const [i, part] of parts.entries()) {
    const headerBytes = cpioHeader({ name: part.fileName, inode: 0, sizeBytes: 0, sum: 0 }).length
    const stored = await writeContent(part, file, position + headerBytes, progress, context.signal)
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
  file: PartialFile,
  start: number,
  progress: (blocks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<Part['stored']> {
  const hash = createHash('sha256')
  let [sizeBytes, sum] = [0, 0]
  const blocks = progress(part.blocks(blocksInFlight, signal))
  for await (const piece of compress(blocks, part.compression, { signal })) {
    signal.throwIfAborted()
    await file.write(piece, start + sizeBytes)
    sizeBytes += piece.length
    if (sizeBytes > maxCpioEntryBytes) throw tooLarge(part.path, 'compressed, too')
    sum = cpioSum(piece, sum)
    hash.update(piece)
  }
  return { sizeBytes, sum, sha256: hash.digest('hex') }
}

/** Tells every few seconds how much of all parts is read. */
function progressOf(parts: readonly Part[], { log, clock }: Context) {
  const whole = megabytes(parts.reduce((total, { sizeBytes }) => total + sizeBytes, 0))
  let read = 0
  let toldAt = clock.now().getTime()
  return async function* (blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const block of blocks) {
      yield block
      read += block.length
      const now = clock.now().getTime()
      if (now - toldAt < 5000) continue
      toldAt = now
      log.info(`${megabytes(read)} of ${whole} packed`)
    }
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
    throw new Failure('bad-input', `${reserved} can't be a device type: SWUpdate has another meaning for it`)
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

async function checkOutput({ output, source, items = [] }: WriteRequest & SwupdateOptions): Promise<void> {
  if (typeof output !== 'string') return
  const sources = [source, ...items.map((item) => item.source)].map((path) => resolve(path))
  const what = sources.includes(resolve(output))
    ? 'a source itself'
    : (await stat(output).catch(() => undefined))?.isDirectory() === true
      ? 'a folder'
      : undefined
  if (what === undefined) return
  throw new Failure('bad-input', `the output ${output} is ${what}: give the path of the file to write`)
}

function checkSourceDigest(parts: readonly Part[], { source, sourceDigest }: WriteRequest): void {
  const main = parts.find(({ items }) => items.some(({ isMain }) => isMain))
  if (sourceDigest === undefined || main === undefined || hexOf(sourceDigest) === main.checksum) return
  throw new Failure(
    'bad-input',
    `${source} has the digest sha256:${main.checksum}, not ${sourceDigest} as it should: build it again, or give a name of its own`,
  )
}

async function digestOfWritten(
  path: string,
  request: WriteRequest,
  signer: CmsSigner | undefined,
  signal: AbortSignal,
): Promise<Digest> {
  if (request.verify !== true) return digestOfFile(path, signal)
  const verifyKeys = signer === undefined ? [] : [signer.publicKey]
  return (await openArtifact(path, { verifyKeys, signal })).sha256
}

function megabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`
}
