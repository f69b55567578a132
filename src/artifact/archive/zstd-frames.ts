const magic = 0xfd2fb528
/** Sixteen magic numbers whose frames hold nothing that a decompressor gives. */
const isSkippable = (value: number) => value >>> 4 === 0x184d2a5

/**
 * The same Zstandard stream, cut so that every frame ends where a chunk does (RFC 8878, 3.1): Node's decompressor goes on with
 * the next frame only then, and else takes the end of one for the end of all. What is no frame passes as it is.
 */
export async function* cutAtFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const walk = new FrameWalk()
  for await (const chunk of source) {
    let start = 0
    for (let at = 0; at < chunk.length;) {
      at += walk.pass(chunk.subarray(at))
      if (!walk.isAtEnd) continue
      yield chunk.subarray(start, at)
      start = at
    }
    if (start < chunk.length) yield chunk.subarray(start)
  }
}

/** Knows where in a frame it stands, from the bytes that say how long something is. */
class FrameWalk {
  /** Whether the bytes so far end with a whole frame. */
  isAtEnd = false
  #next: 'magic' | 'descriptor' | 'block' | 'skippable' | 'end' = 'magic'
  #gathered: number[] = []
  #wanted = 4
  #skip = 0
  #checksumBytes = 0

  /** Takes some bytes from the front of `bytes`, at least one; gives how many. */
  pass(bytes: Uint8Array): number {
    this.isAtEnd = false
    const count = Math.min(bytes.length, this.#skip > 0 ? this.#skip : this.#wanted - this.#gathered.length)
    if (this.#skip > 0) {
      this.#skip -= count
    } else {
      this.#gathered.push(...bytes.subarray(0, count))
      if (this.#gathered.length === this.#wanted) this.#step(numberOf(this.#gathered))
    }
    if (this.#next === 'end' && this.#skip === 0) {
      this.isAtEnd = true
      this.#expect('magic', 4)
    }
    return count
  }

  #expect(next: 'magic' | 'descriptor' | 'block' | 'skippable' | 'end', wanted: number): void {
    this.#next = next
    this.#wanted = wanted
    this.#gathered = []
  }

  #step(value: number): void {
    switch (this.#next) {
      case 'magic':
        if (value === magic) return this.#expect('descriptor', 1)
        if (isSkippable(value)) return this.#expect('skippable', 4)
        this.#skip = Infinity
        return
      case 'descriptor':
        this.#skip = headerRest(value)
        this.#checksumBytes = (value & 4) === 0 ? 0 : 4
        return this.#expect('block', 3)
      case 'block': {
        const isLast = (value & 1) === 1
        this.#skip = (((value >> 1) & 3) === 1 ? 1 : value >> 3) + (isLast ? this.#checksumBytes : 0)
        return this.#expect(isLast ? 'end' : 'block', 3)
      }
      case 'skippable':
        this.#skip = value
        return this.#expect('end', 0)
      case 'end':
        return
    }
  }
}

/** Bytes of a frame's header after its descriptor: window, dictionary, content size. */
function headerRest(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0
  const contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
  return (isSingle ? 0 : 1) + dictionary + contentSize
}

function numberOf(littleEndian: readonly number[]): number {
  return littleEndian.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0)
}
