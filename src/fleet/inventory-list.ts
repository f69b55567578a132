// What `ansible-inventory --list` prints of a fleet repository, as data.
import { resolve } from 'node:path'
import { type Context, type Problem, failOn, plainContext } from '../platform/platform.ts'
import { failureWith } from './load.ts'
import type { Allowed } from './allowed.ts'
import { readInventory } from './inventory.ts'
import type { Configuration } from './configuration.ts'
import type { Group, Host } from './inventory-model.ts'
import { type TemplateKit, loadTemplateKit } from './template-hosts.ts'
import { VariableReader } from './variable-reader.ts'
import { type HostVariables, readVariables } from './variables.ts'

/** Groups by their names, and under `_meta.hostvars` each host's variables. Encrypted values stay so, as Ansible's do. */
export interface InventoryList {
  _meta: {
    hostvars: Record<string, Record<string, unknown>>
    /** Each host's rendered configuration, which Ansible's list doesn't have; only where there are any. */
    configurations?: Record<string, ShownConfiguration>
  }
  [group: string]: { hosts?: string[]; children?: string[] } | InventoryList['_meta']
}

/**
 * Resolves the groups and variables of every host, without what they mean here. Throws `file-missing` where there is no
 * inventory, what reading one from elsewhere throws, and one `invalid-file` with everything wrong. May be repeated.
 */
export async function listInventory(
  folder: string,
  context: Context = plainContext(),
  allowed: Allowed = {},
): Promise<{ list: InventoryList; warnings: readonly Problem[] }> {
  const root = resolve(folder)
  const { inventory: source } = allowed
  const inventory = await readInventory(root, source && { source, context })
  const variables = await readVariables(root, inventory)
  failOn([...inventory.problems, ...variables.problems])
  const hostvars: [string, Record<string, unknown>][] = []
  const configured: Host[] = []
  for (const host of inventory.hosts.values()) {
    const values = new Map<string, unknown>()
    for (const layer of variables.layersOf(host))
      for (const [name, { value }] of layer) if (!internal.has(name)) values.set(name, value)
    if (values.size > 0) hostvars.push([host.name, Object.fromEntries(values)])
    if (values.has('configuration')) configured.push(host)
  }
  return {
    list: {
      ...groupsOf(inventory.groups),
      _meta: {
        hostvars: Object.fromEntries(hostvars),
        ...(await configurationsOf(configured, variables, () => loadTemplateKit(root, allowed))),
      },
    },
    warnings: [...inventory.warnings, ...variables.warnings],
  }
}

/** A configuration as it is shown: without what is secret, and then without the digest that could give it away. */
interface ShownConfiguration {
  template: string
  values: Record<string, string>
  digest?: string
}

async function configurationsOf(
  hosts: readonly Host[],
  variables: HostVariables,
  loadKit: () => Promise<TemplateKit>,
): Promise<{ configurations?: Record<string, ShownConfiguration> }> {
  if (hosts.length === 0) return {}
  const kit = await loadKit()
  const reader = new VariableReader(kit)
  const found = hosts.flatMap((host): [string, ShownConfiguration][] => {
    const { configuration } = reader.read(host, variables.layersOf(host))
    return configuration ? [[host.name, shown(configuration)]] : []
  })
  const problems = [...kit.files.problems, ...reader.problems.map(reader.withoutSecrets)]
  if (problems.length > 0)
    throw failureWith(problems, reader.isUnsupported && kit.files.problems.length === 0)
  return found.length > 0 ? { configurations: Object.fromEntries(found) } : {}
}

function shown({ template, values, secretKeys, digest }: Configuration): ShownConfiguration {
  const known = [...values].map(([key, text]) => [key, secretKeys.has(key) ? '(secret)' : text])
  return { template, values: Object.fromEntries(known), ...(secretKeys.size === 0 ? { digest } : {}) }
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
