// Which value a variable has for a host: Ansible's default precedence over the inventory, group_vars and host_vars.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Problem, hasCode, readText } from '../platform/platform.ts'
import { displayName } from './display-name.ts'
import { leadsOut } from './inside.ts'
import {
  type Group,
  type Host,
  type Inventory,
  type Variable,
  type Variables,
  variablesOf,
} from './inventory.ts'
import { isRecord, parseSource } from './source.ts'

/** Files read at once: enough to hide the disk, few enough for any limit on open files. */
const concurrency = 32
const maxBytes = 4 << 20

/** Layers of variables, the weakest first. */
export type Layers = readonly Variables[]

export interface HostVariables {
  layersOf(host: Host): Layers
  problems: readonly Problem[]
  warnings: readonly Problem[]
}

/** Reads group_vars/ and host_vars/ of a fleet repository and says which layers hold for each host. Never throws for what they say. */
export async function readVariables(folder: string, inventory: Inventory): Promise<HostVariables> {
  const groups = await readFolder(folder, 'group_vars', [...inventory.groups.keys()])
  const hosts = await readFolder(folder, 'host_vars', [...inventory.hosts.keys()])
  const orphan = (what: string, kind: string) => (file: string) => ({
    file,
    line: 1,
    column: 1,
    message: `these are variables of a ${what} that is not in the inventory: add it there or remove ${kind}`,
  })
  // `all` and `ungrouped` need no mention, and Ansible's users keep variables of groups that are empty just now
  const knownGroups = groups.orphans.filter((file) => !/(^|\/)ungrouped(\.\w+)?$/.test(file))
  const byGroups = new Map<string, Layers>()
  return {
    layersOf: (host) => {
      const key = JSON.stringify(host.groups.map(({ name }) => name))
      let layers = byGroups.get(key)
      if (!layers) {
        layers = groupLayers(host.groups, groups.variables)
        byGroups.set(key, layers)
      }
      return [...layers, host.variables, ...(hosts.variables.get(host.name) ?? [])]
    },
    problems: [...groups.problems, ...hosts.problems, ...hosts.orphans.map(orphan('host', 'the file'))],
    warnings: [...groups.warnings, ...hosts.warnings, ...knownGroups.map(orphan('group', 'the file'))],
  }
}

/** The value of `name` in the strongest layer that has it. */
export function lookUp(layers: Layers, name: string): Variable | undefined {
  for (let index = layers.length - 1; index >= 0; index--) {
    const variable = layers[index]?.get(name)
    if (variable) return variable
  }
  return undefined
}

// Ansible's VARIABLE_PRECEDENCE: all_inventory, groups_inventory, all_plugins_inventory, groups_plugins_inventory
function groupLayers(direct: readonly Group[], files: ReadonlyMap<string, Layers>): Layers {
  const groups = new Set<Group>()
  const add = (group: Group) => {
    if (groups.has(group)) return
    groups.add(group)
    group.parents.forEach(add)
  }
  direct.forEach(add)
  const sorted = [...groups].sort(
    (a, b) => a.depth - b.depth || a.priority - b.priority || (a.name < b.name ? -1 : 1),
  )
  const all = sorted.filter(({ name }) => name === 'all')
  const rest = sorted.filter(({ name }) => name !== 'all')
  const fromFiles = (group: Group) => files.get(group.name) ?? []
  return [
    ...all.map(({ variables }) => variables),
    ...rest.map(({ variables }) => variables),
    ...all.flatMap(fromFiles),
    ...rest.flatMap(fromFiles),
  ]
}

interface Folder {
  variables: ReadonlyMap<string, Layers>
  problems: readonly Problem[]
  warnings: readonly Problem[]
  /** Files of names that nobody has. */
  orphans: readonly string[]
}

// Ansible looks for these in this order and takes the first
const extensions = ['', '.yml', '.yaml', '.json']

async function readFolder(root: string, within: string, names: readonly string[]): Promise<Folder> {
  const folder = join(root, within)
  const problem = await leadsOut(root, folder)
  if (problem) return { variables: new Map(), problems: [problem], warnings: [], orphans: [] }
  const entries = await list(folder)
  const unclaimed = new Set(entries.keys())
  const problems: Problem[] = []
  const warnings: Problem[] = []
  const files: { name: string; file: string }[] = []
  for (const name of names) {
    const candidates = extensions
      .map((extension) => `${name}${extension}`)
      .filter((entry) => entries.has(entry))
    for (const candidate of candidates) unclaimed.delete(candidate)
    const [first, ...others] = candidates
    if (first === undefined) continue
    const found =
      entries.get(first) === 'folder' ? await filesBelow(join(folder, first)) : [join(folder, first)]
    for (const file of found) files.push({ name, file })
    for (const other of others) {
      const file = displayName(join(folder, other))
      warnings.push({ file, line: 1, column: 1, message: `is never read, as ${first} is there too` })
    }
  }
  const read = await inTurns(files, async ({ name, file }) => ({
    name,
    ...(await readVariableFile(root, file)),
  }))
  const variables = new Map<string, Variables[]>()
  for (const { name, layer, problems: found } of read) {
    problems.push(...found)
    variables.set(name, [...(variables.get(name) ?? []), layer])
  }
  return {
    variables,
    problems,
    warnings,
    orphans: [...unclaimed].sort().map((entry) => displayName(join(folder, entry))),
  }
}

async function readVariableFile(
  root: string,
  path: string,
): Promise<{ layer: Variables; problems: readonly Problem[] }> {
  const name = displayName(path)
  const problem = await leadsOut(root, path)
  if (problem) return { layer: new Map(), problems: [problem] }
  const source = parseSource(await readText(path, maxBytes, name), name)
  if (source.problems.length > 0 || source.data === undefined)
    return { layer: new Map(), problems: source.problems }
  if (isRecord(source.data)) return { layer: variablesOf(source.data, source, name, []), problems: [] }
  return { layer: new Map(), problems: [{ ...source.at([]), message: 'must be a mapping of variables' }] }
}

async function list(folder: string): Promise<Map<string, 'file' | 'folder'>> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return new Map(
      entries
        .filter(({ name }) => !isPassedOver(name))
        .map((entry) => [entry.name, entry.isDirectory() ? 'folder' : 'file'] as const),
    )
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return new Map()
    throw error
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = []
  for (const [name, kind] of [...(await list(folder))].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const path = join(folder, name)
    if (kind === 'folder') files.push(...(await filesBelow(path)))
    else if (extensions.some((extension) => (extension ? name.endsWith(extension) : !name.includes('.'))))
      files.push(path)
  }
  return files
}

const isPassedOver = (name: string) => name.startsWith('.') || name.endsWith('~')

/** `work` for every item, some at a time; the results keep the items' order. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += concurrency)
    results.push(...(await Promise.all(items.slice(start, start + concurrency).map(work))))
  return results
}
