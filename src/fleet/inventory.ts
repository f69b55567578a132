// Where a fleet repository has its inventory, and in which form. Hides which files of a folder Ansible takes, and in what order.
import { type Stats, existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import { type Context, Failure, type Problem, hasCode, readText } from '../platform/platform.ts'
import { byCodePoints } from './code-points.ts'
import { displayName } from './display-name.ts'
import { leadsOut } from './inside.ts'
import { InventoryData } from './inventory-data.ts'
import { readIniInventory } from './inventory-ini.ts'
import { readJsonInventory } from './inventory-json.ts'
import type { Inventory } from './inventory-model.ts'
import { type InventorySource, readSource, sourceName } from './inventory-source.ts'
import { readYamlInventory } from './inventory-yaml.ts'
import { isRecord, parseSource, plainText } from './source.ts'

const names = ['inventory', 'hosts'].flatMap((name) =>
  ['.yml', '.yaml', '', '.ini', '.json'].map((extension) => `${name}${extension}`),
)
const yamlExtensions = ['.yml', '.yaml', '.json']
const maxBytes = 64 << 20

// what Ansible passes over in a folder of inventories
const ignored =
  /^\.|^(?:host_vars|group_vars|vars_plugins)$|(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.ini|\.cfg|\.retry)$/

/** A command or a URL in the place of the repository's own inventory. */
export interface Elsewhere {
  source: InventorySource
  context: Context
}

/**
 * Reads the inventory of a fleet repository: `inventory.yml`, or another of its names and forms, or a folder of them; with
 * the folder beside which Ansible looks for its variables. Throws `file-missing` where there is none, and what reading one
 * from elsewhere throws; all else that is wrong is in `problems`.
 */
export async function readInventory(
  folder: string,
  elsewhere?: Elsewhere,
): Promise<Inventory & { base: string }> {
  const [first, ...others] = names.map((name) => join(folder, name)).filter((path) => existsSync(path))
  if (elsewhere) return await readElsewhere(elsewhere, folder, first)
  if (first === undefined)
    throw new Failure(
      'file-missing',
      `there is no inventory.yml in ${folder}: give the fleet repository's folder as \`fleet\``,
    )
  const data = new InventoryData()
  const isFolder = (await stat(first)).isDirectory()
  await read(folder, first, data)
  for (const other of others)
    data.warnings.push(problemOf(other, `is never read, as ${displayName(first)} is there too`))
  return { ...data.finish(), base: isFolder ? first : dirname(first) }
}

/** An inventory that is not in the repository: beside it are still the variables in there. */
async function readElsewhere(
  { source, context }: Elsewhere,
  folder: string,
  unread: string | undefined,
): Promise<Inventory & { base: string }> {
  const data = new InventoryData()
  readJsonInventory(await readSource(source, folder, context), sourceName(source), data)
  if (unread !== undefined)
    data.warnings.push(problemOf(unread, 'is not read, as the inventory comes from elsewhere'))
  return { ...data.finish(), base: folder }
}

async function read(
  root: string,
  path: string,
  data: InventoryData,
  seen: readonly string[] = [],
): Promise<void> {
  const problem = await leadsOut(root, path)
  if (problem) return void data.problems.push(problem)
  const status = await statusOf(path)
  if (!status) return void data.problems.push(problemOf(path, 'is a link that leads nowhere'))
  if (!status.isDirectory()) return await readFile(path, data)
  const identity = `${status.dev}:${status.ino}`
  if (seen.includes(identity))
    return void data.problems.push(problemOf(path, 'is a link to a folder that it is in'))
  for (const name of (await readdir(path)).sort(byCodePoints)) {
    if (!ignored.test(name)) await read(root, join(path, name), data, [...seen, identity])
    else if (/\.(?:ini|cfg)$/.test(name))
      data.warnings.push(
        problemOf(join(path, name), 'is not read: in a folder, Ansible passes over .ini and .cfg'),
      )
  }
}

async function readFile(path: string, data: InventoryData): Promise<void> {
  const name = displayName(path)
  const given = await readText(path, maxBytes, name)
  if (given.startsWith('#!') || extname(path) === '.toml') {
    const message =
      'is a program or TOML: inventories are read in YAML and INI, and programs of a checkout never run'
    return void data.problems.push(problemOf(path, message))
  }
  const extension = extname(path)
  if (extension === '' || yamlExtensions.includes(extension)) {
    const source = parseSource(given, name)
    // without an extension it is YAML where it can be
    const isYaml = source.problems.length === 0 && isRecord(source.data)
    if (isYaml || extension !== '') {
      data.problems.push(...source.problems)
      if (source.problems.length === 0) readYamlInventory(source, name, data)
      return
    }
  }
  const { text, problems } = plainText(given, name)
  data.problems.push(...problems)
  readIniInventory(text, name, data)
}

async function statusOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ELOOP')) return undefined
    throw error
  }
}

const problemOf = (path: string, message: string): Problem => ({
  file: displayName(path),
  line: 1,
  column: 1,
  message,
})
