import { type ByteReader, damaged, tooLarge, unsafePath, wrongMember } from './byte-reader.ts'
import { type Extended, readPax, textOf } from './tar-pax.ts'

/** One file in a tar archive. */
export interface TarMember {
  name: string
  sizeBytes: number
  /** Where its header begins. */
  offset: number
  modifiedAt: Date
}

const blockBytes = 512
/** Extended headers carry one long name and a few numbers. */
const maxExtendedBytes = 64 << 10
/** GNU tar fills its last record with zeros. */
const maxTrailingZeros = 20 * blockBytes

/**
 * Reads a tar archive (POSIX ustar and pax, GNU) member by member, in constant memory. Only plain files are accepted.
 * What a header says is checked before it is believed; what no reader would look at has to be zero, so that nothing hides.
 */
export class TarReader {
  readonly #bytes: ByteReader
  /** Bytes of the current member that nobody has read, with its padding. */
  #unread = 0

  constructor(bytes: ByteReader) {
    this.#bytes = bytes
  }

  /** The next member, once the one before was read; undefined at the archive's end, after which nothing follows. */
  async next(): Promise<TarMember | undefined> {
    if (this.#unread > 0) throw new Error('the member before was not read')
    let extended: Extended | undefined
    for (;;) {
      const offset = this.#bytes.offset
      const block = await this.#bytes.exactly(blockBytes)
      if (isZero(block)) {
        if (extended !== undefined) throw this.#damaged(offset, 'a member has no content')
        return this.#finish(offset)
      }
      const type = this.#checkHeader(block, offset)
      const sizeBytes = this.#number(block, 124, 12, offset)
      if (type === 'x' || type === 'L') {
        // readers don't agree which of two counts
        if (extended !== undefined) throw this.#damaged(offset, 'a member has two extended headers')
        extended = await this.#extension(type, sizeBytes, offset)
        continue
      }
      const name = this.#name(block, offset)
      const modifiedAt = this.#number(block, 136, 12, offset)
      const member = {
        name: extended?.name ?? name,
        sizeBytes: extended?.sizeBytes ?? sizeBytes,
        offset,
        modifiedAt: new Date((extended?.modifiedAt ?? modifiedAt) * 1000),
      }
      this.#unread = member.sizeBytes + paddingOf(member.sizeBytes)
      if (Number.isNaN(member.modifiedAt.getTime())) throw this.#damaged(offset, 'its date is impossible')
      return member
    }
  }

  /** The content of the member that `next` gave; to be read once, to its end. */
  async *body(member: TarMember): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#bytes.take(member.sizeBytes)) {
      this.#unread -= piece.length
      yield piece
    }
    await this.#skipPadding(member.sizeBytes)
    this.#unread = 0
  }

  /** The content as one; a member over `limitBytes` is refused before it is read. */
  async content(member: TarMember, limitBytes: number): Promise<Buffer> {
    if (member.sizeBytes > limitBytes) {
      throw tooLarge(
        this.#bytes.place,
        member.offset,
        `${member.name} has ${member.sizeBytes} bytes, over ${limitBytes}`,
      )
    }
    const pieces: Uint8Array[] = []
    for await (const piece of this.body(member)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  async #finish(offset: number): Promise<undefined> {
    if (!isZero(await this.#bytes.exactly(blockBytes))) throw this.#damaged(offset, 'its end is half there')
    await this.#bytes.zerosToEnd(maxTrailingZeros)
    if (this.#bytes.offset % blockBytes !== 0) throw this.#damaged(this.#bytes.offset, 'its end is cut off')
    return undefined
  }

  #checkHeader(block: Buffer, offset: number): '0' | 'x' | 'L' {
    const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0)
    if (this.#number(block, 148, 8, offset) !== sum) {
      throw this.#damaged(offset, 'a header has a wrong checksum')
    }
    // permissions, owner, group, device numbers: of no use here, but other readers refuse what is no number
    for (const at of [100, 108, 116, 329, 337]) this.#number(block, at, 8, offset)
    this.#checkRest(block, offset)
    const type = String.fromCharCode(block[156] ?? 0)
    if (type === '0' || type === '\0') return '0'
    if (type === 'x' || type === 'L') return type
    throw unsafePath(this.#bytes.place, offset, 'a member is not a plain file')
  }

  /** What belongs to no format, or to links alone, some readers use all the same. */
  #checkRest(block: Buffer, offset: number): void {
    const format = block.toString('latin1', 257, 265)
    // POSIX ustar and pax; GNU; from before both
    const end = format === 'ustar\x0000' ? 500 : format === 'ustar  \0' ? 345 : 257
    if (!isZero(block.subarray(end)) || !isZero(block.subarray(157, 257))) {
      throw this.#damaged(offset, 'a header has something where there is nothing')
    }
  }

  async #extension(type: 'x' | 'L', sizeBytes: number, offset: number): Promise<Extended> {
    if (sizeBytes > maxExtendedBytes)
      throw tooLarge(this.#bytes.place, offset, 'an extended header is too large')
    const content = await this.#bytes.exactly(sizeBytes)
    await this.#skipPadding(sizeBytes)
    if (type === 'L') return { name: this.#text(content, 0, sizeBytes, offset) }
    const read = readPax(content)
    if (read === undefined) throw this.#damaged(offset, 'an extended header is malformed')
    return read
  }

  async #skipPadding(sizeBytes: number): Promise<void> {
    const offset = this.#bytes.offset
    if (!isZero(await this.#bytes.exactly(paddingOf(sizeBytes)))) {
      throw wrongMember(this.#bytes.place, offset, 'something stands between two members')
    }
  }

  #name(block: Buffer, offset: number): string {
    const name = this.#text(block, 0, 100, offset)
    // the prefix belongs to POSIX archives alone: GNU keeps other things there
    const isPosix = block.toString('latin1', 257, 263) === 'ustar\0'
    const prefix = isPosix ? this.#text(block, 345, 155, offset) : ''
    return prefix === '' ? name : `${prefix}/${name}`
  }

  #text(block: Buffer, start: number, length: number, offset: number): string {
    const field = block.subarray(start, start + length)
    const end = field.indexOf(0)
    if (end >= 0 && !isZero(field.subarray(end))) throw this.#damaged(offset, 'something hides behind a name')
    const text = textOf(end < 0 ? field : field.subarray(0, end))
    if (text === undefined) throw this.#damaged(offset, 'a name is not UTF-8')
    return text
  }

  #number(block: Buffer, start: number, length: number, offset: number): number {
    const value = parseNumber(block.subarray(start, start + length))
    if (value === undefined) throw this.#damaged(offset, 'a number in a header is malformed')
    return value
  }

  #damaged(offset: number, why: string) {
    return damaged(this.#bytes.place, offset, why)
  }
}

/** Zero bytes between a file of this size and the next header. */
export function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes
}

// octal digits, or (GNU, for files over 8 GiB) a big-endian number with the first bit set
function parseNumber(field: Buffer): number | undefined {
  const first = field[0] ?? 0
  if (first === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0)
    return Number.isSafeInteger(value) ? value : undefined
  }
  const text = field.toString('latin1')
  const digits = /^ *([0-7]*)[ \0]*$/.exec(text)?.[1]
  return digits === undefined ? undefined : digits === '' ? 0 : parseInt(digits, 8)
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}
