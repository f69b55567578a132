// The files of group_vars/ and host_vars/: which Ansible takes for which group or host, and what they say.
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { type Problem, hasCode, readText } from '../platform/platform.ts'
import { byCodePoints } from './code-points.ts'
import { displayName } from './display-name.ts'
import { leadsOut } from './inside.ts'
import { type Variables, variablesOf } from './inventory-model.ts'
import { isRecord, parseSource } from './source.ts'

/** Files read at once: enough to hide the disk, few enough for any limit on open files. */
const concurrency = 32
const maxBytes = 4 << 20

/** Layers of variables, the weakest first. */
export type Layers = readonly Variables[]

export interface VariableFiles {
  /** By the name of the group or host. */
  variables: ReadonlyMap<string, Layers>
  problems: readonly Problem[]
  warnings: readonly Problem[]
  /** Files of names that nobody has. */
  orphans: readonly string[]
}

// Ansible looks for these in this order and takes the first
const extensions = ['', '.yml', '.yaml', '.json']

/** Reads what the folder `within` (group_vars or host_vars) of `base` has for `names`; `root` is the repository's. */
export async function readVariableFiles(
  root: string,
  base: string,
  within: string,
  names: readonly string[],
): Promise<VariableFiles> {
  const folder = join(base, within)
  const problem = await leadsOut(root, folder)
  if (problem) return { variables: new Map(), problems: [problem], warnings: [], orphans: [] }
  const entries = await list(folder)
  const { files, shadowed, unclaimed } = await choose(folder, entries, names)
  const read = await inTurns(files, async ({ name, file }) => ({ name, ...(await readFile(root, file)) }))
  const variables = new Map<string, Variables[]>()
  for (const { name, layer } of read) variables.set(name, [...(variables.get(name) ?? []), layer])
  return {
    variables,
    problems: read.flatMap(({ problems }) => problems),
    warnings: shadowed,
    orphans: [...unclaimed].sort(byCodePoints).map((entry) => displayName(join(folder, entry))),
  }
}

async function choose(folder: string, entries: Entries, names: readonly string[]) {
  const unclaimed = new Set(entries.keys())
  const shadowed: Problem[] = []
  const files: { name: string; file: string }[] = []
  for (const name of names) {
    const candidates = extensions
      .map((extension) => `${name}${extension}`)
      .filter((entry) => entries.has(entry))
    for (const candidate of candidates) unclaimed.delete(candidate)
    const [first, ...others] = candidates
    if (first === undefined) continue
    const path = join(folder, first)
    for (const file of entries.get(first) === 'folder' ? await filesBelow(path) : [path])
      files.push({ name, file })
    for (const other of others) {
      const file = displayName(join(folder, other))
      shadowed.push({ file, line: 1, column: 1, message: `is never read, as ${first} is there too` })
    }
  }
  return { files, shadowed, unclaimed }
}

async function readFile(
  root: string,
  path: string,
): Promise<{ layer: Variables; problems: readonly Problem[] }> {
  const name = displayName(path)
  const problem = await leadsOut(root, path)
  if (problem) return { layer: new Map(), problems: [problem] }
  const source = parseSource(await readText(path, maxBytes, name), name)
  // Ansible takes nothing, false, 0 and [] for an empty file
  const isEmpty = !source.data || (Array.isArray(source.data) && source.data.length === 0)
  if (source.problems.length > 0 || isEmpty) return { layer: new Map(), problems: source.problems }
  if (isRecord(source.data)) return { layer: variablesOf(source.data, source, name, []), problems: [] }
  return { layer: new Map(), problems: [{ ...source.at([]), message: 'must be a mapping of variables' }] }
}

type Entries = ReadonlyMap<string, 'file' | 'folder'>

async function list(folder: string): Promise<Entries> {
  try {
    const entries = (await readdir(folder, { withFileTypes: true })).filter(
      ({ name }) => !name.startsWith('.') && !name.endsWith('~'),
    )
    const kinds = await inTurns(entries, (entry) => kindOf(folder, entry))
    return new Map(entries.map(({ name }, index) => [name, kinds[index] ?? 'file']))
  } catch (error) {
    // a plain file of this name means nothing to Ansible
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return new Map()
    throw error
  }
}

async function kindOf(folder: string, entry: Dirent): Promise<'file' | 'folder'> {
  if (!entry.isSymbolicLink()) return entry.isDirectory() ? 'folder' : 'file'
  try {
    return (await stat(join(folder, entry.name))).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ELOOP')) return 'file'
    throw error
  }
}

/** A link in a circle gets too long for the system before this ends. */
const maxFolders = 40

async function filesBelow(folder: string, depth = 0): Promise<string[]> {
  const files: string[] = []
  for (const [name, kind] of [...(await list(folder))].sort(([a], [b]) => byCodePoints(a, b))) {
    const path = join(folder, name)
    if (kind === 'file' && extensions.includes(extname(name))) files.push(path)
    else if (kind === 'folder' && extname(name) === '' && depth < maxFolders)
      files.push(...(await filesBelow(path, depth + 1)))
  }
  return files
}

/** `work` for every item, some at a time; the results keep the items' order. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += concurrency)
    results.push(...(await Promise.all(items.slice(start, start + concurrency).map(work))))
  return results
}
