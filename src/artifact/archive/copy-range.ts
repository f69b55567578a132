import { createReadStream } from 'node:fs'
import type { PartialFile } from './partial-file.ts'

/**
 * Copies the bytes of `path` from `start` up to `end` (to its end where not given) to `position` in `file`, in constant memory;
 * gives where they end there. Throws the system's error where `path` can't be read, `disk-full`, and the signal's reason.
 */
export async function copyRange(
  { path, start, end = Infinity }: { path: string; start: number; end?: number },
  file: PartialFile,
  position: number,
  signal: AbortSignal,
): Promise<number> {
  if (end <= start) return position
  // a stream's end is its last byte
  const source: AsyncIterable<Buffer> = createReadStream(path, {
    start,
    end: end - 1,
    highWaterMark: 1 << 20,
    signal,
  })
  let at = position
  for await (const chunk of source) {
    await file.write(chunk, at)
    at += chunk.length
  }
  return at
}
