// A large file, read into a few buffers that are used again and again and that a second thread sees too: it computes the
// digest of the whole file while the caller works with what is in it.
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import * as v from 'valibot'

/** Below this a thread costs more than it saves. */
const worthwhileBytes = 64 << 20
/** What a file is read in; only the last chunk may be shorter. */
export const hashedChunkBytes: number = 1 << 20
/** Slots besides those that the caller may still use: to read into, and with the thread. */
const spareSlots = 4
/** A decompressor may still have so many chunks in its hands. */
const keptByReaders = 4

const replySchema = v.union([v.object({ slot: v.number() }), v.object({ digest: v.string() })])

/** A SHA-256 in the making. */
export interface RunningHash {
  update(chunk: Uint8Array): void
  /** 64 hex digits; to be asked once, at the end. */
  digest(): Promise<string> | string
}

/** One that computes here and now. */
export function hashHere(): RunningHash {
  const hash = createHash('sha256')
  return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest('hex') }
}

/** Whether reading a file of this size gains by a second thread. */
export function isWorthThread(sizeBytes: number): boolean {
  return sizeBytes >= worthwhileBytes && availableParallelism() > 1
}

/** Reads a file once, from its start to its end, in chunks of 1 MiB. */
export class HashedFile implements AsyncIterable<Uint8Array>, RunningHash, AsyncDisposable {
  readonly #handle: FileHandle
  readonly #isOwnHandle: boolean
  readonly #signal: AbortSignal | undefined
  readonly #chunksKept: number
  readonly #memory: SharedArrayBuffer
  readonly #worker: Worker
  /** Slots that neither the caller nor the thread has. */
  readonly #free: number[]
  /** How many of these two have a slot. */
  readonly #users: number[]
  #wake: () => void = () => {}
  #digest: string | undefined
  #failure: Error | undefined

  private constructor(
    handle: FileHandle,
    isOwnHandle: boolean,
    chunksKept: number,
    signal: AbortSignal | undefined,
  ) {
    this.#handle = handle
    this.#isOwnHandle = isOwnHandle
    this.#chunksKept = chunksKept
    this.#signal = signal
    const slots = chunksKept + spareSlots
    this.#memory = new SharedArrayBuffer(slots * hashedChunkBytes)
    this.#free = Array.from({ length: slots }, (_, slot) => slot)
    this.#users = this.#free.map(() => 0)
    this.#worker = new Worker(`(${serve.toString()})()`, {
      eval: true,
      workerData: { memory: this.#memory, slotBytes: hashedChunkBytes },
      env: {},
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
    })
    this.#worker.on('message', (message: unknown) => {
      const said = v.parse(replySchema, message)
      if ('slot' in said) this.#release(said.slot)
      else this.#digest = said.digest
      this.#wake()
    })
    const fail = (error: Error) => {
      this.#failure ??= error
      this.#wake()
    }
    this.#worker.on('error', fail)
    this.#worker.on('exit', () => fail(new Error('a thread that hashes ended')))
  }

  /** A chunk is to be used before four more are asked for. */
  static async open(path: string, signal: AbortSignal | undefined): Promise<HashedFile> {
    return new HashedFile(await open(path), true, keptByReaders, signal)
  }

  /** A file that is open, and stays so; a chunk is to be used before `chunksKept` more are asked for. */
  static over(handle: FileHandle, chunksKept: number, signal: AbortSignal): HashedFile {
    return new HashedFile(handle, false, chunksKept, signal)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const given: number[] = []
    for (;;) {
      this.#signal?.throwIfAborted()
      const slot = await this.#until(() => this.#free.pop())
      const buffer = new Uint8Array(this.#memory, slot * hashedChunkBytes, hashedChunkBytes)
      const bytesRead = await this.#fill(buffer)
      if (bytesRead === 0) return
      this.#users[slot] = 2
      this.#worker.postMessage({ slot, length: bytesRead }, [])
      given.push(slot)
      yield buffer.subarray(0, bytesRead)
      const oldest = given.length > this.#chunksKept ? given.shift() : undefined
      if (oldest !== undefined) this.#release(oldest)
    }
  }

  /** Nothing is left to do: every chunk that was read is on its way. */
  update(): void {}

  async digest(): Promise<string> {
    this.#worker.postMessage('digest', [])
    return this.#until(() => this.#digest)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
    if (this.#isOwnHandle) await this.#handle.close()
  }

  async #fill(buffer: Uint8Array): Promise<number> {
    for (let at = 0; ;) {
      const { bytesRead } = await this.#handle.read(buffer, at, buffer.length - at, null)
      at += bytesRead
      if (bytesRead === 0 || at === buffer.length) return at
    }
  }

  #release(slot: number): void {
    const left = (this.#users[slot] ?? 0) - 1
    this.#users[slot] = left
    if (left === 0) this.#free.push(slot)
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.#failure) throw this.#failure
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

/** What the thread does. Only its text gets there, so it uses nothing from outside itself. */
function serve(): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
  parentPort?.on('message', (message) => {
    if (message === 'digest') return parentPort.postMessage({ digest: hash.digest('hex') }, [])
    hash.update(new Uint8Array(workerData.memory, message.slot * workerData.slotBytes, message.length))
    return parentPort.postMessage({ slot: message.slot }, [])
  })
}
