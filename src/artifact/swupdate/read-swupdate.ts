import { createHash } from 'node:crypto'
import { type Digest, Failure, type RunningHash } from '../../platform/platform.ts'
import { type ByteReader, damaged, tooLarge, wrongChecksum, wrongMember } from '../archive/byte-reader.ts'
import { type CpioMember, CpioReader } from '../archive/cpio-reader.ts'
import { decompressed } from '../archive/decompress.ts'
import type { ArtifactInfo, ArtifactLimits, CertificateInfo, Compression } from '../artifact-info.ts'
import { certificateInfoOf } from '../certificate-info.ts'
import { verifyCms } from '../cms.ts'
import type { InspectOptions } from '../read.ts'
import { readWhole } from '../read-whole.ts'
import { type Description, parseDescription } from './description.ts'
import { type MeasuredFile, contentOf } from './swupdate-content.ts'

const maxSignatureBytes = 256 << 10
const maxDescriptionBytes = 4 << 20

/**
 * See `inspectArtifact`. What SWUpdate would pass over is refused: members that sw-description doesn't name, and in a signed
 * file members without a checksum there. `options.verifyKeys` are as in `verifyCms`.
 */
export async function readSwupdate(
  source: AsyncIterable<Uint8Array>,
  options: InspectOptions,
  hash?: RunningHash,
): Promise<ArtifactInfo> {
  return readWhole(source, options, hash, (bytes, limits) => readMembers(bytes, limits, options))
}

async function readMembers(
  bytes: ByteReader,
  limits: ArtifactLimits,
  options: InspectOptions,
): Promise<Omit<ArtifactInfo, 'sizeBytes' | 'sha256'>> {
  const cpio = new CpioReader(bytes)
  const head = await readHead(cpio, limits, options)
  const wanted = wantedOf(head.description, head.signature !== 'none')
  const files = new Map<string, MeasuredFile>()
  let left = limits.payloadBytes
  for (let member = head.next; member !== undefined; member = await cpio.next()) {
    const expected = wanted.get(member.name)
    if (expected === undefined) {
      throw wrongMember(
        bytes.place,
        member.offset,
        `sw-description doesn't name the member ${JSON.stringify(member.name)}`,
      )
    }
    const file = await measure(cpio, member, expected, left)
    left -= file.sizeBytes
    files.set(member.name, file)
  }
  const missing = [...wanted.keys()].find((name) => !files.has(name))
  if (missing !== undefined)
    throw wrongMember(bytes.place, bytes.offset, `${JSON.stringify(missing)} is missing`)
  const { signature, signedBy, certificates, description } = head
  return {
    format: 'swupdate',
    version: 1,
    ...contentOf(description, files),
    signature,
    ...(signedBy === undefined ? {} : { signedBy }),
    ...(certificates === undefined ? {} : { certificates }),
    compression: description.items.find(({ compression }) => compression !== 'none')?.compression ?? 'none',
  }
}

interface Head {
  description: Description
  signature: ArtifactInfo['signature']
  signedBy?: Digest | undefined
  certificates?: readonly CertificateInfo[]
  /** The member after the head. */
  next: CpioMember | undefined
}

/** sw-description, and its signature, which is checked before anything in it is believed. */
async function readHead(cpio: CpioReader, limits: ArtifactLimits, options: InspectOptions): Promise<Head> {
  const first = await cpio.next()
  if (first?.name !== 'sw-description') {
    const found = first === undefined ? 'the end' : JSON.stringify(first.name)
    throw wrongMember('the artifact', 0, `${found} stands where sw-description should be`)
  }
  const content = await cpio.content(first, Math.min(limits.headerBytes, maxDescriptionBytes))
  const second = await cpio.next()
  const verifyKeys = options.verifyKeys ?? []
  if (second?.name === 'sw-description.sig') {
    const signature = await cpio.content(second, maxSignatureBytes)
    const checked = await verifyCms(signature, content, verifyKeys, options.signal)
    const { signature: state, signedBy, signers } = checked
    const certificates = certificateInfoOf(signers)
    const description = parseDescription(content)
    return { description, signature: state, signedBy, certificates, next: await cpio.next() }
  }
  if (verifyKeys.length > 0) {
    throw new Failure(
      'artifact-unsigned',
      'the artifact has no signature after sw-description, but what to verify it with was given: sign it, or give no key',
    )
  }
  return { description: parseDescription(content), signature: 'none', next: second }
}

interface Expected {
  sha256: string | undefined
  compression: Compression
}

function wantedOf({ items }: Description, isSigned: boolean): Map<string, Expected> {
  const wanted = new Map<string, Expected>()
  for (const item of items) {
    const { fileName, sha256, compression } = item
    if (fileName === undefined) continue
    const shown = JSON.stringify(fileName)
    if (isSigned && sha256 === undefined) {
      throw wrongChecksum('sw-description', 0, `${shown} has no sha256, so the signature doesn't cover it`)
    }
    if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
      throw damaged('sw-description', 0, `the sha256 of ${shown} is malformed`)
    }
    const known = wanted.get(fileName)
    if (known !== undefined && (known.sha256 !== sha256 || known.compression !== compression)) {
      throw damaged('sw-description', 0, `${shown} is described twice, and not the same`)
    }
    wanted.set(fileName, { sha256, compression })
  }
  return wanted
}

async function measure(
  cpio: CpioReader,
  member: CpioMember,
  { sha256, compression }: Expected,
  limitBytes: number,
): Promise<MeasuredFile> {
  const place = JSON.stringify(member.name)
  const [storedHash, hash] = [createHash('sha256'), createHash('sha256')]
  const hashed = async function* () {
    for await (const piece of cpio.body(member)) {
      storedHash.update(piece)
      yield piece
    }
  }
  let sizeBytes = 0
  for await (const piece of decompressed(hashed(), compression, place)) {
    sizeBytes += piece.length
    if (sizeBytes > limitBytes)
      throw tooLarge(place, member.offset, 'there is more in it than any update has')
    hash.update(piece)
  }
  if (sha256 !== undefined && storedHash.digest('hex') !== sha256) {
    throw wrongChecksum(place, member.offset, 'its checksum is not the one in sw-description')
  }
  return { sizeBytes, checksum: hash.digest('hex') }
}
