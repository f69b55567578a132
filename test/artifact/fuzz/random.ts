// Random numbers that depend on a seed alone, so that what they made can be made again.

/** The generator sfc32: fast, and good enough to choose by. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = 0x9e3779b9
    this.#b = seed | 0
    this.#c = (seed / 2 ** 32) | 0
    for (let i = 0; i < 12; i++) this.next()
  }

  /** 0 to 2³² − 1. */
  next(): number {
    const result = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** 0 to `count` − 1; 0 where `count` is 0. */
  below(count: number): number {
    return count <= 0 ? 0 : this.next() % count
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  /** One of a list that isn't empty. */
  pick<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)]
    if (one === undefined) throw new RangeError('nothing to pick from')
    return one
  }

  /** One of the list, undefined where it is empty. */
  some<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)]
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count)
    for (let i = 0; i < count; i++) bytes[i] = this.next()
    return bytes
  }
}
