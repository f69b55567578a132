// A cpio archive (new ASCII) taken apart so that each piece can be changed, valid or not, and put together again.
import type { Random } from './random.ts'

export interface CpioNode {
  magic: string
  /** The 13 numbers of a header, as they are written: 8 characters each. */
  fields: string[]
  name: Buffer
  content: Buffer
}

export interface Cpio {
  nodes: CpioNode[]
  tail: Buffer
}

const [modeField, sizeField, nameField, sumField] = [1, 6, 11, 12] as const

export function parseCpio(bytes: Buffer): Cpio {
  const nodes: CpioNode[] = []
  let at = 0
  while (at + 110 <= bytes.length && /^07070[12]/.test(bytes.toString('latin1', at, at + 6))) {
    const head = bytes.toString('latin1', at, at + 110)
    const fields = Array.from({ length: 13 }, (_, i) => head.slice(6 + 8 * i, 14 + 8 * i))
    const nameBytes = parseInt(fields[nameField] ?? '', 16)
    const start = padded(at + 110 + nameBytes)
    const end = start + parseInt(fields[sizeField] ?? '', 16)
    nodes.push({
      magic: head.slice(0, 6),
      fields,
      name: Buffer.from(bytes.subarray(at + 110, at + 110 + nameBytes)),
      content: Buffer.from(bytes.subarray(start, end)),
    })
    at = padded(end)
  }
  return { nodes, tail: Buffer.from(bytes.subarray(at)) }
}

export function buildCpio({ nodes, tail }: Cpio): Buffer {
  let at = 0
  const pieces = nodes.flatMap(({ magic, fields, name, content }) => {
    const head = Buffer.concat([Buffer.from(`${magic}${fields.join('')}`, 'latin1'), name])
    const parts = [head, zeros(at + head.length), content]
    at = padded(at + head.length) + content.length
    const end = zeros(at)
    at = padded(at)
    return [...parts, end]
  })
  return Buffer.concat([...pieces, tail])
}

export function cpioName(node: CpioNode): string {
  return node.name.toString('utf8').replace(/\0.*$/s, '')
}

/** Gives a node another content, with the right size and checksum. */
export function setCpioContent(node: CpioNode, content: Buffer): void {
  node.content = content
  node.fields[sizeField] = hex(content.length)
  node.fields[sumField] =
    node.magic === '070702' ? hex(content.reduce((total, byte) => total + byte, 0)) : hex(0)
}

export function makeCpioNode(name: string, content: Buffer, magic = '070702'): CpioNode {
  const node = {
    magic,
    fields: Array.from({ length: 13 }, () => hex(0)),
    name: Buffer.from(`${name}\0`),
    content,
  }
  node.fields[modeField] = hex(0o100644)
  node.fields[nameField] = hex(node.name.length)
  setCpioContent(node, content)
  return node
}

const numbers = [
  'ffffffff',
  '80000000',
  '00000000',
  '00000001',
  '7fffffff',
  '-0000001',
  '0000001g',
  '        ',
  '0x000001',
]
const names = [
  'sw-description',
  'sw-description.sig',
  'TRAILER!!!',
  '../x',
  '/etc/passwd',
  '',
  '.',
  'rootfs',
  '\ufeffrootfs',
  'x'.repeat(300),
]

/** Changes something in an archive: a field, a name, a member, the order, the end. */
export function mutateCpio(cpio: Cpio, random: Random): void {
  const { nodes } = cpio
  const node = random.some(nodes)
  if (node === undefined) return
  const at = nodes.indexOf(node)
  random.pick<() => unknown>([
    () => nodes.splice(at, 1),
    () => nodes.splice(random.below(nodes.length + 1), 0, { ...node, fields: [...node.fields] }),
    () => nodes.splice(0, nodes.length, ...nodes.toReversed()),
    () => nodes.splice(at, 0, makeCpioNode(random.pick(names), random.bytes(random.below(40)), node.magic)),
    () => (node.fields[random.below(13)] = random.pick(numbers)),
    () => (node.fields[modeField] = hex(random.pick([0o120777, 0o040755, 0o060644, 0o010644, 0o100755, 0]))),
    () => (node.fields[random.pick([sizeField, nameField, sumField])] = hex(random.below(5000))),
    () => rename(node, Buffer.from(`${random.pick(names)}\0`)),
    () =>
      rename(
        node,
        Buffer.from(random.pick(['rootfs', 'rootfs\0\0', 'root\0fs\0', 'rootfs\xff\0', '\0']), 'latin1'),
      ),
    () => (node.magic = random.pick(['070701', '070702', '070707', '07070X'])),
    () => setCpioContent(node, random.bytes(random.below(300))),
    () => (cpio.tail = random.bytes(random.below(40))),
    () => (cpio.tail = Buffer.alloc(random.pick([0, 1, 511, 512, 70_000]))),
    () => (cpio.tail = Buffer.concat([cpio.tail, buildCpio({ nodes, tail: cpio.tail })])),
  ])()
}

function rename(node: CpioNode, name: Buffer): void {
  node.name = name
  node.fields[nameField] = hex(name.length)
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}

function padded(at: number): number {
  return at + ((4 - (at % 4)) % 4)
}

function zeros(at: number): Buffer {
  return Buffer.alloc(padded(at) - at)
}
