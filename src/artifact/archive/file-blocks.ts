import { readFile, stat } from 'node:fs/promises'
import { Failure, readingFailure } from '../../platform/platform.ts'
import { SourceImage, blockBytes } from './source-image.ts'

/** A plain file as it was when its size was planned with. */
export interface PlannedFile {
  path: string
  sizeBytes: number
  modifiedMs: number
}

/** Throws `file-missing`, or `bad-input` where it is no plain file. */
export async function planFile(path: string): Promise<PlannedFile> {
  const facts = await stat(path).catch((error: unknown) => {
    throw readingFailure(error, path)
  })
  if (!facts.isFile()) throw new Failure('bad-input', `${path} is not a plain file: give the path of one`)
  return { path, sizeBytes: facts.size, modifiedMs: facts.mtimeMs }
}

/**
 * All of a file, which is only opened now; a block may be overwritten once more than `blocksKept` were asked for after it.
 * Throws `bad-input` where it is not as it was planned with, and `file-missing`.
 */
export async function* fileBlocks(
  file: PlannedFile,
  blocksKept: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { path, sizeBytes, modifiedMs } = file
  const now = await planFile(path)
  if (now.sizeBytes !== sizeBytes || now.modifiedMs !== modifiedMs) throw changed(path)
  if (sizeBytes > blockBytes) {
    await using image = await SourceImage.open(path, { anyName: true })
    if (image.sizeBytes !== sizeBytes) throw changed(path)
    yield* image.blocks(blocksKept, signal)
    return
  }
  signal.throwIfAborted()
  const content = await readFile(path).catch((error: unknown) => {
    throw readingFailure(error, path)
  })
  if (content.length !== sizeBytes) throw changed(path)
  if (content.length > 0) yield content
}

function changed(path: string): Failure {
  return new Failure('bad-input', `${path} changed while it was read: run again when it is done`)
}
