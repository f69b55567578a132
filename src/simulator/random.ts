import { createHash } from 'node:crypto'

/** Numbers that look random and depend on the seed alone, so that a run can be had again. */
export class Random {
  #state: Uint32Array

  /** `parts` together are the seed: the same parts give the same numbers. */
  constructor(...parts: readonly (string | number)[]) {
    const digest = createHash('sha256').update(JSON.stringify(parts)).digest()
    this.#state = new Uint32Array([0, 4, 8, 12].map((at) => digest.readUInt32LE(at)))
  }

  /** From 0 up to, and without, 1. */
  next(): number {
    // sfc32, by Chris Doty-Humphrey (PractRand): small, quick and good enough for anything but secrets
    let [a = 0, b = 0, c = 0, d = 0] = this.#state
    const sum = (a + b + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    this.#state = new Uint32Array([a, b, c, d])
    return (sum >>> 0) / 2 ** 32
  }

  /** Between `from` and `to`. */
  between(from: number, to: number): number {
    return from + this.next() * (to - from)
  }
}
