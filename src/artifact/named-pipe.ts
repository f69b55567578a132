import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { hasCode } from '../platform/platform.ts'

/**
 * Writes `content` into the named pipe at `path` for a program that was told to read it there, and is done when all of it is
 * written or the program has ended, which may be before it has opened the pipe. Throws what `content` throws.
 */
export async function feed(
  path: string,
  content: AsyncIterable<Uint8Array>,
  program: Promise<unknown>,
): Promise<void> {
  // waits for the program, or for us where the program ends without opening it
  let isOpen = false
  const opening = open(path, 'w').then((pipe) => {
    isOpen = true
    return pipe
  })
  const released = program
    .catch(() => {})
    .then(async () => {
      if (isOpen) return
      const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
      await opening.catch(() => {})
      await reader.close()
    })
  try {
    await using pipe = await opening
    await pour(content, pipe)
  } catch (error) {
    if (!hasCode(error, 'EPIPE')) throw error
  }
  await released
}

async function pour(content: AsyncIterable<Uint8Array>, pipe: FileHandle): Promise<void> {
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length;) at += (await pipe.write(chunk, at)).bytesWritten
  }
}
