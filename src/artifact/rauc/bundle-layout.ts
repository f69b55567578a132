// Where the parts of a RAUC bundle lie: a squashfs (for verity with its hash tree behind it), the signature in CMS, and the
// signature's size in the last 8 bytes.
import { damaged, wrongMember } from '../archive/byte-reader.ts'
import type { ArtifactInfo } from '../artifact-info.ts'
import { type DerValue, derOid, derValues } from '../der.ts'

/** What ends a bundle: the size of its signature. */
export const trailerBytes = 8
/** RAUC takes no larger signature. */
const maxSignatureBytes = 1 << 16
/** Blocks of the squashfs's padding and of the hash tree. */
export const blockBytes = 4096
/** As much of a squashfs as says what it is. */
export const superblockBytes = 96

/** Sizes of the parts of a bundle, in their order in the file. */
export interface BundleLayout {
  payloadBytes: number
  signatureBytes: number
}

/** The layout of a file of `fileBytes` that ends with `trailer` (8 bytes). Throws `artifact-damaged`. */
export function parseTrailer(trailer: Uint8Array, fileBytes: number): BundleLayout {
  const at = fileBytes - trailerBytes
  if (at < superblockBytes || trailer.length !== trailerBytes)
    throw damaged('the bundle', Math.max(0, at), 'it is too short for a bundle')
  const size = Buffer.from(trailer).readBigUInt64BE()
  if (size === 0n) throw wrongMember('the bundle', at, 'its last 8 bytes say that it has no signature')
  if (size > BigInt(maxSignatureBytes)) {
    const why = `its last 8 bytes say that the signature has ${size} bytes, over ${maxSignatureBytes}: it was cut off, or something follows its end`
    throw damaged('the bundle', at, why)
  }
  const payloadBytes = at - Number(size)
  if (payloadBytes < superblockBytes) throw damaged('the bundle', at, 'its signature is larger than itself')
  return { payloadBytes, signatureBytes: Number(size) }
}

/** What the first bytes of a squashfs say. */
export interface Superblock {
  compression: ArtifactInfo['compression']
  inodes: number
  /** Without the padding. */
  usedBytes: number
}

const compressions = [undefined, 'gzip', 'lzma', 'lzo', 'xz', 'lz4', 'zstd'] as const
const dataIsStored = 0x2

/** Reads the superblock (`superblockBytes`) of a squashfs that `payloadBytes` hold. Throws `artifact-damaged`. */
export function parseSuperblock(bytes: Uint8Array, payloadBytes: number): Superblock {
  const wrong = (at: number, why: string) => damaged('the squashfs', at, why)
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (block.length < superblockBytes) throw wrong(0, 'it is too short')
  if (block.toString('latin1', 0, 4) !== 'hsqs') throw wrong(0, 'it is no squashfs')
  const version = `${block.readUInt16LE(28)}.${block.readUInt16LE(30)}`
  if (version !== '4.0') throw wrong(28, `its version is ${version}, not 4.0`)
  const id = block.readUInt16LE(20)
  const named = compressions[id]
  if (named === undefined) throw wrong(20, `its compression ${id} is none that exists`)
  const used = block.readBigUInt64LE(40)
  if (used < BigInt(superblockBytes) || used > BigInt(payloadBytes))
    throw wrong(40, `it says that it has ${used} bytes, but ${payloadBytes} are there`)
  const isStored = (block.readUInt16LE(24) & dataIsStored) !== 0
  return {
    compression: isStored ? 'none' : named,
    inodes: block.readUInt32LE(4),
    usedBytes: Number(used),
  }
}

/** How a bundle is signed: over the payload beside it (plain), over the manifest in it (verity), or encrypted (crypt). */
export type SignatureKind = 'plain' | 'verity' | 'crypt'

const signedData = derOid('1.2.840.113549.1.7.2')
const envelopedData = derOid('1.2.840.113549.1.7.3')

/** Tells what kind of signature a CMS (DER) is, and that nothing else stands with it. Throws `artifact-damaged`. */
export function signatureKind(bytes: Uint8Array): SignatureKind {
  const wrong = (why: string) => damaged('the signature', 0, why)
  const outer = valuesIn(Buffer.from(bytes), 0x30)
  const [type, content] = outer ?? []
  if (type === undefined || content === undefined)
    throw wrong('it is not one whole CMS in DER and nothing else')
  if (type.whole.equals(envelopedData)) return 'crypt'
  if (!type.whole.equals(signedData)) throw wrong('it is no CMS that signs')
  // RFC 5652, section 5.1: version, digest algorithms, what is signed with the content where that is attached
  const signed = valuesIn(valuesIn(content.whole, 0xa0)?.[0]?.whole, 0x30)?.[2]
  const encapsulated = valuesIn(signed?.whole, 0x30)
  if (encapsulated === undefined) throw wrong('it is no CMS that signs')
  return encapsulated[1]?.tag === 0xa0 ? 'verity' : 'plain'
}

/** What is in the one value of this tag that `bytes` are. */
function valuesIn(bytes: Buffer | undefined, tag: number): DerValue[] | undefined {
  const [value, ...others] = (bytes && derValues(bytes)) ?? []
  if (value === undefined || others.length > 0 || value.tag !== tag) return undefined
  return derValues(value.content)
}
