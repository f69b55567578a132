// Whether a file was written to, without reading it: what the kernel changes with every write.
import { type FileHandle, open } from 'node:fs/promises'
import { readingFailure } from './files.ts'

/** Equal marks: the same file, unwritten in between. The kernel's time of change can't be set, unlike that of modification. */
export type FileMark = `${bigint}:${bigint}:${bigint}:${bigint}`

/** The mark of an open file. */
export async function markOf(file: FileHandle): Promise<FileMark> {
  const { dev, ino, size, ctimeNs } = await file.stat({ bigint: true })
  return `${dev}:${ino}:${size}:${ctimeNs}`
}

/** The mark of the file at `path`, to be taken before it is checked. Throws `file-missing`. */
export async function markFile(path: string): Promise<FileMark> {
  try {
    await using file = await open(path)
    return await markOf(file)
  } catch (error) {
    throw readingFailure(error, path)
  }
}
