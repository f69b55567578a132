// The hash tree of dm-verity (version 1, SHA-256, blocks of 4096 bytes): https://docs.kernel.org/admin-guide/device-mapper/verity.html
import { hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { damaged, wrongChecksum } from '../archive/byte-reader.ts'
import { blockBytes } from './bundle-layout.ts'

const digestBytes = 32
const digestsPerBlock = blockBytes / digestBytes

/** One level of the tree: the blocks of digests of the level beneath, from which the device checks what it reads. */
interface Level {
  /** Where its blocks start in the file. */
  offset: number
  /** The block that is being filled, after the salt. */
  salted: Buffer
  filled: number
  /** How many blocks are full. */
  done: number
}

/** What a bundle says of its hash tree. */
export interface VerityFacts {
  hash: string
  salt: string
  sizeBytes: number
}

/**
 * Where the levels of the tree over `dataBytes` start, from the one over the data to the one of a single block; it follows
 * the data, and the top comes first. Throws `artifact-damaged` where `treeBytes` isn't its size.
 */
export function levelOffsets(dataBytes: number, treeBytes: number): number[] {
  if (dataBytes % blockBytes !== 0 || dataBytes <= blockBytes)
    throw damaged('the bundle', dataBytes, 'the data under the hash tree is not made of blocks')
  const sizes: number[] = []
  for (let blocks = dataBytes / blockBytes; blocks > 1;) {
    blocks = Math.ceil(blocks / digestsPerBlock)
    sizes.push(blocks * blockBytes)
  }
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total !== treeBytes)
    throw damaged('manifest.raucm', 0, `verity-size is ${treeBytes}, but the hash tree has ${total} bytes`)
  let end = dataBytes + total
  return sizes.map((size) => (end -= size))
}

/**
 * Checks data against its hash tree and the tree against its root, as the data goes by and in constant memory. What it
 * accepts a device can read to the last byte; what it refuses has a wrong block at the offset that the message gives.
 */
export class VerityCheck {
  readonly #file: FileHandle
  readonly #facts: VerityFacts
  readonly #levels: Level[]
  readonly #block: Buffer
  readonly #saltBytes: number
  #inBlock = 0

  constructor(file: FileHandle, dataBytes: number, facts: VerityFacts) {
    this.#file = file
    this.#facts = facts
    const salt = Buffer.from(facts.salt, 'hex')
    this.#saltBytes = salt.length
    const salted = () => Buffer.concat([salt, Buffer.alloc(blockBytes)])
    this.#block = salted()
    this.#levels = levelOffsets(dataBytes, facts.sizeBytes).map((offset) => ({
      offset,
      salted: salted(),
      filled: 0,
      done: 0,
    }))
  }

  /** The next bytes of the data. Throws `artifact-damaged`. */
  async add(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + blockBytes - this.#inBlock)
      this.#block.set(piece, this.#saltBytes + this.#inBlock)
      this.#inBlock += piece.length
      at += piece.length
      if (this.#inBlock < blockBytes) return
      this.#inBlock = 0
      const isFull = this.#put(0, hash('sha256', this.#block, 'buffer'))
      if (isFull) await this.#close(0)
    }
  }

  /** After all of the data. Throws `artifact-damaged`. */
  async finish(): Promise<void> {
    for (const [i, level] of this.#levels.entries()) if (level.filled > 0) await this.#close(i)
    const top = this.#levels.at(-1)
    if (top !== undefined && hash('sha256', top.salted) !== this.#facts.hash)
      throw wrongChecksum('the hash tree', top.offset, 'its root is not the one that is signed')
  }

  #put(i: number, digest: Buffer): boolean {
    const level = this.#levels[i]
    if (level === undefined) return false
    level.salted.set(digest, this.#saltBytes + level.filled * digestBytes)
    level.filled += 1
    return level.filled === digestsPerBlock
  }

  /** A block of digests is complete: it has to stand in the file, and its own digest belongs to the level above. */
  async #close(i: number): Promise<void> {
    const level = this.#levels[i]
    if (level === undefined) return
    level.salted.fill(0, this.#saltBytes + level.filled * digestBytes)
    await this.#compare(i, level)
    level.done += 1
    level.filled = 0
    if (i + 1 < this.#levels.length && this.#put(i + 1, hash('sha256', level.salted, 'buffer')))
      await this.#close(i + 1)
  }

  async #compare(i: number, level: Level): Promise<void> {
    const position = level.offset + level.done * blockBytes
    const stored = Buffer.alloc(blockBytes)
    const { bytesRead } = await this.#file.read(stored, 0, blockBytes, position)
    const computed = level.salted.subarray(this.#saltBytes)
    if (bytesRead === blockBytes && stored.equals(computed)) return
    const digest = Math.floor(stored.findIndex((byte, at) => byte !== computed[at]) / digestBytes)
    if (i > 0 || digest >= level.filled)
      throw wrongChecksum('the hash tree', position, 'it is not the tree of what is beneath it')
    const offset = (level.done * digestsPerBlock + digest) * blockBytes
    throw wrongChecksum('the payload', offset, 'the block that starts here is not the one of the hash tree')
  }
}
