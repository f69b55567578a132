// The parts of the reader of RAUC bundles that see hostile bytes and need no program: a whole bundle needs several, and they
// are too slow for many inputs.
import { contentOf } from '../../../src/artifact/rauc/rauc-content.ts'
import {
  parseSuperblock,
  parseTrailer,
  signatureKind,
  superblockBytes,
  trailerBytes,
} from '../../../src/artifact/rauc/bundle-layout.ts'
import { parseManifest } from '../../../src/artifact/rauc/rauc-manifest.ts'
import { levelOffsets } from '../../../src/artifact/rauc/verity.ts'
import { mutateBytes } from './mender-mutation.ts'
import type { Random } from './random.ts'
import type { Seed } from './seeds.ts'

export function raucSeeds(): Seed[] {
  return [
    { name: 'rauc manifest', bytes: Buffer.from(manifest), parse: readManifest },
    { name: 'rauc bundle', bytes: bundle(), parse: readBundle },
    { name: 'rauc signature', bytes: signature, parse: (bytes) => signatureKind(bytes) },
  ]
}

/** The same for the same state of `random`. */
export function mutateRauc(seed: Seed, random: Random): Buffer {
  let bytes = seed.bytes
  for (let left = random.pick([1, 1, 2, 3, 5]); left > 0; left--) {
    bytes = seed.bytes === bytes || random.chance(50) ? mutateBytes(bytes, random) : bytes
    if (seed.name === 'rauc manifest' && random.chance(70))
      bytes = mutateText(bytes.toString('latin1'), random)
  }
  return bytes
}

const sum = 'ab'.repeat(32)
const manifest = `[update]
compatible=board
version=release-1
description=an update\\nof two images
[bundle]
format=verity
verity-hash=${sum}
verity-salt=${sum}
verity-size=12288
[hooks]
filename=hook.sh
hooks=install-check;
[image.rootfs]
filename=rootfs.ext4
sha256=${sum}
size=4096
hooks=pre-install;post-install
[image.boot.variant-1]
filename=boot.img
sha256=${sum}
size=10
adaptive=block-hash-index
[meta.x]
y=z
`
/** The start of a CMS that signs an attached content. */
const signature = Buffer.from(
  '3033 0609 2a864886f70d010702 a026 3024 020101 310d 300b 0609 608648016503040201 3010 0609 2a864886f70d010701 a003 0401 41'.replaceAll(
    ' ',
    '',
  ),
  'hex',
)
const snippets = [
  '\n',
  '\r\n',
  '[update]\n',
  '[image.rootfs]\n',
  '[image.]\n',
  '[image.x.y.z]\n',
  '=',
  ';',
  '#',
  '\\',
  '\\q',
  '\\n',
  '\0',
  '\xff',
  '../',
  '/',
  '.',
  'filename=/etc/passwd\n',
  'size=99999999999999999999\n',
  'size=-1\n',
  'sha256=\n',
  'hooks=install\n',
  'variant=x\n',
  '[handler]\nfilename=x\n',
  'version=',
  'format=crypt\n',
  'verity-size=0\n',
  '\xef\xbb\xbf',
  '[slot]\n',
  'a=b\n'.repeat(20_000),
  'x'.repeat(300_000),
  '[x]\n'.repeat(11_000),
] as const

function mutateText(text: string, random: Random): Buffer {
  const at = random.chance(50) ? text.indexOf('\n', random.below(text.length)) + 1 : random.below(text.length)
  const end = random.chance(30) ? at + random.below(30) : at
  return Buffer.from(`${text.slice(0, at)}${random.pick(snippets)}${text.slice(end)}`, 'latin1')
}

function bundle(): Buffer {
  const block = Buffer.alloc(superblockBytes + 100)
  block.write('hsqs')
  block.writeUInt32LE(3, 4)
  block.writeUInt16LE(1, 20)
  block.writeUInt16LE(4, 28)
  block.writeBigUInt64LE(BigInt(superblockBytes), 40)
  const trailer = Buffer.alloc(trailerBytes)
  trailer.writeBigUInt64BE(BigInt(signature.length))
  return Buffer.concat([block, signature, trailer])
}

function readManifest(bytes: Buffer): void {
  const read = parseManifest(bytes)
  contentOf(read, [{ name: 'hook.sh', checksum: sum }])
  if (read.verity !== undefined) levelOffsets(129 * 4096, read.verity.sizeBytes)
}

function readBundle(bytes: Buffer): void {
  const { payloadBytes, signatureBytes } = parseTrailer(bytes.subarray(-trailerBytes), bytes.length)
  parseSuperblock(bytes.subarray(0, superblockBytes), payloadBytes)
  signatureKind(bytes.subarray(payloadBytes, payloadBytes + signatureBytes))
}
