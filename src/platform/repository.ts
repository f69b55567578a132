import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { hasCode } from './failure.ts'

/**
 * Whether `path`, with every link on the way followed, is in the Git repository that `folder` is in (in `folder` itself
 * where there is none) and not among Git's own files there. A pull request can commit a link to any file of the machine
 * that reads it. What doesn't exist counts as inside.
 */
export async function isInRepository(folder: string, path: string): Promise<boolean> {
  try {
    const root = repositoryOf(await realpath(folder))
    const [first] = relative(root, await realpath(path)).split(sep)
    return first !== '..' && first !== '.git'
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true
    if (hasCode(error, 'ELOOP')) return false
    throw error
  }
}

function repositoryOf(folder: string): string {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, '.git'))) return above
    if (above === dirname(above)) return folder
  }
}
