// Compresses a disk image, which is mostly the same thing twice and nothing: each different piece of it is compressed once. The
// result is a file of several streams (.xz) or frames (.zst), which their programs and libraries read as one.
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { availableParallelism } from 'node:os'
import { type Context, Failure, piped } from '../platform/platform.ts'

/** Large enough for xz's window at this level, small enough that zeros and equal parts fall into pieces of their own. */
const pieceBytes = 16 << 20

/** Higher levels cost three times the time and more for a few hundredths of the size: most of an image is compressed already. */
const programs = {
  xz: { suffix: 'xz', command: ['xz', '--compress', '-0', '--threads=1', '--stdout'] },
  zstd: { suffix: 'zst', command: ['zstd', '--quiet', '-9', '--single-thread', '--stdout'] },
} as const

/** What a disk image can be compressed with. */
export type Compression = keyof typeof programs

/** The end of such a file's name. */
export function suffixOf(compression: Compression): string {
  return programs[compression].suffix
}

/** A range of a file, in bytes. */
interface Place {
  start: number
  size: number
}

export interface Compressed {
  from: string
  /** A new file. */
  to: string
  compression: Compression
  /** Where pieces begin, in bytes, ascending: parts with the same content then have the same pieces. */
  starts: readonly number[]
}

/**
 * Writes `from` compressed to `to`. The same input and starts give the same bytes on any machine. Throws `build-failed`,
 * `missing-tool`; after an abort the file may remain.
 */
export async function compressOnce(
  { from, to, compression, starts }: Compressed,
  context: Context,
): Promise<void> {
  await using input = await open(from)
  await using output = await open(to, 'wx+')
  const pieces = piecesOf((await input.stat()).size, starts)
  const waiting: { key: string; compressed: Promise<Buffer> | undefined }[] = []
  const begun = new Set<string>()
  const places = new Map<string, Place>()
  const buffer = Buffer.allocUnsafe(pieceBytes)
  let end = 0
  const writeFirst = async () => {
    const [first] = waiting.splice(0, 1)
    if (!first) return
    const place = places.get(first.key)
    const data = place ? await readPlace(output, place) : await first.compressed
    if (!data) return
    if (!place) places.set(first.key, { start: end, size: data.length })
    end += (await output.write(data, 0, data.length, end)).bytesWritten
  }
  try {
    for (const piece of pieces) {
      context.signal.throwIfAborted()
      const key = await digestOfPiece(input, piece, buffer)
      const compressed = begun.has(key) ? undefined : compressPiece(from, piece, compression, context)
      compressed?.catch(() => {}) // thrown where it is written
      begun.add(key)
      waiting.push({ key, compressed })
      while (waiting.length >= availableParallelism()) await writeFirst()
    }
    while (waiting.length > 0) await writeFirst()
  } finally {
    await Promise.allSettled(waiting.flatMap(({ compressed }) => compressed ?? []))
  }
}

async function readPlace(file: FileHandle, { start, size }: Place): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size), 0, size, start)
  if (bytesRead !== size) throw new Failure('internal', 'what was compressed can not be read again')
  return buffer
}

function piecesOf(size: number, starts: readonly number[]): Place[] {
  const bounds = [...starts.filter((start) => start > 0 && start < size), size]
  const pieces: Place[] = []
  let start = 0
  for (const bound of bounds) {
    for (; start < bound; start += pieceBytes)
      pieces.push({ start, size: Math.min(pieceBytes, bound - start) })
    start = bound
  }
  return pieces
}

async function digestOfPiece(file: FileHandle, { start, size }: Place, buffer: Buffer): Promise<string> {
  const { bytesRead } = await file.read(buffer, 0, size, start)
  return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex')
}

async function compressPiece(
  path: string,
  { start, size }: Place,
  compression: Compression,
  { signal }: Context,
): Promise<Buffer> {
  const input = createReadStream(path, { start, end: start + size - 1, highWaterMark: 1 << 20 })
  const chunks: Buffer[] = []
  const [program, ...args] = programs[compression].command
  const options = { what: 'compressing the disk image', reason: 'build-failed', signal } as const
  for await (const chunk of piped(program, args, input, options)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
