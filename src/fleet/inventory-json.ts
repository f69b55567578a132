// An inventory as `ansible-inventory --list` and inventory programs print it: groups by name, and each host's variables under
// `_meta.hostvars`.
import * as v from 'valibot'
import type { InventoryData } from './inventory-data.ts'
import type { Variable } from './inventory-model.ts'
import { floatsIn } from './json-floats.ts'
import { type Path, type Place, isRecord } from './source.ts'
import { isInexact } from './yaml-scalars.ts'

const name = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'))
const names = v.array(name, 'must be a list of names')
const variables = v.record(v.string(), v.unknown(), 'must be a mapping of variables')
const group = v.strictObject(
  { hosts: v.optional(names, []), children: v.optional(names, []), vars: v.optional(variables, {}) },
  'is no group: a group has hosts, children and vars, nothing else',
)
const hosts = v.pipe(
  names,
  v.transform((hosts) => ({ hosts, children: [], vars: {} })),
)
const noMeta = 'must be there, with hostvars in it: programs that print variables host by host are not asked'
const meta = v.object({ hostvars: v.record(v.string(), variables, 'must be a mapping of hosts') }, noMeta)
const list = v.objectWithRest(
  { _meta: meta },
  v.lazy((value) => (Array.isArray(value) ? hosts : group)),
  noMeta,
)

/** Adds what `text` says to `inventory`; what is wrong with it goes to the inventory's problems, named after `source`. */
export function readJsonInventory(text: string, source: string, inventory: InventoryData): void {
  const at = (): Place => ({ file: source, line: 1, column: 1 })
  const problem = (path: Path, message: string) =>
    void inventory.problems.push({
      ...at(),
      message: path.length > 0 ? `${path.join('.')}: ${message}` : message,
    })
  const raw = parsed(text)
  if (!isRecord(raw))
    return problem([], 'is no JSON object of groups: print what ansible-inventory --list prints')
  for (const path of inexact(raw, [])) problem(path, "this number can't be kept exactly: write it as text")
  const result = v.safeParse(list, raw)
  if (!result.success) {
    for (const issue of result.issues)
      problem(
        (issue.path ?? []).map((item) => String(item.key)),
        issue.type === 'strict_object' && issue.expected === 'never'
          ? 'a group has hosts, children and vars, nothing else'
          : issue.message,
      )
    return
  }
  const { _meta, ...groups } = result.output
  const isFloat = floatsIn(text)
  const variable = (value: unknown, path: Path): Variable => ({
    value,
    file: source,
    path,
    at,
    oddAt: (inner = []) => (isFloat([...path, ...inner]) ? 'float' : undefined),
  })
  for (const [name, { hosts, children, vars }] of Object.entries(groups)) {
    if (name === '') return problem([], 'a group has a name')
    inventory.addGroup(name)
    for (const host of hosts) inventory.addHost(host, name, undefined, at)
    for (const [key, value] of Object.entries(vars))
      inventory.setOfGroup(name, key, variable(value, [name, 'vars', key]))
    for (const child of children) {
      inventory.addGroup(child)
      inventory.addChild(name, child, at)
    }
  }
  const members = new Set(Object.values(groups).flatMap((group) => group.hosts))
  for (const [host, values] of Object.entries(_meta.hostvars)) {
    const path = ['_meta', 'hostvars', host]
    if (!members.has(host)) problem(path, 'is a host of no group')
    else
      for (const [key, value] of Object.entries(values))
        inventory.setOfHost(host, key, variable(value, [...path, key]))
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Where numbers are that were others in the text. */
function inexact(value: unknown, path: Path): Path[] {
  if (Array.isArray(value)) return value.flatMap((inner, index) => inexact(inner, [...path, index]))
  if (isRecord(value)) return Object.entries(value).flatMap(([key, inner]) => inexact(inner, [...path, key]))
  return isInexact(value) ? [path] : []
}
