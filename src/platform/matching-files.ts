import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Failure } from './failure.ts'

/**
 * The files that paths or glob patterns (`*`, `**`, `?`, `{a,b}`, `[a-z]`) stand for, from `folder` on: absolute, each once, in
 * the order of the patterns and sorted within one. What exists under the very name of a pattern is that file. Throws
 * `file-missing` that names every pattern without a file.
 */
export async function matchingFiles(patterns: readonly string[], folder: string): Promise<string[]> {
  const found = new Set<string>()
  const missing: string[] = []
  for (const pattern of patterns) {
    const paths = await filesOf(pattern, folder)
    if (paths.length === 0) missing.push(pattern)
    for (const path of paths) found.add(path)
  }
  if (missing.length === 0) return [...found]
  throw new Failure('file-missing', `no such file: ${missing.join(', ')} (seen from ${folder})`)
}

async function filesOf(pattern: string, folder: string): Promise<string[]> {
  const literal = resolve(folder, pattern)
  if (await isFile(literal)) return [literal]
  if (!/[*?[{]/.test(pattern)) return []
  // only where there is a pattern: older versions of Node, which other steps run on, don't have it
  const { glob } = await import('node:fs/promises')
  const paths: string[] = []
  for await (const match of glob(pattern, { cwd: folder })) {
    const path = resolve(folder, match)
    if (await isFile(path)) paths.push(path)
  }
  return paths.sort()
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
