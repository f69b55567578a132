// Groups and hosts while inventories are read, one file after the other into the same. Hides Ansible's rules for `all`,
// `ungrouped`, depths, and names that a group and a host share.
import type { Problem } from '../platform/platform.ts'
import type { Group, Host, Inventory, Variable } from './inventory-model.ts'
import type { Place } from './source.ts'

interface OpenGroup extends Group {
  parents: OpenGroup[]
  children: OpenGroup[]
  hosts: OpenHost[]
}

interface OpenHost extends Host {
  groups: OpenGroup[]
}

/** What the readers of all files fill. */
export class InventoryData {
  readonly problems: Problem[] = []
  readonly warnings: Problem[] = []
  readonly #groups = new Map<string, OpenGroup>()
  readonly #hosts = new Map<string, OpenHost>()
  readonly #members = new Map<OpenGroup, Set<OpenHost>>()
  readonly #all: OpenGroup
  readonly #ungrouped: OpenGroup

  constructor() {
    this.#all = this.#group('all')
    this.#ungrouped = this.#group('ungrouped')
    this.#link(this.#all, this.#ungrouped)
  }

  hasGroup(name: string): boolean {
    return this.#groups.has(name)
  }

  addGroup(name: string): void {
    this.#group(name)
  }

  /** Makes `child` part of `parent`; both have to be there. A circle is a problem at `at`. */
  addChild(parent: string, child: string, at: () => Place): void {
    const [above, below] = [this.#group(parent), this.#group(child)]
    if (above.children.includes(below)) return
    if (above === below || this.#isBelow(above, below)) {
      const message = `the groups ${parent} and ${child} contain each other`
      this.problems.push({ ...at(), message })
    } else this.#link(above, below)
  }

  /** Adds a host to a group; the port counts where the host is new. */
  addHost(name: string, group: string, port: Variable | undefined, at: () => Place): void {
    let host = this.#hosts.get(name)
    if (!host) {
      host = { name, groups: [], variables: new Map(), at }
      this.#hosts.set(name, host)
      if (port) host.variables.set('ansible_port', port)
    }
    this.#join(host, this.#group(group))
  }

  /** Sets a variable of a group; `ansible_group_priority` is none. */
  setOfGroup(name: string, key: string, variable: Variable): void {
    const group = this.#group(name)
    if (key !== 'ansible_group_priority') return void group.variables.set(key, variable)
    const priority = priorityOf(variable.value)
    if (priority !== undefined) group.priority = priority
    else this.problems.push({ ...variable.at(), message: 'ansible_group_priority must be a whole number' })
  }

  /** Sets a variable of a host, or of the group with its name where there is one already, as Ansible does. */
  setOfHost(name: string, key: string, variable: Variable): void {
    if (this.#groups.has(name)) return this.setOfGroup(name, key, variable)
    this.#hosts.get(name)?.variables.set(key, variable)
  }

  /** Ends the reading: puts what is nowhere into `all` and `ungrouped`, and measures depths. */
  finish(): Inventory {
    for (const group of this.#groups.values())
      if (group !== this.#all && group.parents.length === 0) {
        if (this.#isBelow(this.#all, group)) this.#parentOfAll(group)
        else this.#link(this.#all, group)
      }
    for (const host of this.#hosts.values()) this.#settle(host)
    for (const group of this.#groups.values()) group.depth = -1
    for (const group of this.#groups.values()) measure(group)
    for (const group of this.#groups.values())
      group.hosts = group.hosts.filter((host) => host.groups.includes(group))
    return { groups: this.#groups, hosts: this.#hosts, problems: this.problems, warnings: this.warnings }
  }

  #settle(host: OpenHost): void {
    const groups = ancestry(host.groups)
    const isElsewhere = [...groups].some((group) => group !== this.#all && group !== this.#ungrouped)
    if (groups.has(this.#ungrouped)) {
      if (isElsewhere) host.groups = host.groups.filter((group) => group !== this.#ungrouped)
    } else if (!isElsewhere) {
      // Ansible means the host, and takes a group of its name
      const namesake = this.#groups.get(host.name)
      if (!namesake) this.#join(host, this.#ungrouped)
      else if (!this.#isBelow(this.#ungrouped, namesake) && !this.#ungrouped.children.includes(namesake))
        this.#link(this.#ungrouped, namesake)
    }
    if (this.#groups.has(host.name)) {
      const message = `${host.name} is a group and a host: give one of them another name`
      this.warnings.push({ ...host.at(), message })
    }
  }

  #parentOfAll(group: OpenGroup): void {
    const [host] = this.#hosts.values()
    const place = host?.at() ?? { file: '', line: 1, column: 1 }
    this.problems.push({ ...place, message: `the group ${group.name} contains all, which contains it` })
  }

  #join(host: OpenHost, group: OpenGroup): void {
    const members = this.#members.get(group) ?? new Set()
    this.#members.set(group, members)
    if (members.has(host)) return
    members.add(host)
    group.hosts.push(host)
    host.groups.push(group)
  }

  #link(parent: OpenGroup, child: OpenGroup): void {
    parent.children.push(child)
    child.parents.push(parent)
  }

  /** Whether `group` is somewhere within `above`. */
  #isBelow(group: OpenGroup, above: OpenGroup): boolean {
    return ancestry([group]).has(above)
  }

  #group(name: string): OpenGroup {
    let group = this.#groups.get(name)
    if (!group) {
      group = { name, depth: 0, priority: 1, parents: [], children: [], hosts: [], variables: new Map() }
      this.#groups.set(name, group)
    }
    return group
  }
}

/** What Python's `int` makes of it. */
function priorityOf(value: unknown): number | undefined {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'string') return /^\s*[-+]?\d+\s*$/.test(value) ? Number(value) : undefined
  return typeof value === 'number' && Number.isFinite(value) ? Math.trunc(value) : undefined
}

/** These groups and all that they are part of. */
export function ancestry<G extends { parents: readonly G[] }>(groups: readonly G[]): Set<G> {
  const found = new Set(groups)
  for (const group of found) for (const parent of group.parents) found.add(parent)
  return found
}

/** The longest way from a group that is part of none. */
function measure(group: OpenGroup): number {
  if (group.depth < 0) group.depth = Math.max(0, ...group.parents.map((parent) => measure(parent) + 1))
  return group.depth
}
