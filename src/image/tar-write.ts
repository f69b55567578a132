// Writes a file tree as a tar file (pax) that GNU tar unpacks with owners, times and attributes. Hides headers and checksums.
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { FileEntries, TreeNode } from './tree.ts'

const block = 512
const copyBytes = 1 << 20
/** What the old header's number fields hold: 8 bytes octal with a zero at the end, 12 for sizes. */
const [maxId, maxSize] = [0o7777777, 0o77777777777]

/** Writes `tree` to `to`, a new file; what shares a node becomes hard links. After an abort the file may remain. */
export async function writeTar(tree: FileEntries, to: string, signal: AbortSignal): Promise<void> {
  const out = openSync(to, 'wx', 0o600)
  const seen = new Map<TreeNode, string>()
  try {
    let count = 0
    for (const [path, node] of tree.entries()) {
      if (count++ % 128 === 0) {
        await setImmediate()
        signal.throwIfAborted()
      }
      const name = path === '' ? './' : node.kind === 'folder' ? `./${path}/` : `./${path}`
      const first = seen.get(node)
      if (first === undefined) seen.set(node, name)
      writeSync(out, headersOf(name, node, first))
      if (node.kind === 'file' && first === undefined) copyIn(node, out)
    }
    writeSync(out, Buffer.alloc(2 * block))
  } finally {
    closeSync(out)
  }
}

const types = { file: '0', link: '2', folder: '5' } as const

function headersOf(name: string, node: TreeNode, original: string | undefined): Buffer {
  const target = original ?? (node.kind === 'link' ? node.target : '')
  const size = node.kind === 'file' && original === undefined ? node.size : 0
  const records = [
    ...(Buffer.byteLength(name) > 100 ? [record('path', name)] : []),
    ...(Buffer.byteLength(target) > 100 ? [record('linkpath', target)] : []),
    ...(node.uid > maxId ? [record('uid', String(node.uid))] : []),
    ...(node.gid > maxId ? [record('gid', String(node.gid))] : []),
    ...(size > maxSize ? [record('size', String(size))] : []),
    ...(node.mtime < 0 || node.mtime > maxSize ? [record('mtime', String(node.mtime))] : []),
    ...[...node.xattrs].map(([key, value]) => record(`SCHILY.xattr.${key}`, value)),
  ]
  const type = original === undefined ? types[node.kind] : '1'
  const own = header({ name, target, type, size, node })
  if (records.length === 0) return own
  const data = Buffer.concat(records)
  return Buffer.concat([
    header({ name: './pax', target: '', type: 'x', size: data.length }),
    padded(data),
    own,
  ])
}

interface Header {
  name: string
  target: string
  type: string
  size: number
  node?: TreeNode
}

function header({ name, target, type, size, node }: Header): Buffer {
  const bytes = Buffer.alloc(block)
  const octal = (value: number, length: number, at: number) => {
    const most = 8 ** (length - 1) - 1 // what doesn't fit stands in the extended header
    bytes.write(
      Math.min(Math.max(value, 0), most)
        .toString(8)
        .padStart(length - 1, '0'),
      at,
    )
  }
  bytes.write(name, 0, 100)
  octal(node?.mode ?? 0o644, 8, 100)
  octal(node?.uid ?? 0, 8, 108)
  octal(node?.gid ?? 0, 8, 116)
  octal(size, 12, 124)
  octal(node?.mtime ?? 0, 12, 136)
  bytes.write('        ', 148)
  bytes.write(type, 156)
  bytes.write(target, 157, 100)
  bytes.write('ustar\u000000', 257, 'latin1')
  bytes.write(
    `${bytes
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  return bytes
}

// pax: "<length> <key>=<value>\n", where the length counts the whole record in bytes
function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length++
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function copyIn({ content, size }: TreeNode & { kind: 'file' }, out: number): void {
  const from = openSync(content, 'r')
  const buffer = Buffer.allocUnsafe(Math.min(copyBytes, Math.max(size, 1)))
  try {
    for (;;) {
      const count = readSync(from, buffer, 0, buffer.length, null)
      if (count === 0) break
      writeSync(out, buffer.subarray(0, count))
    }
  } finally {
    closeSync(from)
  }
  writeSync(out, Buffer.alloc((block - (size % block)) % block))
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((block - (data.length % block)) % block)])
}
