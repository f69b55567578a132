// Puts a signature into a .swu file that is there already: sw-description, the new signature, and all that followed byte for
// byte. Nothing is packed again, so nothing that a device installs can change.
import { X509Certificate } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Context, Failure } from '../../platform/platform.ts'
import { ByteReader } from '../archive/byte-reader.ts'
import { cpioEnd, cpioHeaderBytes, cpioTrailer } from '../archive/cpio-header.ts'
import { CpioReader } from '../archive/cpio-reader.ts'
import { copyRange } from '../archive/copy-range.ts'
import { PartialFile } from '../archive/partial-file.ts'
import type { ArtifactInfo } from '../artifact-info.ts'
import { verifyCms } from '../cms.ts'
import { type CmsSigner, openCmsSigner } from '../cms-sign.ts'
import { keepSigned } from '../keep-signed.ts'
import type { Signing } from '../signing.ts'
import { parseDescription } from './description.ts'
import { headOf } from './head.ts'

/** Nothing that stands before the payloads is larger, and that was checked when the file was read. */
const maxMemberBytes = 16 << 20
/** What a reader allows after the end, and the end itself. */
const maxTailBytes = 128 << 10

/**
 * Writes the `.swu` file at `path`, which was read in full and is `before`, to `output` with a signature by `signing` in place
 * of any other; the two may be the same. One that the same key and certificate made already stays, so doing it twice is doing
 * it once. A file of ours that is signed later is the same, byte for byte, as one that was written with the signature. What
 * was written is read in full again before it gets its name. Throws what `openCmsSigner` and its signer throw, `bad-input`
 * where there is nothing to sign with or the file has items without a checksum, which no signature would cover, and
 * `artifact-damaged` where the file changed meanwhile.
 */
export async function signSwupdate(
  path: string,
  before: ArtifactInfo,
  output: string,
  signing: Signing,
  context: Context,
): Promise<ArtifactInfo> {
  const { signal } = context
  const signer = await openCmsSigner(signing, context.clock.now())
  if (signer === undefined) throw new Failure('bad-input', `there is no key to sign ${path} with`)
  const front = await frontOf(path, signal)
  checkCovered(path, front.description)
  const isKept =
    front.signature !== undefined && (await isBy(signer, front.description, front.signature, signal))
  if (front.signature && !isKept) context.log.info(`${path} has a signature by another key: it is replaced`)
  const kept = isKept ? front.signature : undefined
  const signature = kept ?? (await signer.sign(front.description, signal))
  await using file = await PartialFile.create(dirname(output))
  const head = headOf(front.description, signature)
  await file.write(head, 0)
  await copyRest(path, front.restStart, file, head.length, signal)
  return await keepSigned(file, { path, before, output, publicKey: signer.publicKey }, context)
}

interface Front {
  description: Buffer
  signature?: Buffer
  /** Where the first member stands that is neither description nor signature. */
  restStart: number
}

async function frontOf(path: string, signal: AbortSignal): Promise<Front> {
  const source: AsyncIterable<Buffer> = createReadStream(path, { signal })
  await using bytes = new ByteReader(source, { place: path, limitBytes: Infinity })
  const cpio = new CpioReader(bytes)
  const first = await cpio.next()
  const description = first === undefined ? Buffer.alloc(0) : await cpio.content(first, maxMemberBytes)
  const restStart = bytes.offset
  // what follows may be of any size, and a signature is not: only a signature is read
  const second = await cpio.next()
  if (second?.name !== 'sw-description.sig') return { description, restStart }
  return { description, signature: await cpio.content(second, maxMemberBytes), restStart: bytes.offset }
}

function checkCovered(path: string, description: Buffer): void {
  const bare = parseDescription(description).items.find(
    ({ fileName, sha256 }) => fileName !== undefined && sha256 === undefined,
  )
  if (bare === undefined) return
  throw new Failure(
    'bad-input',
    `${path} has no sha256 for ${JSON.stringify(bare.fileName)}, so no signature would cover it: make it again with checksums`,
  )
}

async function isBy(
  { publicKey, certificate }: CmsSigner,
  description: Buffer,
  signature: Buffer,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { signers } = await verifyCms(signature, description, [publicKey], signal)
    const own = certificate.fingerprint256
    return signers.every((signer) => new X509Certificate(signer).fingerprint256 === own)
  } catch (error) {
    if (error instanceof Failure && error.reason === 'artifact-unsigned') return false
    throw error
  }
}

/** All members but the first ones, and an end that fills the file up as a new one's does. */
async function copyRest(
  path: string,
  start: number,
  file: PartialFile,
  position: number,
  signal: AbortSignal,
): Promise<void> {
  const at = await copyRange({ path, start, end: await trailerStart(path) }, file, position, signal)
  await file.write(cpioEnd(at), at)
}

/** Where the last header of an archive begins, which only zeros follow. */
async function trailerStart(path: string): Promise<number> {
  await using file = await open(path)
  const { size } = await file.stat()
  const tail = Buffer.alloc(Math.min(size, maxTailBytes))
  await file.read(tail, 0, tail.length, size - tail.length)
  const nameAt = tail.lastIndexOf(`${cpioTrailer}\0`)
  if (nameAt < 0) throw new Failure('artifact-damaged', `${path} changed while it was signed: sign it again`)
  return size - tail.length + nameAt - cpioHeaderBytes
}
