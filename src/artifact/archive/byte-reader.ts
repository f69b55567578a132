import { Failure } from '../../platform/platform.ts'

/** What is wrong with a damaged file, where one can tell. */
export type Damage = 'artifact-checksum' | 'artifact-members' | 'artifact-path' | 'artifact-too-large'

/**
 * The failure of a file that isn't what it should be; `place` is the member, `offset` counts its bytes from 0. `damage`
 * becomes the failure's detail.
 */
export function damaged(
  place: string,
  offset: number,
  why: string,
  cause?: unknown,
  damage?: Damage,
): Failure {
  return new Failure(
    'artifact-damaged',
    `${printable(`${place}, byte ${offset}: ${why}`)}. Nothing of it can be trusted: build or fetch it again.`,
    { cause, detail: damage },
  )
}

/** What a hostile file says of itself gets into messages, and no message may steer a terminal or fill a log. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this replaces
  const shown = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
  return shown.length <= 1000 ? shown : `${shown.slice(0, 1000)}…`
}

/** `damaged` by bytes that have another checksum than they should. */
export const wrongChecksum = (place: string, offset: number, why: string) =>
  damaged(place, offset, why, undefined, 'artifact-checksum')

/** `damaged` by a member that is missing, too many or in another's place; where `name` leaves its folder, by that. */
export const wrongMember = (place: string, offset: number, why: string, name = '') =>
  leavesFolder.test(name)
    ? unsafePath(place, offset, why)
    : damaged(place, offset, why, undefined, 'artifact-members')

// oxlint-disable-next-line no-control-regex -- control characters are in no honest name
const leavesFolder = /(^|[/\\])\.\.?([/\\]|$)|^[/\\]|[/\\]{2}|[\u0000-\u001f\u007f]/

/** `damaged` by a name that leaves its folder, or something that is no plain file. */
export const unsafePath = (place: string, offset: number, why: string) =>
  damaged(place, offset, why, undefined, 'artifact-path')

/** `damaged` by a size over the limit, claimed or real. */
export const tooLarge = (place: string, offset: number, why: string) =>
  damaged(place, offset, why, undefined, 'artifact-too-large')

export interface ByteReaderOptions {
  /** What messages call these bytes. */
  place: string
  /** More than these bytes are refused. */
  limitBytes: number
  /** Sees every chunk once, in order, before anything of it is used. */
  onChunk?: (chunk: Uint8Array) => void
}

/** Reads a stream in pieces of known size and knows where it stands. Holds one chunk at a time, and closes the stream. */
export class ByteReader implements AsyncDisposable {
  readonly place: string
  /** Bytes handed out so far. */
  offset = 0
  readonly #iterator: AsyncIterator<Uint8Array>
  readonly #options: ByteReaderOptions
  #received = 0
  #rest: Uint8Array = new Uint8Array()

  constructor(source: AsyncIterable<Uint8Array>, options: ByteReaderOptions) {
    this.place = options.place
    this.#iterator = source[Symbol.asyncIterator]()
    this.#options = options
  }

  /** The next `count` bytes, in as many chunks as they come; throws where the stream ends before. */
  async *take(count: number): AsyncGenerator<Uint8Array> {
    let left = count
    while (left > 0) {
      const piece = await this.#some(left)
      if (piece === undefined) throw damaged(this.place, this.#received, 'it ends too early')
      left -= piece.length
      yield piece
    }
  }

  /** The next `count` bytes as one; the caller has checked that they fit in memory. */
  async exactly(count: number): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    for await (const piece of this.take(count)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  /** Reads to the end, which at most `limit` zero bytes may precede. */
  async zerosToEnd(limit: number): Promise<void> {
    const start = this.offset
    for (;;) {
      const piece = await this.#some(1 << 20)
      if (piece === undefined) return
      if (this.offset - start > limit || piece.some((byte) => byte !== 0)) {
        throw wrongMember(this.place, start, 'something follows its end')
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#iterator.return?.()
  }

  async #some(atMost: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#iterator.next()
      if (done === true) return undefined
      this.#received += value.length
      if (this.#received > this.#options.limitBytes) {
        throw tooLarge(this.place, this.#received, `it has more than ${this.#options.limitBytes} bytes`)
      }
      this.#options.onChunk?.(value)
      this.#rest = value
    }
    const piece = this.#rest.subarray(0, atMost)
    this.#rest = this.#rest.subarray(piece.length)
    this.offset += piece.length
    return piece
  }
}
