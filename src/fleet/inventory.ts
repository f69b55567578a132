// An Ansible inventory in YAML: groups within groups, hosts, variables. Hides its form and Ansible's order of groups.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, type Problem, failOn, readText } from '../platform/platform.ts'
import { displayName } from './display-name.ts'
import { leadsOut } from './inside.ts'
import { type Path, type Place, type Source, isRecord, parseSource } from './source.ts'

/** A variable's value and where it stands. */
export interface Variable {
  value: unknown
  file: string
  path: Path
  /** The place of the variable, or of what is at `inner` in it. */
  at(inner?: Path): Place
}

export type Variables = ReadonlyMap<string, Variable>

export interface Group {
  name: string
  /** Steps from `all`, along the longest way. */
  depth: number
  priority: number
  parents: readonly Group[]
  variables: Map<string, Variable>
}

export interface Host {
  name: string
  /** The groups that name it. */
  groups: readonly Group[]
  variables: Map<string, Variable>
  at(): Place
}

export interface Inventory {
  groups: ReadonlyMap<string, Group>
  hosts: ReadonlyMap<string, Host>
  problems: readonly Problem[]
}

const fileNames = ['inventory.yml', 'inventory.yaml']
const otherForms = ['inventory', 'inventory.ini', 'hosts', 'hosts.ini', 'hosts.yml', 'hosts.yaml']
const maxBytes = 64 << 20

/**
 * Reads `inventory.yml` of a fleet repository. Throws `file-missing` where there is none, `invalid-file` where it is no
 * YAML at all or the inventory has a form that is not supported yet; everything else wrong is in `problems`.
 */
export async function readInventory(folder: string): Promise<Inventory> {
  const file = await inventoryFile(folder)
  const name = displayName(file)
  const problem = await leadsOut(folder, file)
  failOn(problem ? [problem] : [])
  const source = parseSource(await readText(file, maxBytes, name), name)
  failOn(source.problems)
  return new InventoryReader(source, name).read()
}

async function inventoryFile(folder: string): Promise<string> {
  for (const name of fileNames) if (existsSync(join(folder, name))) return join(folder, name)
  for (const name of otherForms) {
    if (!existsSync(join(folder, name))) continue
    const message = `${displayName(join(folder, name))}: inventories other than inventory.yml are not supported yet: put the hosts into that file`
    throw new Failure('invalid-file', message)
  }
  throw new Failure(
    'file-missing',
    `there is no inventory.yml in ${folder}: give the fleet repository's folder as \`fleet\``,
  )
}

interface OpenGroup extends Group {
  parents: OpenGroup[]
}

interface OpenHost extends Host {
  groups: OpenGroup[]
}

/** One reading of one file: holds what is found until everything is known. */
class InventoryReader {
  readonly #source: Source
  readonly #file: string
  readonly #groups = new Map<string, OpenGroup>()
  readonly #hosts = new Map<string, OpenHost>()
  readonly #problems: Problem[] = []
  readonly #measured = new Set<OpenGroup>()

  constructor(source: Source, file: string) {
    this.#source = source
    this.#file = file
  }

  read(): Inventory {
    const all = this.#group('all')
    if (isRecord(this.#source.data)) {
      for (const [name, body] of Object.entries(this.#source.data)) this.#readGroup(name, body, [name])
    } else {
      this.#problem([], 'an inventory is a mapping of groups: begin with `all:`')
    }
    for (const group of this.#groups.values())
      if (group !== all && group.parents.length === 0) group.parents.push(all)
    for (const group of this.#groups.values()) this.#setDepth(group, [])
    return { groups: this.#groups, hosts: this.#hosts, problems: this.#problems }
  }

  #readGroup(name: string, body: unknown, path: Path): void {
    const group = this.#group(name)
    if (body === null || body === undefined) return
    if (!isRecord(body))
      return this.#problem(path, `${name}: a group is a mapping of hosts, vars and children`)
    for (const [key, value] of Object.entries(body)) {
      const inner = [...path, key]
      if (!['hosts', 'vars', 'children'].includes(key)) {
        this.#problem(inner, `${name}.${key}: a group has hosts, vars and children, nothing else`)
      } else if (value !== null && value !== undefined && !isRecord(value)) {
        this.#problem(inner, `${name}.${key} must be a mapping`)
      } else if (key === 'vars') {
        this.#setVariables(group, value ?? {}, inner)
      } else {
        for (const [child, childBody] of Object.entries(value ?? {})) {
          if (key === 'hosts') this.#readHost(child, childBody, group, [...inner, child])
          else this.#readChild(child, childBody, group, [...inner, child])
        }
      }
    }
  }

  #readChild(name: string, body: unknown, parent: OpenGroup, path: Path): void {
    const child = this.#group(name)
    if (!child.parents.includes(parent)) child.parents.push(parent)
    this.#readGroup(name, body, path)
  }

  #readHost(name: string, body: unknown, group: OpenGroup, path: Path): void {
    if (/\[.*\]/.test(name))
      return this.#problem(path, `${name}: host ranges are not supported yet: name each host`)
    if (this.#groups.has(name)) this.#problem(path, `${name} is a group and a host`)
    let host = this.#hosts.get(name)
    if (!host) {
      host = { name, groups: [], variables: new Map(), at: () => this.#source.at(path) }
      this.#hosts.set(name, host)
    }
    if (!host.groups.includes(group)) host.groups.push(group)
    if (body === null || body === undefined) return
    if (!isRecord(body)) return this.#problem(path, `${name}: a host is a mapping of variables, or empty`)
    this.#addVariables(host.variables, body, path)
  }

  #setVariables(group: OpenGroup, values: unknown, path: Path): void {
    if (!isRecord(values)) return
    this.#addVariables(group.variables, values, path)
    const priority = values['ansible_group_priority']
    if (priority === undefined) return
    if (typeof priority === 'number' && Number.isInteger(priority)) group.priority = priority
    else this.#problem([...path, 'ansible_group_priority'], 'ansible_group_priority must be a whole number')
  }

  #addVariables(to: Map<string, Variable>, values: Readonly<Record<string, unknown>>, path: Path): void {
    for (const [key, variable] of variablesOf(values, this.#source, this.#file, path)) to.set(key, variable)
  }

  #group(name: string): OpenGroup {
    let group = this.#groups.get(name)
    if (!group) {
      group = { name, depth: name === 'all' ? 0 : 1, priority: 1, parents: [], variables: new Map() }
      this.#groups.set(name, group)
    }
    return group
  }

  #setDepth(group: OpenGroup, below: readonly string[]): number {
    if (below.includes(group.name)) {
      this.#problem(
        [],
        `the groups ${[...below.slice(below.indexOf(group.name)), group.name].join(' > ')} contain each other`,
      )
      group.parents.splice(0)
      return group.depth
    }
    if (group.name === 'all' || this.#measured.has(group)) return group.depth
    this.#measured.add(group)
    const above = group.parents.map((parent) => this.#setDepth(parent, [...below, group.name]))
    group.depth = Math.max(1, ...above.map((depth) => depth + 1))
    return group.depth
  }

  #problem(path: Path, message: string): void {
    this.#problems.push({ ...this.#source.at(path), message })
  }
}

/** The variables of one mapping, which stands at `path` in its file. */
export function variablesOf(
  values: Readonly<Record<string, unknown>>,
  source: Source,
  file: string,
  path: Path,
): Variables {
  return new Map(
    Object.entries(values).map(([key, value]) => {
      const own = [...path, key]
      return [key, { value, file, path: own, at: (inner = []) => source.at([...own, ...inner]) }]
    }),
  )
}
