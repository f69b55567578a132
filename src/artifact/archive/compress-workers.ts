import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import * as v from 'valibot'

/** More would wait for the one thread that reads and hashes; each takes about 15 MiB. */
const maxWorkers = 8
const workerCount: number = Math.min(availableParallelism(), maxWorkers)

/** What the largest block may become: parts that don't shrink are stored, with a few bytes for each. */
const bufferBytes = (1 << 20) + (64 << 10)
const replySchema = v.object({ id: v.number(), sizeBytes: v.number() })

/**
 * Compresses one block (1 MiB at most), where the format allows that with regard to `history`, which stood before it (32 KiB
 * at most). What it returns is good until the next call.
 */
export type BlockCompressor = (block: Uint8Array, history: Uint8Array) => Uint8Array

/** Starts a compressor from what `code` is. Only its text gets to the threads, so it uses nothing from outside itself. */
export type CompressorStart<Code> = (code: Code) => BlockCompressor

/** A compressed block. `bytes` are good until `release`, after which another block may have the place. */
export interface Piece {
  bytes: Buffer
  release: () => void
}

/** The bytes of pieces; each piece is released when the second one after it is asked for. */
export async function* released(pieces: AsyncIterable<Piece>): AsyncGenerator<Buffer> {
  let releaseLast = () => {}
  for await (const { bytes, release } of pieces) {
    yield bytes
    releaseLast()
    releaseLast = release
  }
}

interface Thread {
  worker: Worker
  waiting: Map<number, { resolve: (sizeBytes: number) => void; reject: (error: unknown) => void }>
}

/** Compresses blocks on threads of their own, which are started when there is work for them. */
export class CompressWorkers<Code> implements AsyncDisposable {
  readonly #threads: Thread[] = []
  /** Each block travels to a thread and back in one of these. New ones for each block would cost more than all the rest. */
  readonly #freeBuffers: SharedArrayBuffer[] = []
  readonly #start: CompressorStart<Code>
  readonly #code: Code
  #nextId = 0

  constructor(start: CompressorStart<Code>, code: Code) {
    this.#start = start
    this.#code = code
  }

  /** See `BlockCompressor`; both arguments may be overwritten as soon as it has returned. */
  async compress(block: Uint8Array, history: Uint8Array): Promise<Piece> {
    const buffer = this.#freeBuffers.pop() ?? new SharedArrayBuffer(bufferBytes)
    const bytes = Buffer.from(buffer)
    bytes.set(history)
    bytes.set(block, history.length)
    const { worker, waiting } = this.#leastBusy()
    const id = this.#nextId++
    const sizeBytes = await new Promise<number>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      worker.postMessage({ id, buffer, sizes: [history.length, block.length] }, [])
    })
    return { bytes: bytes.subarray(0, sizeBytes), release: () => void this.#freeBuffers.push(buffer) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #leastBusy(): Thread {
    const [first] = this.#threads.toSorted((a, b) => a.waiting.size - b.waiting.size)
    if (first !== undefined && (first.waiting.size === 0 || this.#threads.length >= workerCount)) return first
    const thread = startThread(this.#start, this.#code)
    this.#threads.push(thread)
    return thread
  }
}

function startThread<Code>(start: CompressorStart<Code>, code: Code): Thread {
  const waiting: Thread['waiting'] = new Map()
  const worker = new Worker(`(${serve.toString()})(${start.toString()})`, {
    eval: true,
    workerData: code,
    env: {},
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  })
  const fail = (error: unknown) => {
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.on('message', (message: unknown) => {
    const { id, sizeBytes } = v.parse(replySchema, message)
    waiting.get(id)?.resolve(sizeBytes)
    waiting.delete(id)
  })
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('a thread that compresses ended')))
  return { worker, waiting }
}

/** What a thread does. Only its text gets there, so it uses nothing from outside itself. */
function serve(start: CompressorStart<unknown>): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const compress = start(workerData)
  parentPort?.on('message', ({ id, buffer, sizes: [historyBytes, blockBytes] }) => {
    const history = new Uint8Array(buffer, 0, historyBytes)
    const piece = compress(new Uint8Array(buffer, historyBytes, blockBytes), history)
    new Uint8Array(buffer).set(piece)
    parentPort.postMessage({ id, sizeBytes: piece.length }, [])
  })
}
