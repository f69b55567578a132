// Mutants of Mender artifacts. Most are repaired after each change (checksums of headers, of the manifest, compression), so
// that they get past the first check and reach what lies behind it.
import { createHash } from 'node:crypto'
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { mutateJson } from './json-mutation.ts'
import type { Random } from './random.ts'
import {
  type Tar,
  type TarNode,
  buildTar,
  makeNode,
  mutateTar,
  nameOf,
  parseTar,
  setContent,
  unpackTar,
} from './tar-model.ts'

/** One to four changes to `seed`; the same for the same state of `random`. */
export function mutateMender(seed: Buffer, random: Random): Buffer {
  if (random.chance(12)) return mutateBytes(seed, random)
  const outer = parseTar(seed)
  for (let left = random.pick([1, 1, 1, 2, 2, 3, 4]); left > 0; left--) change(outer, random)
  const bytes = buildTar(outer)
  return random.chance(4) ? mutateBytes(bytes, random) : bytes
}

/** Changes bytes as they come, with no idea of what they are. */
export function mutateBytes(seed: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(seed)
  const at = random.below(bytes.length)
  const end = Math.min(bytes.length, at + 1 + random.below(random.pick([4, 64, 2048])))
  return random.pick([
    () => withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8))),
    () => withByte(bytes, at, random.next()),
    () => bytes.fill(random.pick([0, 0xff, 0x20, 0x30]), at, end),
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]),
    () => Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), random.bytes(end - at), bytes.subarray(at)]),
    () => Buffer.concat([bytes, random.bytes(random.below(600))]),
    () => Buffer.concat([bytes, bytes]),
  ])()
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value
  return bytes
}

function change(outer: Tar, random: Random): void {
  const headers = outer.nodes.filter((node) => nameOf(node).startsWith('header'))
  const archives = outer.nodes.filter((node) => /\.tar/.test(nameOf(node)))
  const data = outer.nodes.filter((node) => nameOf(node).startsWith('data/'))
  const kind = random.below(100)
  if (kind < 15) mutateTar(outer, random)
  else if (kind < 45) inArchive(random.some(headers), outer, random, mutateDocuments)
  else if (kind < 57) inArchive(random.some(headers), outer, random, mutateTar)
  else if (kind < 72) inArchive(random.some(data), outer, random, mutateTar)
  else if (kind < 82) mutateManifest(outer, random)
  else if (kind < 92) mutateStream(random.some(archives), outer, random)
  else if (kind < 94) mutateSignature(outer, random)
  else if (kind < 96) inArchive(random.some(data), outer, random, addFile)
  else if (kind < 98) inArchive(random.some(headers), outer, random, addScript)
  else grow(random.some(data), outer)
}

/** Unpacks a member that is an archive, changes it, packs it again and has the manifest name what it is now. */
function inArchive(
  node: TarNode | undefined,
  outer: Tar,
  random: Random,
  mutate: (tar: Tar, random: Random) => void,
): void {
  if (node === undefined) return
  const tar = unpacked(node)
  if (tar === undefined) return
  mutate(tar, random)
  pack(node, buildTar(tar))
  if (random.chance(93)) reseal(outer, node, tar)
}

function unpacked(node: TarNode): Tar | undefined {
  try {
    return unpackTar(nameOf(node), node.content)
  } catch {
    return undefined // a change before broke it
  }
}

function pack(node: TarNode, tar: Buffer): void {
  const name = nameOf(node)
  setContent(
    node,
    name.endsWith('.gz') ? quickGzip(tar) : name.endsWith('.zst') ? zstdCompressSync(tar) : tar,
  )
}

function quickGzip(bytes: Buffer): Buffer {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(bytes), 0)
  trailer.writeUInt32LE(bytes.length, 4)
  return Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
    deflateRawSync(bytes, { level: 1 }),
    trailer,
  ])
}

/** Writes into the manifests the checksums that the archive `node` (unpacked: `tar`) has now. */
function reseal(outer: Tar, node: TarNode, tar: Tar): void {
  const name = nameOf(node)
  const sums = new Map<string, string>()
  if (name.startsWith('header')) sums.set(name, sha256(node.content))
  const folder = /^(data\/\d{4})\.tar/.exec(name)?.[1]
  if (folder !== undefined)
    for (const file of tar.nodes) sums.set(`${folder}/${nameOf(file)}`, sha256(file.content))
  for (const manifest of outer.nodes.filter((other) => /^manifest(-augment)?$/.test(nameOf(other)))) {
    const lines = manifest.content.toString('latin1').split('\n')
    const text = lines.map((line) => {
      const sum = sums.get(line.slice(66))
      return sum === undefined ? line : `${sum}${line.slice(64)}`
    })
    setContent(manifest, Buffer.from(text.join('\n'), 'latin1'))
  }
}

function mutateDocuments(tar: Tar, random: Random): void {
  const node = random.some(tar.nodes.filter((one) => !nameOf(one).startsWith('scripts/')))
  if (node === undefined) return
  const text = mutateJson(node.content.toString('utf8'), random)
  setContent(node, random.chance(95) ? Buffer.from(text) : mutateBytes(Buffer.from(`${text} `), random))
}

