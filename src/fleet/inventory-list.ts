// What `ansible-inventory --list` prints of a fleet repository, as data.
import { resolve } from 'node:path'
import { type Problem, failOn } from '../platform/platform.ts'
import { type Elsewhere, readInventory } from './inventory.ts'
import type { Group } from './inventory-model.ts'
import { readVariables } from './variables.ts'

/** Groups by their names, and under `_meta.hostvars` each host's variables. Encrypted values stay so, as Ansible's do. */
export interface InventoryList {
  _meta: { hostvars: Record<string, Record<string, unknown>> }
  [group: string]:
    { hosts?: string[]; children?: string[] } | { hostvars: Record<string, Record<string, unknown>> }
}

/**
 * Resolves the groups and variables of every host, without what they mean here. Throws `file-missing` where there is no
 * inventory, what reading one from `elsewhere` throws, and one `invalid-file` with everything wrong. May be repeated.
 */
export async function listInventory(
  folder: string,
  elsewhere?: Elsewhere,
): Promise<{ list: InventoryList; warnings: readonly Problem[] }> {
  const root = resolve(folder)
  const inventory = await readInventory(root, elsewhere)
  const variables = await readVariables(root, inventory)
  failOn([...inventory.problems, ...variables.problems])
  const hostvars: [string, Record<string, unknown>][] = []
  for (const host of inventory.hosts.values()) {
    const values = new Map<string, unknown>()
    for (const layer of variables.layersOf(host))
      for (const [name, { value }] of layer) if (!internal.has(name)) values.set(name, value)
    if (values.size > 0) hostvars.push([host.name, Object.fromEntries(values)])
  }
  return {
    list: { ...groupsOf(inventory.groups), _meta: { hostvars: Object.fromEntries(hostvars) } },
    warnings: [...inventory.warnings, ...variables.warnings],
  }
}

function groupsOf(groups: ReadonlyMap<string, Group>) {
  const shown: [string, { hosts?: string[]; children?: string[] }][] = []
  for (const { name, hosts, children } of groups.values()) {
    const members = name === 'all' ? [] : hosts.map((host) => host.name)
    if (members.length === 0 && children.length === 0) continue
    shown.push([
      name,
      {
        ...(members.length > 0 ? { hosts: members } : {}),
        ...(children.length > 0 ? { children: children.map((child) => child.name) } : {}),
      },
    ])
  }
  return Object.fromEntries(shown)
}

/** Names that Ansible gives values of its own, and takes out of this list. */
const internal: ReadonlySet<string> = new Set([
  'ansible_diff_mode',
  'ansible_config_file',
  'ansible_facts',
  'ansible_forks',
  'ansible_inventory_sources',
  'ansible_limit',
  'ansible_playbook_python',
  'ansible_run_tags',
  'ansible_skip_tags',
  'ansible_verbosity',
  'ansible_version',
  'inventory_dir',
  'inventory_file',
  'inventory_hostname',
  'inventory_hostname_short',
  'groups',
  'group_names',
  'omit',
  'playbook_dir',
])
