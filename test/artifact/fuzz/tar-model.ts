// A tar archive taken apart so that each piece can be changed, valid or not, and put together again.
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Random } from './random.ts'

export interface TarNode {
  /** The 512 bytes as they are; other blocks (extended headers) may stand before them. */
  before: Buffer
  header: Buffer
  content: Buffer
  /** What fills the last block. */
  padding: Buffer
}

export interface Tar {
  nodes: TarNode[]
  tail: Buffer
}

/** Takes a well-formed archive apart. */
export function parseTar(bytes: Buffer): Tar {
  const nodes: TarNode[] = []
  let at = 0
  while (at + 512 <= bytes.length && bytes.subarray(at, at + 512).some((byte) => byte !== 0)) {
    const header = Buffer.from(bytes.subarray(at, at + 512))
    const size = parseInt(header.toString('latin1', 124, 136), 8)
    const end = at + 512 + size
    const next = end + ((512 - (size % 512)) % 512)
    nodes.push({
      before: Buffer.alloc(0),
      header,
      content: Buffer.from(bytes.subarray(at + 512, end)),
      padding: Buffer.from(bytes.subarray(end, next)),
    })
    at = next
  }
  return { nodes, tail: Buffer.from(bytes.subarray(at)) }
}

const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

/** What an archive holds that is compressed as its name says; in a zstd stream there may be several frames. */
export function unpackTar(name: string, content: Buffer): Tar {
  if (name.endsWith('.gz')) return parseTar(gunzipSync(content))
  if (!name.endsWith('.zst')) return parseTar(content)
  // Node's reader stops after one frame
  const pieces: Buffer[] = []
  for (let at = 0; at < content.length;) {
    const next = content.indexOf(zstdMagic, at + 1)
    const end = next < 0 ? content.length : next
    pieces.push(zstdDecompressSync(content.subarray(at, end)))
    at = end
  }
  return parseTar(Buffer.concat(pieces))
}

export function buildTar({ nodes, tail }: Tar): Buffer {
  return Buffer.concat([...nodes.flatMap((n) => [n.before, n.header, n.content, n.padding]), tail])
}

export function nameOf(node: TarNode): string {
  return node.header.toString('utf8', 0, 100).replace(/\0.*$/s, '')
}

/** Gives a node another content, with the right size and padding. */
export function setContent(node: TarNode, content: Buffer): void {
  node.content = content
  node.padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  writeField(node.header, 124, 12, content.length.toString(8).padStart(11, '0'))
  fixChecksum(node.header)
}

