// What holds for every input of a reader, whatever it is: it is accepted, or refused for a foreseen reason, soon, in little
// memory, having touched nothing but the bytes it was given.
import { type ArtifactInfo, type InspectOptions, inspectArtifact } from '../../../src/artifact/artifact.ts'
import { Failure } from '../../../src/platform/platform.ts'
import type { Random } from './random.ts'

export type Verdict =
  | { kind: 'accepted'; info?: ArtifactInfo; ms: number }
  | { kind: 'refused'; reason: string; detail: string; message: string; ms: number }
  | { kind: 'bug'; why: string; ms: number }

const deadlineMs = 10_000
const foreseen = new Set(['artifact-damaged', 'artifact-unsigned', 'bad-input'])

/** Gives `bytes` to the reader in chunks of any size, between bytes that aren't its own. */
export async function check(bytes: Buffer, options: InspectOptions, random: Random): Promise<Verdict> {
  const source = new CountedSource(bytes, random.pick([1 << 20, 1 << 20, 4096, 1000, 511]))
  const started = performance.now()
  const verdict = await withDeadline(verdictOf(() => inspectArtifact(source, options)))
  const ms = performance.now() - started
  if (verdict.kind === 'bug') return { ...verdict, ms }
  const why = source.problem(verdict.kind === 'accepted')
  if (why !== undefined) return { kind: 'bug', why, ms }
  if (verdict.kind === 'accepted' && verdict.info?.sizeBytes !== bytes.length) {
    return { kind: 'bug', why: `it has ${bytes.length} bytes, not ${verdict.info?.sizeBytes}`, ms }
  }
  return { ...verdict, ms }
}

/** The same for what reads a part of a file, at once. */
export async function checkPart(parse: (bytes: Buffer) => unknown, bytes: Buffer): Promise<Verdict> {
  const started = performance.now()
  const verdict = await verdictOf(async () => {
    parse(bytes)
    return undefined
  })
  return { ...verdict, ms: performance.now() - started }
}

async function verdictOf(read: () => Promise<ArtifactInfo | undefined>): Promise<Verdict> {
  try {
    const info = await read()
    return { kind: 'accepted', ...(info === undefined ? {} : { info }), ms: 0 }
  } catch (error) {
    return verdictOn(error)
  }
}

function verdictOn(error: unknown): Verdict {
  if (!(error instanceof Failure)) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { kind: 'bug', why, ms: 0 }
  }
  const { reason, detail, message } = error
  if (!foreseen.has(reason)) return { kind: 'bug', why: `unforeseen ${reason}: ${message}`, ms: 0 }
  // oxlint-disable-next-line no-control-regex -- a name that steers a terminal may not get into a message
  if (message.length > 3000 || /[\u0000-\u0008\u000b-\u001f\u007f]/.test(message)) {
    return { kind: 'bug', why: `an unfit message: ${JSON.stringify(message.slice(0, 500))}`, ms: 0 }
  }
  return { kind: 'refused', reason, detail, message, ms: 0 }
}

async function withDeadline(verdict: Promise<Verdict>): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'bug', why: 'it hangs', ms: 0 }), deadlineMs)
  })
  try {
    return await Promise.race([verdict, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A stream that knows how it was treated. */
class CountedSource implements AsyncIterable<Uint8Array> {
  readonly #bytes: Buffer
  readonly #chunkBytes: number
  #at = 0
  #asksAfterEnd = 0
  #isClosed = false
  #opened = 0

  constructor(bytes: Buffer, chunkBytes: number) {
    this.#bytes = bytes
    this.#chunkBytes = chunkBytes
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    this.#opened++
    return {
      next: async () => {
        if (this.#at >= this.#bytes.length) {
          this.#asksAfterEnd++
          return { done: true, value: undefined }
        }
        const chunk = this.#bytes.subarray(this.#at, this.#at + this.#chunkBytes)
        this.#at += chunk.length
        // in the middle of a larger piece of memory: what reads beyond sees these bytes and not zeros
        const around = Buffer.alloc(chunk.length + 64, 0xa5)
        chunk.copy(around, 32)
        return { done: false, value: around.subarray(32, 32 + chunk.length) }
      },
      return: async () => {
        this.#isClosed = true
        return { done: true, value: undefined }
      },
    }
  }

  problem(wasAccepted: boolean): string | undefined {
    if (this.#opened !== 1) return `the source was opened ${this.#opened} times`
    if (wasAccepted && this.#at < this.#bytes.length) return 'it was accepted before its end was read'
    if (!this.#isClosed && this.#asksAfterEnd === 0) return 'the source was left open'
    return this.#asksAfterEnd > 10 ? 'the source was asked on after its end' : undefined
  }
}
