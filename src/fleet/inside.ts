// A pull request can commit a link to any file of the machine that reads the fleet: its words would stand in the plan.
import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { hasCode, type Problem } from '../platform/platform.ts'
import { displayName } from './display-name.ts'

/**
 * What is wrong with `path` where it, or a folder on the way to it, is a link that leads out of the repository that
 * `folder` is in, or into Git's own files there. Undefined where it stays inside, and where nothing is there.
 */
export async function leadsOut(folder: string, path: string): Promise<Problem | undefined> {
  try {
    const root = repositoryOf(await realpath(folder))
    const [first] = relative(root, await realpath(path)).split(sep)
    if (first !== '..' && first !== '.git') return undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    if (!hasCode(error, 'ELOOP')) throw error
  }
  const message = 'is a link that leads out of the fleet repository: put what it leads to in its place'
  return { file: displayName(path), line: 1, column: 1, message }
}

function repositoryOf(folder: string): string {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, '.git'))) return above
    if (above === dirname(above)) return folder
  }
}