function mutateManifest(outer: Tar, random: Random): void {
  const node = random.some(outer.nodes.filter((one) => nameOf(one).startsWith('manifest')))
  if (node === undefined) return
  const lines = node.content.toString('latin1').split('\n')
  const at = random.below(lines.length)
  const line = lines[at] ?? ''
  const sum = sha256('')
  random.pick<() => unknown>([
    () => lines.splice(at, 1),
    () => lines.splice(at, 0, line),
    () => lines.splice(0, lines.length, ...lines.toReversed()),
    () => lines.splice(at, 1, line.toUpperCase()),
    () => lines.splice(at, 1, line.replace('  ', random.pick([' ', ' *', '   ', '\t']))),
    () => lines.splice(at, 1, `${line}${random.pick(['\r', ' ', '\0', '\xff', '/', '\x85'])}`),
    () => lines.splice(at, 1, `${random.pick([' ', '\ufeff', '\\'])}${line}`),
    () => lines.splice(at, 1, line.replace('0000', random.pick(['0001', '9999', '00000', '٠٠٠٠', '-001']))),
    () =>
      lines.splice(
        at,
        0,
        `${sum}  ${random.pick(['data/0000/x', 'data/0000/..', 'header.tar', 'x', 'data/0001/a'])}`,
      ),
    () =>
      lines.push(
        ...Array.from({ length: 2000 }, (_, i) => `${sum}  data/${String(i % 10_000).padStart(4, '0')}/f`),
      ),
    () => lines.push(''),
    () => lines.pop(),
    () =>
      line === ''
        ? lines.push('')
        : lines.splice(at, 1, mutateBytes(Buffer.from(line), random).toString('latin1')),
  ])()
  setContent(node, Buffer.from(lines.join('\n'), 'latin1'))
}

/** Changes the compressed form of a member that is an archive: what stands around it, before it, behind it, in its head. */
function mutateStream(node: TarNode | undefined, outer: Tar, random: Random): void {
  if (node === undefined) return
  const tar = unpacked(node)
  if (tar === undefined) return
  const bytes = buildTar(tar)
  const half = random.below(bytes.length)
  const { content } = node
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4])
  const stream = random.pick([
    () => mutateBytes(content, random),
    () => mutateBytes(content, random),
    () => Buffer.concat([gzipSync(bytes.subarray(0, half)), gzipSync(bytes.subarray(half))]),
    () => Buffer.concat([zstdCompressSync(bytes.subarray(0, half)), zstdCompressSync(bytes.subarray(half))]),
    () => Buffer.concat([skippable, zstdCompressSync(bytes), skippable]),
    () => Buffer.concat([content, content]),
    () => Buffer.concat([content, Buffer.alloc(random.below(600))]),
    () => Buffer.concat([content, gzipSync(Buffer.alloc(0))]),
    () => namedGzip(bytes, random),
    () => zstdCompressSync(Buffer.concat([bytes, Buffer.alloc(3 << 20)])),
    () => content.subarray(0, random.below(content.length)),
    () => Buffer.alloc(0),
  ])()
  setContent(node, stream)
  reseal(outer, node, tar)
}

/** A gzip stream whose head has every optional field. */
function namedGzip(bytes: Buffer, random: Random): Buffer {
  const plain = quickGzip(bytes)
  const extra = random.pick([Buffer.alloc(0), random.bytes(300)])
  const size = Buffer.alloc(2)
  size.writeUInt16LE(extra.length)
  const head = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 0x1c, 1, 2, 3, 4, 0, 255]),
    size,
    extra,
    Buffer.from(`${'n'.repeat(random.below(5000))}\0comment\0`),
  ])
  return Buffer.concat([head, plain.subarray(10)])
}

function mutateSignature(outer: Tar, random: Random): void {
  const at = outer.nodes.findIndex((node) => nameOf(node) === 'manifest.sig')
  const node = outer.nodes[at] ?? makeNode('manifest.sig', Buffer.from(random.bytes(64).toString('base64')))
  if (at < 0) outer.nodes.splice(2, 0, node)
  const text = node.content.toString('latin1')
  setContent(
    node,
    Buffer.from(
      random.pick<() => string>([
        () => `${text}\n`,
        () => ` ${text}`,
        () => text.replace(/=+$/, ''),
        () => `${text}==`,
        () => text.replaceAll('+', '-').replaceAll('/', '_'),
        () => '',
        () => 'A'.repeat(5000),
        () => text.replace(/.(?==*$)/, random.pick(['A', 'B', 'Q', '/'])),
        () => `${text.slice(0, 20)}\n${text.slice(20)}`,
        () => random.bytes(64).toString('base64'),
      ])(),
      'latin1',
    ),
  )
}

function addFile(tar: Tar, random: Random): void {
  tar.nodes.push(
    makeNode(random.pick(['x', 'rootfs.ext4', 'a b', 'é', '..', 'a/b']), random.bytes(random.below(700))),
  )
}

function addScript(tar: Tar, random: Random): void {
  const name = random.pick([
    'scripts/ArtifactInstall_Enter_00',
    'scripts/ArtifactInstall_Leave_10_check',
    'scripts/../x',
    'scripts/Idle_Enter_00',
    'scripts/a/ArtifactInstall_Enter_00',
    'scripts/ArtifactInstall_Enter_00_\u2028',
  ])
  tar.nodes.splice(random.below(3), 0, makeNode(name, random.bytes(random.below(50))))
}

/** A payload far larger than it looks. */
function grow(node: TarNode | undefined, outer: Tar): void {
  const tar = node && unpacked(node)
  const file = tar?.nodes[0]
  if (node === undefined || tar === undefined || file === undefined) return
  setContent(file, Buffer.alloc(2 << 20))
  pack(node, buildTar(tar))
  reseal(outer, node, tar)
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