export function fixChecksum(header: Buffer): void {
  header.write('        ', 148, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}

export function makeNode(name: string, content: Buffer, type = '0'): TarNode {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  for (const [at, text] of [
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [136, '00000000000\0'],
    [156, type],
    [257, 'ustar\x0000'],
  ] as const) {
    header.write(text, at, 'latin1')
  }
  const node = { before: Buffer.alloc(0), header, content, padding: Buffer.alloc(0) }
  setContent(node, content)
  return node
}

function writeField(header: Buffer, at: number, length: number, text: string): void {
  header.fill(0, at, at + length)
  header.write(text, at, length, 'latin1')
}

const numberFields = [
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [148, 8],
  [329, 8],
  [337, 8],
] as const
const names = [
  'version',
  'manifest',
  'manifest.sig',
  'manifest-augment',
  'header.tar.gz',
  'header.tar',
  'header-augment.tar.gz',
  'data/0000.tar',
  'data/0000.tar.gz',
  'data/0001.tar.gz',
  'header-info',
  'headers/0000/type-info',
  'headers/0000/meta-data',
  'scripts/ArtifactInstall_Enter_00',
  '../../etc/passwd',
  '/etc/passwd',
  '.',
  '',
  'a/../b',
  '\ufeffversion',
  'é',
  'e\u0301',
  'x'.repeat(100),
] as const

/** Changes something in an archive: a field, a member, the order, the end. */
export function mutateTar(tar: Tar, random: Random): void {
  const { nodes } = tar
  const node = random.some(nodes)
  if (node === undefined || random.chance(4)) {
    tar.tail = mutateTail(tar.tail, random)
    return
  }
  const at = nodes.indexOf(node)
  const change = random.below(14)
  if (change === 0) nodes.splice(at, 1)
  else if (change === 1) nodes.splice(random.below(nodes.length + 1), 0, clone(node))
  else if (change === 2) swap(nodes, at, random.below(nodes.length))
  else if (change === 3) nodes.splice(at, 0, makeNode(random.pick(names), random.bytes(random.below(40))))
  else if (change <= 6) mutateNumber(node.header, random)
  else if (change <= 8) writeField(node.header, 0, 100, random.pick(names))
  else if (change === 9)
    node.header[156] = random.pick([0, 0x30, 0x31, 0x32, 0x35, 0x37, 0x4c, 0x53, 0x67, 0x78])
  else if (change === 10) node.header[random.below(512)] = random.next()
  else if (change === 11) node.padding = random.bytes(node.padding.length)
  else node.before = Buffer.concat([node.before, extension(random, nameOf(node), node.content.length)])
  if (random.chance(85)) fixChecksum(node.header)
}

function mutateNumber(header: Buffer, random: Random): void {
  const [at, length] = random.pick(numberFields)
  const binary = Buffer.alloc(length)
  binary[0] = random.pick([0x80, 0xff, 0xc0, 0x81])
  binary.fill(random.pick([0, 1, 0xff]), 1 + random.below(length - 1))
  const text = random.pick([
    '',
    '0',
    '7'.repeat(length),
    '-1',
    ' 17 ',
    '0x1f',
    '8'.repeat(length - 1),
    '\0\x0017',
    '1e9',
    '+12',
    '17\x0033',
    '00000001000',
    '20000000000',
  ])
  header.fill(0, at, at + length)
  if (random.chance(35)) binary.copy(header, at)
  else header.write(text, at, length, 'latin1')
}

function mutateTail(tail: Buffer, random: Random): Buffer {
  return random.pick([
    () => tail.subarray(0, random.below(tail.length + 1)),
    () => Buffer.concat([tail, Buffer.alloc(512 * random.below(40))]),
    () => Buffer.concat([tail, random.bytes(random.below(600))]),
    () => Buffer.concat([tail, buildTar({ nodes: [makeNode('version', Buffer.from('x'))], tail })]),
    () => Buffer.alloc(0),
  ])()
}

/** Extended headers: right ones, which keep the member as it is, and wrong ones. */
function extension(random: Random, name: string, size: number): Buffer {
  const records = random.pick([
    [`path=${name}`],
    [`path=${name}`, `size=${size}`],
    [`size=${random.pick([0, 1, size + 1, size + 512, 2 ** 40, 2 ** 53])}`],
    ['size=-1'],
    ['size='],
    ['path='],
    [`path=${name}\0x`],
    [`path=${random.pick(names)}`],
    [`path=${'a/'.repeat(200)}`],
    ['mtime=1e400'],
    ['mtime=99999999999999'],
    ['mtime=0x10'],
    ['GNU.sparse.major=1'],
    ['SCHILY.xattr.user.x=y'],
    ['linkpath=/etc/passwd'],
    ['hdrcharset=BINARY'],
    ['comment=1', 'comment=2'],
    [],
  ])
  const content = Buffer.concat(records.map(paxRecord))
  const node = random.pick([
    () => makeNode('PaxHeaders/x', content, 'x'),
    () => makeNode('PaxHeaders/x', content, 'x'),
    () => makeNode('PaxHeaders/x', content, 'g'),
    () => makeNode('PaxHeaders/x', random.bytes(random.below(60)), 'x'),
    () => makeNode('PaxHeaders/x', Buffer.from('30 path=x\n'), 'x'),
    () => makeNode('PaxHeaders/x', Buffer.alloc(70_000, '9'), 'x'),
    () => makeNode('././@LongLink', Buffer.from(`${random.chance(60) ? name : random.pick(names)}\0`), 'L'),
    () => makeNode('././@LongLink', Buffer.from(`${name}\0hidden`), 'L'),
    () => makeNode('././@LongLink', Buffer.from('x\0'), 'K'),
  ])()
  return buildTar({ nodes: [node], tail: Buffer.alloc(0) })
}

function paxRecord(text: string): Buffer {
  const bytes = Buffer.byteLength(text) + 2
  let length = bytes + String(bytes).length
  if (bytes + String(length).length > length) length = bytes + String(length).length
  return Buffer.from(`${length} ${text}\n`)
}

function clone({ before, header, content, padding }: TarNode): TarNode {
  return { before, header: Buffer.from(header), content, padding }
}

function swap(list: TarNode[], a: number, b: number): void {
  const [x, y] = [list[a], list[b]]
  if (x === undefined || y === undefined) return
  list[a] = y
  list[b] = x
}
