// Which value a variable has for a host: Ansible's default precedence over the inventory, group_vars and host_vars.
import { realpath } from 'node:fs/promises'
import type { Problem } from '../platform/platform.ts'
import { byCodePoints } from './code-points.ts'
import { ancestry } from './inventory-data.ts'
import { isEncrypted } from './vault.ts'
import type { Group, Host, Inventory, Variable } from './inventory-model.ts'
import { type Layers, type VariableFiles, readVariableFiles } from './variable-files.ts'

export type { Layers } from './variable-files.ts'

export interface HostVariables {
  layersOf(host: Host): Layers
  /** Whether every file could be read. */
  isWhole: boolean
  problems: readonly Problem[]
  warnings: readonly Problem[]
  /** Files that a run without secrets could not read. */
  locked: readonly Problem[]
}

/**
 * Reads group_vars/ and host_vars/ beside the inventory and at the top of a fleet repository, which is where its playbooks
 * are, and says which layers hold for each host. Never throws for what they say. With `hasNoSecrets` an encrypted file without
 * a password is no problem.
 */
export async function readVariables(
  folder: string,
  inventory: Inventory & { base: string },
  hasNoSecrets = false,
): Promise<HostVariables> {
  const isOne = (await realpath(folder)) === (await realpath(inventory.base))
  const bases = isOne ? [folder] : [inventory.base, folder]
  const groups: VariableFiles[] = []
  const hosts: VariableFiles[] = []
  for (const base of bases) {
    groups.push(
      await readVariableFiles(folder, base, 'group_vars', [...inventory.groups.keys()], hasNoSecrets),
    )
    hosts.push(await readVariableFiles(folder, base, 'host_vars', [...inventory.hosts.keys()], hasNoSecrets))
  }
  const orphan = (what: string) => (file: string) => ({
    file,
    line: 1,
    column: 1,
    message: `these are variables of a ${what} that is not in the inventory: add it there or remove the file`,
  })
  const all = [...groups, ...hosts]
  const byGroups = new Map<string, Layers>()
  return {
    layersOf: (host) => {
      const key = JSON.stringify(host.groups.map(({ name }) => name))
      let layers = byGroups.get(key)
      if (!layers) {
        layers = groupLayers(host.groups, groups)
        byGroups.set(key, layers)
      }
      return [...layers, host.variables, ...hosts.flatMap(({ variables }) => variables.get(host.name) ?? [])]
    },
    isWhole: all.every(({ problems }) => problems.length === 0),
    locked: all.flatMap(({ locked }) => locked),
    problems: [
      ...all.flatMap(({ problems }) => problems),
      ...hosts.flatMap(({ orphans }) => orphans.map(orphan('host'))),
    ],
    // Ansible's users keep variables of groups that are empty just now
    warnings: [
      ...all.flatMap(({ warnings }) => warnings),
      ...groups.flatMap(({ orphans }) => orphans.map(orphan('group'))),
    ],
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

/** `lookUp`, and where the value is the name of one other variable alone (`{{ other }}`), that one, however often. */
export function written(layers: Layers, name: string): Variable | undefined {
  const seen = new Set<Variable>()
  for (let variable = lookUp(layers, name); ;) {
    if (!variable || seen.has(variable) || typeof variable.value !== 'string') return variable
    seen.add(variable)
    const other: string | undefined = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(variable.value)?.[1]
    const next: Variable | undefined = other === undefined ? undefined : lookUp(layers, other)
    // Ansible would make a list or a mapping of such a text
    if (!next || isEncrypted(next.value) || /^[[{](?!\{)/.test(String(next.value))) return variable
    variable = next
  }
}

// Ansible's VARIABLE_PRECEDENCE: all_inventory, groups_inventory, all_plugins_inventory, all_plugins_play,
// groups_plugins_inventory, groups_plugins_play
function groupLayers(direct: readonly Group[], files: readonly VariableFiles[]): Layers {
  const sorted = [...ancestry(direct)].sort(
    (a, b) => a.depth - b.depth || a.priority - b.priority || byCodePoints(a.name, b.name),
  )
  const all = sorted.filter(({ name }) => name === 'all')
  const rest = sorted.filter(({ name }) => name !== 'all')
  const fromFiles = (groups: readonly Group[]) =>
    files.flatMap(({ variables }) => groups.flatMap(({ name }) => variables.get(name) ?? []))
  return [
    ...all.map(({ variables }) => variables),
    ...rest.map(({ variables }) => variables),
    ...fromFiles(all),
    ...fromFiles(rest),
  ]
}
