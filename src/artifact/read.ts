import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import {
  Failure,
  HashedFile,
  type Log,
  type RunningHash,
  isWorthThread,
  readingFailure,
} from '../platform/platform.ts'
import type { ArtifactFormat, ArtifactInfo, ArtifactLimits } from './artifact-info.ts'
import { readMender } from './mender/read-mender.ts'
import { readingProgress } from './progress.ts'
import { endsAsBundle, readRauc } from './rauc/read-rauc.ts'
import { readSwupdate } from './swupdate/read-swupdate.ts'

export interface InspectOptions {
  /** What is accepted at most; see `ArtifactLimits`. */
  limits?: Partial<ArtifactLimits> | undefined
  /** Public keys (PEM). Where any is given, an artifact must be signed by one of them. */
  verifyKeys?: readonly string[] | undefined
  signal?: AbortSignal | undefined
  /** Gets a line every few seconds while a file is read. */
  log?: Log | undefined
}

/**
 * Reads a whole artifact as a stream, in bounded memory, and checks all of it: grammar, order, every checksum, every
 * name, sizes, and that nothing is missing or follows. Throws `artifact-damaged` with the member and the offset,
 * `artifact-unsigned` where a key was given and the signature is missing or by another key, `bad-key`, and whatever
 * `source` throws. Nothing less than the whole file ever passes. RAUC bundles can only be read as files: `bad-input`.
 */
export async function inspectArtifact(
  source: AsyncIterable<Uint8Array>,
  options: InspectOptions = {},
): Promise<ArtifactInfo> {
  return inspect(source, options)
}

async function inspect(
  source: AsyncIterable<Uint8Array>,
  options: InspectOptions,
  hash?: RunningHash,
): Promise<ArtifactInfo> {
  const { magic, whole } = await peek(source)
  const format = formatOf(magic)
  if (format === 'swupdate') return readSwupdate(whole, options, hash)
  if (format === 'mender') return readMender(whole, options, hash)
  await whole.close()
  throw new Failure('bad-input', 'a RAUC bundle is described at its end: give it as a file, not as a stream')
}

/** `inspectArtifact` of a file of any format; throws also `file-missing`. */
export async function openArtifact(path: string, options: InspectOptions = {}): Promise<ArtifactInfo> {
  const sizeBytes = await checkedSize(path)
  try {
    const format = formatOf(await startOf(path, magicBytes))
    if (format === 'rauc' || (format === 'mender' && (await endsAsBundle(path))))
      return await readRauc(path, options)
    if (isWorthThread(sizeBytes)) {
      await using file = await HashedFile.open(path, options.signal)
      const { log } = options
      return await inspect(log ? readingProgress(file, sizeBytes, log) : file, options, file)
    }
    const stream = createReadStream(path, { highWaterMark: 1 << 18, signal: options.signal })
    return await inspect(stream, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!(error instanceof Failure) || error.reason === 'bad-key') throw error
    if (error.reason === 'artifact-damaged' && !(await beginsAsUpdate(path))) {
      throw new Failure(
        'artifact-damaged',
        `${path} ${sizeBytes === 0 ? 'is empty' : 'is no update file'}: one begins as a tar (.mender), cpio (.swu) or squashfs archive (.raucb)`,
        { cause: error },
      )
    }
    throw new Failure(error.reason, `${path}: ${error.message}`, { cause: error, detail: error.detail })
  }
}

/** Whether it is worth telling where it is damaged; a tar, unlike the others, is only known by what stands further on. */
async function beginsAsUpdate(path: string): Promise<boolean> {
  const start = await startOf(path, tarMagicAt + 5)
  return formatOf(start) !== 'mender' || start.toString('latin1', tarMagicAt) === 'ustar'
}

const tarMagicAt = 257
const magicBytes = 6

/** cpio for SWUpdate, squashfs for RAUC, and else it has to be a tar, which has no magic number at its start. */
function formatOf(magic: Buffer): ArtifactFormat {
  if (/^07070[12]/.test(magic.toString('latin1'))) return 'swupdate'
  return magic.subarray(0, 4).toString('latin1') === 'hsqs' ? 'rauc' : 'mender'
}

async function startOf(path: string, bytes: number): Promise<Buffer> {
  await using file = await open(path)
  const buffer = Buffer.alloc(bytes)
  const { bytesRead } = await file.read(buffer, 0, bytes, 0)
  return buffer.subarray(0, bytesRead)
}

/** The first bytes of a stream, and the stream with them still in it. */
async function peek(source: AsyncIterable<Uint8Array>): Promise<{ magic: Buffer; whole: Rejoined }> {
  const iterator = source[Symbol.asyncIterator]()
  const seen: Uint8Array[] = []
  let magic = Buffer.alloc(0)
  while (magic.length < magicBytes) {
    const { done, value } = await iterator.next()
    if (done === true) break
    seen.push(value)
    magic = Buffer.concat([magic, value.subarray(0, magicBytes)])
  }
  return { magic, whole: new Rejoined(seen, iterator) }
}

/** A stream of which some was read already. Unlike a generator it closes its source even where nobody ever asked for more. */
class Rejoined implements AsyncIterable<Uint8Array> {
  readonly #seen: Uint8Array[]
  readonly #iterator: AsyncIterator<Uint8Array>

  constructor(seen: Uint8Array[], iterator: AsyncIterator<Uint8Array>) {
    this.#seen = seen
    this.#iterator = iterator
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        const value = this.#seen.shift()
        return value === undefined ? this.#iterator.next() : { done: false, value }
      },
      return: async () => {
        await this.close()
        return { done: true, value: undefined }
      },
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

async function checkedSize(path: string): Promise<number> {
  try {
    const facts = await stat(path)
    if (facts.isFile()) return facts.size
  } catch (error) {
    throw readingFailure(error, `the artifact ${path}`)
  }
  throw new Failure('file-missing', `${path} is not a file: give the path of an artifact`)
}
