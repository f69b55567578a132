// The cpio format "new ASCII" (magic 070701, and 070702 with a checksum), the container of SWUpdate.

export const cpioHeaderBytes: number = 110
/** The name of the entry that ends an archive. */
export const cpioTrailer: string = 'TRAILER!!!'
/** A size has eight hexadecimal digits. */
export const maxCpioEntryBytes: number = 2 ** 32 - 1

/** What is known of an entry once all of its content is. */
export interface CpioEntry {
  name: string
  /** Counts from 1; the end has 0. */
  inode: number
  sizeBytes: number
  /** See `cpioSum`. */
  sum: number
}

/** The header of a plain file (root's, readable by all, of 1970-01-01), with its name and the padding after it. */
export function cpioHeader({ name, inode, sizeBytes, sum }: CpioEntry): Buffer {
  if (sizeBytes > maxCpioEntryBytes) throw new RangeError(`too large for a cpio header: ${name}`)
  const isEnd = name === cpioTrailer
  const nameBytes = Buffer.byteLength(name) + 1
  // inode, mode, user, group, links, date, size, four device numbers, the name's size, checksum
  const fields = [inode, isEnd ? 0 : 0o100644, 0, 0, 1, 0, sizeBytes, 0, 0, 0, 0, nameBytes, sum]
  const head = `070702${fields.map((field) => field.toString(16).toUpperCase().padStart(8, '0')).join('')}${name}\0`
  return Buffer.concat([Buffer.from(head), Buffer.alloc(cpioPadding(Buffer.byteLength(head)))])
}

/** A whole entry: header, content, padding. */
export function cpioEntry(name: string, inode: number, content: Uint8Array): Buffer {
  const header = cpioHeader({ name, inode, sizeBytes: content.length, sum: cpioSum(content) })
  return Buffer.concat([header, content, Buffer.alloc(cpioPadding(content.length))])
}

/** What ends an archive whose entries take `sizeBytes`: the whole is a multiple of 512 bytes, as cpio writes it. */
export function cpioEnd(sizeBytes: number): Buffer {
  const trailer = cpioHeader({ name: cpioTrailer, inode: 0, sizeBytes: 0, sum: 0 })
  const over = (sizeBytes + trailer.length) % 512
  return Buffer.concat([trailer, Buffer.alloc((512 - over) % 512)])
}

/** Zero bytes after a header with its name, or a content, of this size. */
export function cpioPadding(sizeBytes: number): number {
  return (4 - (sizeBytes % 4)) % 4
}

/** The checksum of 070702: the sum of all bytes, in 32 bits; `sum` is that of what came before. */
export function cpioSum(content: Uint8Array, sum = 0): number {
  const { buffer, byteOffset, length } = content
  if (length < 8) return (sum + sumOfBytes(content)) >>> 0
  const start = (4 - (byteOffset % 4)) % 4
  const words = new Uint32Array(buffer, byteOffset + start, (length - start) >>> 2)
  const edges =
    sumOfBytes(content.subarray(0, start)) + sumOfBytes(content.subarray(start + words.byteLength))
  return (sum + edges + sumOfWords(words)) >>> 0
}

/** Four bytes at a time, in two sums of two: no more than 257 of them fit into 16 bits. */
function sumOfWords(words: Uint32Array): number {
  let total = 0
  for (let i = 0; i < words.length;) {
    let [even, odd] = [0, 0]
    for (const end = Math.min(i + 256, words.length); i < end; i++) {
      const word = words[i] ?? 0
      even += word & 0x00ff00ff
      odd += (word >>> 8) & 0x00ff00ff
    }
    total += (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16)
  }
  return total
}

function sumOfBytes(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => total + byte, 0)
}
