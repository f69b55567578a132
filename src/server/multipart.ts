// multipart/form-data, read part by part as it arrives: nothing but a part that is asked for is kept in memory.
import { Refusal } from './refusal.ts'

const maxPartHeaderBytes = 8 << 10
const maxParts = 32

/** One part. Its body must be read before the next part is asked for; what is left unread is skipped. */
export interface Part {
  name: string
  /** Throws a 400 where the request ends inside the part. */
  body: AsyncIterableIterator<Uint8Array>
}

/** The boundary of a multipart/form-data content type; throws a 400 where it is something else. */
export function boundaryOf(contentType: string | undefined): string {
  const match = /^multipart\/form-data\s*;.*\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(
    contentType ?? '',
  )
  const boundary = match?.[1] ?? match?.[2]
  if (boundary === undefined) throw new Refusal(400, 'the request must be multipart/form-data')
  return boundary
}

/** Reads the parts of `source` in their order. Throws a 400 for anything that is not multipart with this boundary. */
export async function* readParts(source: AsyncIterator<Uint8Array>, boundary: string): AsyncGenerator<Part> {
  const input = new Input(source)
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  // the first boundary has no line end before it: give it one, so that there is one rule
  input.unread(Buffer.from('\r\n'))
  for await (const _preamble of input.until(delimiter)) continue
  for (let count = 0; ; count++) {
    if (!(await input.nextIsPart())) return
    if (count === maxParts) throw new Refusal(400, `more than ${maxParts} parts`)
    const name = nameOf(await input.header())
    const body = input.until(delimiter)
    yield { name, body }
    for await (const _rest of body) continue
  }
}

/** A whole part as text, for the small ones; throws a 400 where it is longer than `limitBytes`. */
export async function textOf(part: Part, limitBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of part.body) {
    size += chunk.length
    if (size > limitBytes) throw new Refusal(400, `part "${part.name}" is longer than ${limitBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function nameOf(header: string): string {
  const disposition = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(header)?.[1] ?? ''
  const match = /(?:^|;)\s*name=(?:"([^"]*)"|([^\s;"]+))/i.exec(disposition)
  const name = match?.[1] ?? match?.[2]
  if (name === undefined) throw new Refusal(400, 'a part of the request has no name')
  return name
}

class Input {
  readonly #source: AsyncIterator<Uint8Array>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source
  }

  unread(bytes: Buffer): void {
    this.#buffer = Buffer.concat([bytes, this.#buffer])
  }

  /** Everything before `delimiter`, which is taken off too. */
  async *until(delimiter: Buffer): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = this.#buffer.indexOf(delimiter)
      if (at >= 0) {
        const piece = this.#buffer.subarray(0, at)
        this.#buffer = this.#buffer.subarray(at + delimiter.length)
        if (piece.length > 0) yield piece
        return
      }
      // the delimiter may have begun in what we have
      const safe = this.#buffer.length - (delimiter.length - 1)
      if (safe > 0) {
        const piece = this.#buffer.subarray(0, safe)
        this.#buffer = this.#buffer.subarray(safe)
        yield piece
      }
      await this.#more()
    }
  }

  /** After a boundary: `--` ends the whole, a line end begins a part. */
  async nextIsPart(): Promise<boolean> {
    while (this.#buffer.length < 2) await this.#more()
    const two = this.#buffer.subarray(0, 2).toString('latin1')
    if (two === '--') return false
    const end = this.#buffer.indexOf('\r\n')
    if (end < 0 || this.#buffer.subarray(0, end).toString('latin1').trim() !== '')
      throw new Refusal(400, 'malformed multipart body')
    this.#buffer = this.#buffer.subarray(end) // the header's own end may follow at once
    return true
  }

  async header(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\r\n\r\n')
      if (end > maxPartHeaderBytes || (end < 0 && this.#buffer.length > maxPartHeaderBytes))
        throw new Refusal(400, 'the header of a part is too long')
      if (end >= 0) {
        const text = this.#buffer.subarray(0, end).toString('utf8')
        this.#buffer = this.#buffer.subarray(end + 4)
        return text
      }
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    const next = await this.#source.next()
    if (next.done === true) throw new Refusal(400, 'the request ends before its last part does')
    this.#buffer =
      this.#buffer.length === 0 ? asBuffer(next.value) : Buffer.concat([this.#buffer, next.value])
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
