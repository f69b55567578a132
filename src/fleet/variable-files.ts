// The files of group_vars/ and host_vars/: which Ansible takes for which group or host, and what they say.
import { readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { type Problem, hasCode, readText } from '../platform/platform.ts'
import { byCodePoints } from './code-points.ts'
import { displayName } from './display-name.ts'
import { leadsOut } from './inside.ts'
import { type Variables, variablesOf } from './inventory-model.ts'
import { smallText } from './small-file.ts'
import { isRecord, parseSource } from './source.ts'

const maxBytes = 4 << 20

/** Layers of variables, the weakest first. */
export type Layers = readonly Variables[]

/** Stands for a file that is encrypted and has no password in a run without secrets: it may say anything. */
export const lockedLayer: Variables = new Map()

export interface VariableFiles {
  /** By the name of the group or host. */
  variables: ReadonlyMap<string, Layers>
  problems: readonly Problem[]
  warnings: readonly Problem[]
  /** Files that a run without secrets could not read. */
  locked: readonly Problem[]
  /** Files of names that nobody has. */
  orphans: readonly string[]
}

// Ansible looks for these in this order and takes the first
const extensions = ['', '.yml', '.yaml', '.json']

/**
 * Reads what the folder `within` (group_vars or host_vars) of `base` has for `names`; `root` is the repository's. With
 * `hasNoSecrets` an encrypted file without a password is no problem.
 */
export async function readVariableFiles(
  root: string,
  base: string,
  within: string,
  names: readonly string[],
  hasNoSecrets = false,
): Promise<VariableFiles> {
  const folder = join(base, within)
  const problem = await leadsOut(root, folder)
  if (problem) return { variables: new Map(), problems: [problem], warnings: [], locked: [], orphans: [] }
  const entries = await list(folder)
  const { files, shadowed, unclaimed } = await choose(folder, entries, names)
  const variables = new Map<string, Variables[]>()
  const problems: Problem[] = []
  const locked: Problem[] = []
  for (const { name, file, isLinked } of files) {
    const read = await readFile(root, file, isLinked)
    const isUnknown = hasNoSecrets && read.layer === lockedLayer
    ;(isUnknown ? locked : problems).push(...read.problems)
    const layers = variables.get(name)
    if (layers) layers.push(read.layer)
    else variables.set(name, [read.layer])
  }
  return {
    variables,
    problems,
    warnings: shadowed,
    locked: locked.map(({ file }) => ({ file, line: 1, column: 1, message: lockedMessage })),
    orphans: [...unclaimed].sort(byCodePoints).map((entry) => displayName(join(folder, entry))),
  }
}

const lockedMessage = 'is encrypted, and this run has no password: what it says is not in this plan'

async function choose(folder: string, entries: Entries, names: readonly string[]) {
  const unclaimed = new Set(entries.keys())
  const shadowed: Problem[] = []
  const files: (Found & { name: string })[] = []
  for (const name of names) {
    const candidates: string[] = []
    for (const extension of extensions) {
      const candidate = `${name}${extension}`
      if (!entries.has(candidate)) continue
      candidates.push(candidate)
      unclaimed.delete(candidate)
    }
    const [first, ...others] = candidates
    if (first === undefined) continue
    const path = join(folder, first)
    const { kind, isLink } = entries.get(first) ?? { kind: 'file', isLink: false }
    if (kind === 'file') files.push({ name, file: path, isLinked: isLink })
    else for (const found of await filesBelow(path, isLink)) files.push({ name, ...found })
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
  isLinked: boolean,
): Promise<{ layer: Variables; problems: readonly Problem[] }> {
  const name = displayName(path)
  // the folder that it is in was looked at already
  const problem = isLinked ? await leadsOut(root, path) : undefined
  if (problem) return { layer: new Map(), problems: [problem] }
  const source = parseSource(smallText(path) ?? (await readText(path, maxBytes, name)), name)
  if (source.isLocked) return { layer: lockedLayer, problems: source.problems }
  // Ansible takes nothing, false, 0 and [] for an empty file
  const isEmpty = !source.data || (Array.isArray(source.data) && source.data.length === 0)
  if (source.problems.length > 0 || isEmpty) return { layer: new Map(), problems: source.problems }
  if (isRecord(source.data)) return { layer: variablesOf(source.data, source, name, []), problems: [] }
  return { layer: new Map(), problems: [{ ...source.at([]), message: 'must be a mapping of variables' }] }
}

interface Entry {
  kind: 'file' | 'folder'
  isLink: boolean
}

type Entries = ReadonlyMap<string, Entry>

/** A file, and whether it or a folder on the way to it is a link. */
interface Found {
  file: string
  isLinked: boolean
}

async function list(folder: string): Promise<Entries> {
  try {
    const entries = (await readdir(folder, { withFileTypes: true })).filter(
      ({ name }) => !name.startsWith('.') && !name.endsWith('~'),
    )
    const found = new Map<string, Entry>()
    for (const entry of entries) {
      const isLink = entry.isSymbolicLink()
      const isFolder = isLink ? await isLinkToFolder(join(folder, entry.name)) : entry.isDirectory()
      found.set(entry.name, { kind: isFolder ? 'folder' : 'file', isLink })
    }
    return found
  } catch (error) {
    // a plain file of this name means nothing to Ansible
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return new Map()
    throw error
  }
}

async function isLinkToFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ELOOP')) return false
    throw error
  }
}

/** A link in a circle gets too long for the system before this ends. */
const maxFolders = 40

async function filesBelow(folder: string, isLinked: boolean, depth = 0): Promise<Found[]> {
  const files: Found[] = []
  for (const [name, entry] of [...(await list(folder))].sort(([a], [b]) => byCodePoints(a, b))) {
    const path = join(folder, name)
    const isLink = isLinked || entry.isLink
    if (entry.kind === 'file' && extensions.includes(extname(name)))
      files.push({ file: path, isLinked: isLink })
    else if (entry.kind === 'folder' && extname(name) === '' && depth < maxFolders)
      files.push(...(await filesBelow(path, isLink, depth + 1)))
  }
  return files
}
