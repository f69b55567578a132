import { paddingOf } from './tar-reader.ts'

/** An octal field of 11 digits ends here; beyond, GNU's binary form is written. */
const maxOctal = 8 ** 11
const maxShortOctal = 8 ** 7
/** What the fields for a name and a link's target hold; longer ones have a member of their own before them, as in GNU tar. */
const maxNameBytes = 100

/** One entry of a tar archive, by what isn't as in most: a plain file of root's, readable by all, of 1970-01-01. */
export interface TarEntry {
  name: string
  type?: 'file' | 'folder' | 'link' | undefined
  /** 0 where not given. */
  sizeBytes?: number | undefined
  /** Permissions, and set-id bits. */
  mode?: number | undefined
  uid?: number | undefined
  gid?: number | undefined
  /** Seconds since 1970. */
  modifiedAt?: number | undefined
  /** What a symbolic link points at. */
  target?: string | undefined
}

const typeFlags = { file: '0', folder: '5', link: '2' } as const

/**
 * The header of one entry: 512 bytes that depend on the arguments alone, preceded by those that hold a name or a target of
 * more than 100 bytes. POSIX ustar as far as that goes, else with GNU's extensions, which every tar on a device knows.
 */
export function tarHeader(name: string, sizeBytes: number, mode = 0o644): Buffer {
  return entryHeader({ name, sizeBytes, mode })
}

/** `tarHeader` of an entry of any kind. */
export function entryHeader(entry: TarEntry): Buffer {
  const { name, target = '' } = entry
  return Buffer.concat([
    ...(Buffer.byteLength(target) > maxNameBytes ? [longName('K', target)] : []),
    ...(Buffer.byteLength(name) > maxNameBytes ? [longName('L', name)] : []),
    headerBlock({ ...entry, flag: typeFlags[entry.type ?? 'file'] }),
  ])
}

function longName(flag: 'K' | 'L', value: string): Buffer {
  const bytes = Buffer.from(`${value}\0`)
  const block = headerBlock({ name: '././@LongLink', sizeBytes: bytes.length, flag })
  return Buffer.concat([block, bytes, Buffer.alloc(paddingOf(bytes.length))])
}

function headerBlock(entry: TarEntry & { flag: string }): Buffer {
  const { name, sizeBytes = 0, target = '', flag } = entry
  const block = Buffer.alloc(512)
  writeCut(block, name, 0)
  block.write(octal(entry.mode ?? 0o644, 8), 100, 'latin1')
  writeNumber(block, entry.uid ?? 0, 108, 8)
  writeNumber(block, entry.gid ?? 0, 116, 8)
  writeNumber(block, sizeBytes, 124, 12)
  writeNumber(block, entry.modifiedAt ?? 0, 136, 12)
  block.write('        ', 148, 'latin1') // the checksum counts itself as spaces
  block.write(flag, 156, 'latin1')
  writeCut(block, target, 157)
  const isGnu =
    flag === 'L' ||
    flag === 'K' ||
    Math.max(Buffer.byteLength(name), Buffer.byteLength(target)) > maxNameBytes ||
    sizeBytes >= maxOctal ||
    Math.max(entry.uid ?? 0, entry.gid ?? 0) >= maxShortOctal
  block.write(isGnu ? 'ustar  \0' : 'ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function writeCut(block: Buffer, text: string, at: number): void {
  Buffer.from(text).copy(block, at, 0, maxNameBytes)
}

function writeNumber(block: Buffer, value: number, at: number, fieldBytes: 8 | 12): void {
  if (value < (fieldBytes === 8 ? maxShortOctal : maxOctal)) {
    block.write(octal(value, fieldBytes), at, 'latin1')
    return
  }
  block.writeBigUInt64BE(BigInt(value), at + fieldBytes - 8)
  block[at] = 0x80
}

/** A whole member: header, content, padding. */
export function tarMember(name: string, content: string | Uint8Array, mode?: number): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([tarHeader(name, bytes.length, mode), bytes, Buffer.alloc(paddingOf(bytes.length))])
}

/** What ends an archive. */
export const tarEnd: Buffer = Buffer.alloc(1024)

function octal(value: number, fieldBytes: number): string {
  return `${value.toString(8).padStart(fieldBytes - 1, '0')}\0`
}
