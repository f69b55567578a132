// The template files of a repository, and the schemas beside them.
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Problem, hasCode, readText } from '../platform/platform.ts'
import { displayName } from './display-name.ts'
import { leadsOut } from './inside.ts'

export interface TemplateFile {
  text: string
  /** What messages call it. */
  file: string
}

/** By their paths within the folder; the first folder that has one counts. */
export interface TemplateFiles {
  files: ReadonlyMap<string, TemplateFile>
  problems: readonly Problem[]
}

/** Where they are looked for: ours, and where the role of an edi-cd repository has them. */
export const templateFolders = ['templates', 'roles/apply_configuration/templates'] as const

const maxFiles = 500
const maxBytes = 256 << 10

/** Reads all templates of the repository in `root`. Never throws for what they say; what can't be read is a problem. */
export async function readTemplateFiles(root: string): Promise<TemplateFiles> {
  const files = new Map<string, TemplateFile>()
  const problems: Problem[] = []
  for (const folder of templateFolders) {
    const paths = await filesBelow(join(root, folder))
    if (paths.length > maxFiles) {
      const file = displayName(join(root, folder))
      problems.push({ file, line: 1, column: 1, message: `has more than ${maxFiles} templates` })
    }
    for (const path of paths.slice(0, maxFiles)) {
      const name = relative(join(root, folder), path)
      const problem = await leadsOut(root, path)
      if (problem) problems.push(problem)
      else if (!files.has(name)) {
        const file = displayName(path)
        files.set(name, { text: await readText(path, maxBytes, file), file })
      }
    }
  }
  return { files, problems }
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return []
    throw error
  }
}
