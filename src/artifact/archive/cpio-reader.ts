import { type ByteReader, damaged, tooLarge, unsafePath, wrongChecksum, wrongMember } from './byte-reader.ts'
import { cpioHeaderBytes, cpioPadding, cpioSum, cpioTrailer } from './cpio-header.ts'

/** One file in a cpio archive. */
export interface CpioMember {
  name: string
  sizeBytes: number
  /** Where its header begins. */
  offset: number
  /** Of its content; undefined in an archive without checksums. */
  sum: number | undefined
}

const maxNameBytes = 256
/** cpio fills its last block with zeros; the largest that anyone asks for is that of a tape. */
const maxTrailingZeros = 64 << 10
const plainFile = 0o100000

/**
 * Reads a cpio archive ("new ASCII", with and without checksums) member by member, in constant memory. Only plain files with
 * flat names, each once, are accepted. Nothing may stand between members or after the end but zeros.
 */
export class CpioReader {
  readonly #bytes: ByteReader
  readonly #names = new Set<string>()
  #isRead = true

  constructor(bytes: ByteReader) {
    this.#bytes = bytes
  }

  /** The next member, once the one before was read; undefined at the archive's end, after which nothing follows. */
  async next(): Promise<CpioMember | undefined> {
    if (!this.#isRead) throw new Error('the member before was not read')
    const offset = this.#bytes.offset
    const header = (await this.#bytes.exactly(cpioHeaderBytes)).toString('latin1')
    if (!/^07070[12][0-9A-Fa-f]{104}$/.test(header)) throw this.#damaged(offset, 'a header is malformed')
    const field = (index: number) => parseInt(header.slice(6 + 8 * index, 14 + 8 * index), 16)
    const [mode, sizeBytes, nameBytes, sum] = [field(1), field(6), field(11), field(12)]
    const hasSums = header.startsWith('070702')
    if (!hasSums && sum !== 0) throw this.#damaged(offset, 'a checksum stands where none may be')
    const name = await this.#name(nameBytes, offset)
    if (name === cpioTrailer) {
      if (sizeBytes !== 0) throw this.#damaged(offset, 'its end has content')
      await this.#bytes.zerosToEnd(maxTrailingZeros)
      return undefined
    }
    this.#checkName(name, offset)
    if ((mode & 0o170000) !== plainFile)
      throw this.#unsafe(offset, `${JSON.stringify(name)} is no plain file`)
    this.#isRead = false
    return { name, sizeBytes, offset, sum: hasSums ? sum : undefined }
  }

  /** The content of the member that `next` gave; to be read once, to its end, where its checksum is compared. */
  async *body(member: CpioMember): AsyncGenerator<Uint8Array> {
    let sum = 0
    for await (const piece of this.#bytes.take(member.sizeBytes)) {
      sum = cpioSum(piece, sum)
      yield piece
    }
    await this.#skipPadding(member.sizeBytes)
    if (member.sum !== undefined && member.sum !== sum) {
      const why = `${JSON.stringify(member.name)} has another checksum than its header says`
      throw wrongChecksum(this.#bytes.place, member.offset, why)
    }
    this.#isRead = true
  }

  /** The content as one; a member over `limitBytes` is refused before it is read. */
  async content(member: CpioMember, limitBytes: number): Promise<Buffer> {
    if (member.sizeBytes > limitBytes) {
      const why = `${member.name} has ${member.sizeBytes} bytes, over ${limitBytes}`
      throw tooLarge(this.#bytes.place, member.offset, why)
    }
    const pieces: Uint8Array[] = []
    for await (const piece of this.body(member)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  async #name(nameBytes: number, offset: number): Promise<string> {
    if (nameBytes < 2 || nameBytes > maxNameBytes)
      throw this.#damaged(offset, 'a name is too short or too long')
    const bytes = await this.#bytes.exactly(nameBytes)
    await this.#skipPadding(cpioHeaderBytes + nameBytes)
    if (bytes.indexOf(0) !== nameBytes - 1) throw this.#damaged(offset, 'a name ends where it should not')
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, -1))
    } catch {
      throw this.#damaged(offset, 'a name is not UTF-8')
    }
  }

  #checkName(name: string, offset: number): void {
    // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
    if (/[/\\\u0000-\u001f\u007f]|^\.{1,2}$/.test(name)) {
      throw this.#unsafe(offset, `${JSON.stringify(name)} can't be a member's name: it has to be flat`)
    }
    if (this.#names.has(name)) {
      throw wrongMember(this.#bytes.place, offset, `${JSON.stringify(name)} is there twice`)
    }
    this.#names.add(name)
  }

  async #skipPadding(sizeBytes: number): Promise<void> {
    const offset = this.#bytes.offset
    const padding = await this.#bytes.exactly(cpioPadding(sizeBytes))
    if (padding.some((byte) => byte !== 0)) {
      throw wrongMember(this.#bytes.place, offset, 'something stands between two members')
    }
  }

  #damaged(offset: number, why: string) {
    return damaged(this.#bytes.place, offset, why)
  }

  #unsafe(offset: number, why: string) {
    return unsafePath(this.#bytes.place, offset, why)
  }
}
