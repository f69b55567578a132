import { type Problem, isInRepository } from '../platform/platform.ts'
import { displayName } from './display-name.ts'

/** What is wrong with `path` where it, or a folder on the way to it, leads out of the repository that `folder` is in. */
export async function leadsOut(folder: string, path: string): Promise<Problem | undefined> {
  if (await isInRepository(folder, path)) return undefined
  const message = 'is a link that leads out of the fleet repository: put what it leads to in its place'
  return { file: displayName(path), line: 1, column: 1, message }
}
