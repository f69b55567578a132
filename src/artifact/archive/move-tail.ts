import { open } from 'node:fs/promises'
import { storageFailure } from '../../platform/platform.ts'

const chunkBytes = 4 << 20

/** Moves what a file has from `from` to its end, so that it begins at `to`, in constant memory and no further space. */
export async function moveTail(path: string, from: number, to: number, signal: AbortSignal): Promise<void> {
  if (from === to) return
  try {
    await using file = await open(path, 'r+')
    const { size } = await file.stat()
    const chunk = Buffer.allocUnsafe(chunkBytes)
    const count = Math.ceil((size - from) / chunkBytes)
    for (let i = 0; i < count; i++) {
      signal.throwIfAborted()
      // towards the end the last piece goes first, so that nothing is overwritten before it was moved
      const at = (to > from ? count - 1 - i : i) * chunkBytes
      const length = Math.min(chunkBytes, size - from - at)
      await whole(
        (done) => file.read(chunk, done, length - done, from + at + done).then((r) => r.bytesRead),
        length,
      )
      await whole(
        (done) => file.write(chunk, done, length - done, to + at + done).then((r) => r.bytesWritten),
        length,
      )
    }
    if (to < from) await file.truncate(size - from + to)
  } catch (error) {
    throw storageFailure(error, path)
  }
}

async function whole(step: (done: number) => Promise<number>, length: number): Promise<void> {
  for (let done = 0; done < length;) {
    const count = await step(done)
    if (count === 0) throw new Error('a file became shorter while it was moved')
    done += count
  }
}
