import { open } from 'node:fs/promises'
import { hasCode } from '../platform/platform.ts'

const mostBytes = 1 << 20

/** The end of a console's file from byte `from` on, a megabyte at most; empty where there is none yet. */
export async function consoleTail(path: string, from = 0): Promise<string> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    const start = Math.max(from, size - mostBytes)
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.max(0, size - start)),
      0,
      undefined,
      start,
    )
    return buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }
}

/**
 * The last lines that hold anything, for a message: without what only a terminal understands, and of a kernel's last words
 * only the first, which say why, and not what its registers held.
 */
export function lastLines(text: string, count: number): string {
  const [, until = text] = /^(.*?(?:Kernel panic|Oops:|BUG:)[^\n]*)/s.exec(text) ?? []
  const lines = until
    // eslint-disable-next-line no-control-regex
    .replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  return lines.slice(-count).join(' / ') || 'nothing'
}
