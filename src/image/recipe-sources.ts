// The files beside a recipe that go into its image: what they are, and what is wrong with them.
import { lstat, readdir } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { Failure, type ParsedYaml, type Problem, hasCode, isInRepository } from '../platform/platform.ts'
import type { RecipeFile } from './recipe-schema.ts'

/** One file, folder or link below a source. */
export interface SourceEntry {
  kind: 'file' | 'folder' | 'link'
  /** Where it is on this machine. */
  from: string
  /** Where it goes in the image. */
  path: string
  isExecutable: boolean
  modifiedMs: number
}

/** Everything a source brings, folders before what is in them, in the order of their names. Links are never followed. */
export async function* entriesOf({
  source,
  path,
}: {
  source: string
  path: string
}): AsyncGenerator<SourceEntry> {
  const stats = await lstat(source)
  const kind = stats.isDirectory()
    ? 'folder'
    : stats.isSymbolicLink()
      ? 'link'
      : stats.isFile()
        ? 'file'
        : undefined
  if (kind === undefined)
    throw new Failure(
      'invalid-file',
      `${source} is neither a file, a folder nor a link: it can't go into an image`,
    )
  yield { kind, from: source, path, isExecutable: (stats.mode & 0o100) !== 0, modifiedMs: stats.mtimeMs }
  if (kind !== 'folder') return
  for (const name of (await readdir(source)).sort()) {
    yield* entriesOf({ source: join(source, name), path: join(path, name) })
  }
}

/** What is wrong with the files that a recipe names, each with its line. `name` is what messages call the recipe. */
export async function sourceProblems(
  path: string,
  name: string,
  parsed: ParsedYaml<RecipeFile>,
): Promise<Problem[]> {
  const { value } = parsed
  const lists = [
    { files: value.files ?? [], at: ['files'] },
    ...Object.entries(value.variants ?? {}).map(([name, variant]) => ({
      files: variant.files ?? [],
      at: ['variants', name, 'files'],
    })),
  ]
  const problems: Problem[] = []
  for (const [index, { key }] of (value.repositories ?? []).entries()) {
    const message = await problemOf(dirname(path), { source: key, path: '/key' })
    if (message) problems.push({ file: name, ...parsed.locate(['repositories', index, 'key']), message })
  }
  for (const { files, at } of lists) {
    for (const [index, file] of files.entries()) {
      const message = await problemOf(dirname(path), file)
      if (message) problems.push({ file: name, ...parsed.locate([...at, index]), message })
    }
  }
  return [...problems, ...(await playbookProblems(path, name, parsed))]
}

async function playbookProblems(
  path: string,
  name: string,
  parsed: ParsedYaml<RecipeFile>,
): Promise<Problem[]> {
  const { playbooks = [], variants = {} } = parsed.value
  const lists = [
    { list: playbooks, at: ['playbooks'] },
    ...Object.entries(variants).map(([variant, { playbooks: list = [] }]) => ({
      list,
      at: ['variants', variant, 'playbooks'],
    })),
  ]
  const named = lists.flatMap(({ list, at }) =>
    list.flatMap(({ playbook, vars }, index) => [
      { source: playbook, at: [...at, index, 'playbook'], wrong: folderProblem(playbook) },
      ...(vars === undefined ? [] : [{ source: vars, at: [...at, index, 'vars'], wrong: undefined }]),
    ]),
  )
  const problems: Problem[] = []
  for (const { source, at, wrong } of named) {
    const message = (await problemOf(dirname(path), { source, path: '/file' })) ?? wrong
    if (message) problems.push({ file: name, ...parsed.locate(at), message })
  }
  return problems
}

/** A playbook's folder is taken whole, so the recipe must not be in it, with all the rest and perhaps the results. */
function folderProblem(playbook: string): string | undefined {
  if (relative(dirname(playbook), '.').split(sep)[0] === '..') return undefined
  return `the playbook ${playbook} needs a folder of its own beside the recipe, such as ansible/${basename(playbook)}: everything in there belongs to it`
}

async function problemOf(
  folder: string,
  { source, path, mode }: NonNullable<RecipeFile['files']>[number],
): Promise<string | undefined> {
  if (isAbsolute(source)) return `source ${source} is absolute: give it relative to the recipe`
  const place = resolve(folder, source)
  try {
    const stats = await lstat(place)
    // a link goes into the image as one and is never followed; the way to it is
    if (!(await isInRepository(folder, stats.isSymbolicLink() ? dirname(place) : place)))
      return `source ${source} leads out of the recipe's repository: what goes into an image has to be in Git`
    if (stats.isDirectory()) {
      return mode === undefined
        ? undefined
        : `${source} is a folder: mode is for a single file, and Git keeps it for the rest`
    }
    return path.endsWith('/')
      ? `${source} is a file: path has to name it, such as ${path}${basename(source)}`
      : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return `there is no ${source} beside the recipe`
    throw error
  }
}
