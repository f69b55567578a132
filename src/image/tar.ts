// Reads a tar file as base systems come in: ustar, pax and GNU's long names. Hides blocks, checksums and number forms.
import { readSync } from 'node:fs'
import { Failure } from '../platform/platform.ts'

const block = 512
/** Names and attributes are small; an extended header over this size means a damaged file. */
const maxExtendedBytes = 1 << 20

/** One member. `path` has neither a leading `./` nor a slash at its end; the root folder is the empty string. */
export interface TarMember {
  path: string
  kind: 'file' | 'folder' | 'link' | 'hard-link' | 'other'
  /** Permission bits with set-uid, set-gid and sticky. */
  mode: number
  uid: number
  gid: number
  /** Seconds since 1970. */
  mtime: number
  /** A link's text, or the member that a hard link stands for. */
  target: string
  /** Where the content starts in the file, and how long it is. */
  offset: number
  size: number
  xattrs: ReadonlyMap<string, Buffer>
}

/** All members in the file's order. Throws `build-failed` where the file is damaged or cut short. */
export function* readTar(descriptor: number): Generator<TarMember> {
  let extended = new Map<string, Buffer>()
  for (let position = 0; ;) {
    const header = readExactly(descriptor, position, block)
    if (header.every((byte) => byte === 0)) return
    const type = String.fromCharCode(header[156] ?? 0)
    checkSum(header)
    const size = numberOf(extended.get('size')?.toString()) ?? fieldNumber(header, 124, 12)
    const offset = position + block
    position = offset + Math.ceil(size / block) * block
    if (type === 'x' || type === 'g') {
      if (type === 'x')
        extended = new Map([...extended, ...paxRecords(extendedData(descriptor, offset, size))])
    } else if (type === 'L' || type === 'K') {
      const text = extendedData(descriptor, offset, size)
      extended.set(type === 'L' ? 'path' : 'linkpath', text.subarray(0, text.indexOf(0)))
    } else {
      yield memberOf(header, extended, offset, size)
      extended = new Map()
    }
  }
}

function memberOf(
  header: Buffer,
  extended: ReadonlyMap<string, Buffer>,
  offset: number,
  size: number,
): TarMember {
  const [name, prefix] = [fieldText(header, 0, 100), fieldText(header, 345, 155)]
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0'
  const path = extended.get('path')?.toString() ?? (isUstar && prefix ? `${prefix}/${name}` : name)
  const kind = kinds[String.fromCharCode(header[156] ?? 0)] ?? 'other'
  return {
    path: cleanPath(path),
    kind,
    mode: fieldNumber(header, 100, 8) & 0o7777,
    uid: numberOf(extended.get('uid')?.toString()) ?? fieldNumber(header, 108, 8),
    gid: numberOf(extended.get('gid')?.toString()) ?? fieldNumber(header, 116, 8),
    mtime: Math.floor(numberOf(extended.get('mtime')?.toString()) ?? fieldNumber(header, 136, 12)),
    target: extended.get('linkpath')?.toString() ?? fieldText(header, 157, 100),
    offset,
    size: kind === 'file' ? size : 0,
    xattrs: xattrsOf(extended),
  }
}

const kinds: Record<string, TarMember['kind']> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hard-link',
  '2': 'link',
  '5': 'folder',
}

/** The same spelling for `./a/b`, `a/b/` and `/a/b`; throws `build-failed` for a name that climbs out. */
export function cleanPath(path: string): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  if (names.includes('..')) throw damaged(`it has a member called ${path}`)
  return names.join('/')
}

function xattrsOf(extended: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  const prefix = 'SCHILY.xattr.'
  return new Map(
    [...extended]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  )
}

// pax: records of "<length> <key>=<value>\n", where the length counts the whole record in bytes
function paxRecords(data: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>()
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at)
    const length = Number(data.toString('latin1', at, space))
    const equals = data.indexOf(0x3d, space)
    if (space < 0 || equals < 0 || !Number.isInteger(length) || length < 5 || at + length > data.length)
      throw damaged('an extended header is not readable')
    records.set(data.toString('utf8', space + 1, equals), data.subarray(equals + 1, at + length - 1))
    at += length
  }
  return records
}

function extendedData(descriptor: number, offset: number, size: number): Buffer {
  if (size > maxExtendedBytes) throw damaged(`an extended header has ${size} bytes`)
  return readExactly(descriptor, offset, size)
}

function readExactly(descriptor: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  for (let read = 0; read < length;) {
    const count = readSync(descriptor, buffer, read, length - read, position + read)
    if (count === 0) throw damaged('it ends too early')
    read += count
  }
  return buffer
}

function checkSum(header: Buffer): void {
  let sum = 0
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte
  if (sum !== fieldNumber(header, 148, 8)) throw damaged('a checksum is wrong')
}

function fieldText(header: Buffer, start: number, length: number): string {
  const end = header.indexOf(0, start)
  return header.toString('utf8', start, end < 0 || end > start + length ? start + length : end)
}

// octal digits, or GNU's binary form where the first bit is set
function fieldNumber(header: Buffer, start: number, length: number): number {
  if ((header[start] ?? 0) & 0x80) return header.readUIntBE(start + length - 6, 6)
  const text = fieldText(header, start, length).trim()
  return text === '' ? 0 : Number.parseInt(text, 8)
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function damaged(why: string): Failure {
  return new Failure('build-failed', `the base system's tar file is damaged: ${why}`)
}
