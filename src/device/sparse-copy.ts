import { rm } from 'node:fs/promises'
import { Failure, start } from '../platform/platform.ts'

/** Copies a disk's file with its holes, sharing blocks where the file system can. Throws `disk-full`, `bad-input`. */
export async function copySparsely(from: string, to: string, signal?: AbortSignal): Promise<void> {
  await rm(to, { force: true })
  const words = ['--reflink=auto', '--sparse=always', '--', from, to]
  const { code, stderr } = await start('cp', words, signal ? { signal } : {}).done
  if (code === 0) return
  const reason = stderr.includes('No space left') ? 'disk-full' : 'bad-input'
  throw new Failure(reason, `can't copy ${from} to ${to}: ${stderr.trim()}`)
}
