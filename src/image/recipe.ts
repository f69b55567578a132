import { dirname, relative, resolve } from 'node:path'
import { Failure, type ParsedYaml, type Problem, failOn, readYaml } from '../platform/platform.ts'
import type { Compression } from './compress.ts'
import { type RecipeFile, type RecipeParts, recipeSchema } from './recipe-schema.ts'
import { sourceProblems } from './recipe-sources.ts'

type AccountFile = NonNullable<RecipeParts['users']>[number]

/** A file, folder tree or link of the recipe's and where it goes in the image; `source` is absolute. */
export interface RecipeSource {
  source: string
  path: string
  mode: number | undefined
}

/** Another place that packages come from; `key` is the absolute path of the keyring that it is signed with. */
export interface Repository {
  url: string
  suite: string
  components: readonly string[]
  key: string
}

/** An account; what is undefined is chosen as adduser does. */
export interface Account {
  name: string
  uid: number | undefined
  groups: readonly string[]
  shell: string | undefined
  home: string | undefined
  /** Public keys, one line each. */
  sshKeys: readonly string[]
}

/** An Ansible playbook; paths are absolute. `folder` is the playbook's, with all that it may use. */
export interface Playbook {
  folder: string
  playbook: string
  vars: string | undefined
}

/** How the image is laid out for flashing; sizes in bytes, `from` are folders of the image. */
export interface DiskLayout {
  table: 'gpt' | 'mbr'
  boot: { sizeBytes: number; from: string } | undefined
  slots: number
  data: { sizeBytes: number; from: string } | undefined
  compression: Compression
}

/** A recipe with its variant worked in, every source known to exist. */
export interface Recipe {
  name: string
  variant: string | undefined
  suite: string
  mirror: string | undefined
  /** Of the suite; what the machine has, or `main` of a named mirror, where undefined. */
  components: readonly string[] | undefined
  /** The program that makes the base system, and the file or folder that it leaves below its output folder. */
  builder: { command: readonly string[]; rootfs: string } | undefined
  repositories: readonly Repository[]
  packages: readonly string[]
  folders: readonly string[]
  files: readonly RecipeSource[]
  links: readonly { path: string; target: string }[]
  remove: readonly string[]
  users: readonly Account[]
  services: { enable: readonly string[]; disable: readonly string[]; mask: readonly string[] }
  /** Commands that run in the new system when its packages are installed: a program and its arguments each. */
  hooks: readonly (readonly string[])[]
  playbooks: readonly Playbook[]
  sizeBytes: number | undefined
  disk: DiskLayout | undefined
  /** The recipe's own path, absolute. */
  path: string
}

/**
 * Reads a recipe and adds what `variant` lists. Throws `file-missing`, `invalid-file` with every problem and its line,
 * and `bad-input` for a variant that the recipe doesn't have.
 */
export async function loadRecipe(path: string, variant: string | undefined): Promise<Recipe> {
  const name = nameOf(path)
  const parsed = await readYaml(path, recipeSchema, name)
  const { value } = parsed
  const added = variant === undefined ? {} : value.variants?.[variant]
  if (added === undefined) {
    const known = Object.keys(value.variants ?? {})
    const hint = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none: leave the input empty'
    throw new Failure('bad-input', `the recipe ${name} has no variant "${variant}": ${hint}`)
  }
  failOn([
    ...(await sourceProblems(path, name, parsed)),
    ...accountProblems(name, parsed),
    ...builderProblems(name, parsed),
  ])
  const all = <K extends keyof RecipeParts>(key: K): NonNullable<RecipeParts[K]>[] =>
    [value[key], added[key]].flatMap((part) => (part === undefined ? [] : [part]))
  const inFolder = (source: string) => resolve(dirname(path), source)
  return {
    name: value.name,
    variant,
    suite: value.suite,
    mirror: value.mirror?.replace(/\/+$/, ''),
    components: value.components,
    builder: value.builder,
    repositories: (value.repositories ?? []).map(
      ({ url, suite = value.suite, components = ['main'], key }) => ({
        url: url.replace(/\/+$/, ''),
        suite,
        components,
        key: inFolder(key),
      }),
    ),
    packages: [...new Set(all('packages').flat())].sort(),
    folders: all('folders').flat(),
    files: all('files')
      .flat()
      .map(({ source, path: target, mode }) => ({
        source: inFolder(source),
        path: target,
        mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
      })),
    links: all('links').flat(),
    remove: all('remove').flat(),
    users: all('users').flat().map(accountOf),
    services: {
      enable: all('services').flatMap(({ enable = [] }) => enable),
      disable: all('services').flatMap(({ disable = [] }) => disable),
      mask: all('services').flatMap(({ mask = [] }) => mask),
    },
    hooks: all('hooks')
      .flat()
      .map(({ command }) => command),
    playbooks: all('playbooks')
      .flat()
      .map(({ playbook, vars }) => ({
        folder: dirname(inFolder(playbook)),
        playbook: inFolder(playbook),
        vars: vars === undefined ? undefined : inFolder(vars),
      })),
    sizeBytes: value.size === undefined ? undefined : bytesOf(value.size),
    disk: value.disk && layoutOf(value.disk),
    path: resolve(path),
  }
}

function accountOf({ 'ssh-keys': sshKeys = [], groups = [], ...user }: AccountFile): Account {
  return { name: user.name, uid: user.uid, shell: user.shell, home: user.home, groups, sshKeys }
}

function layoutOf({
  table = 'gpt',
  boot,
  slots = 2,
  data,
  compression = 'xz',
}: NonNullable<RecipeFile['disk']>): DiskLayout {
  return {
    table,
    boot: boot && { sizeBytes: bytesOf(boot.size), from: boot.from ?? '/boot/firmware' },
    slots,
    data: data && { sizeBytes: bytesOf(data.size), from: data.from ?? '/data' },
    compression,
  }
}

/** Accounts that another one of the recipe is already, by name or by number; a variant is laid over the rest. */
function accountProblems(name: string, parsed: ParsedYaml<RecipeFile>): Problem[] {
  const { users = [], variants = {} } = parsed.value
  const lists = [
    { added: users, before: [], at: ['users'] },
    ...Object.entries(variants).map(([variant, { users: added = [] }]) => ({
      added,
      before: users,
      at: ['variants', variant, 'users'],
    })),
  ]
  return lists.flatMap(({ added, before, at }) =>
    added.flatMap((user, index) => {
      const others = [...before, ...added.slice(0, index)]
      const isTaken = others.some(
        (other) => other.name === user.name || (other.uid !== undefined && other.uid === user.uid),
      )
      const message = `the recipe has another account ${user.name}, or another with its uid`
      return isTaken ? [{ file: name, ...parsed.locate([...at, index]), message }] : []
    }),
  )
}

/** What only our own builder can do; another program has settings of its own for it. */
function builderProblems(name: string, parsed: ParsedYaml<RecipeFile>): Problem[] {
  const { builder, variants = {} } = parsed.value
  if (!builder) return []
  const places: { at: string[]; value: object }[] = [
    { at: [], value: parsed.value },
    ...Object.entries(variants).map(([variant, value]) => ({ at: ['variants', variant], value })),
  ]
  return places.flatMap(({ at, value }) =>
    ['packages', 'mirror', 'components', 'repositories', 'hooks'].flatMap((key) => {
      const message = `\`${key}\` has no effect with a \`builder\`: give it to that program`
      return key in value ? [{ file: name, ...parsed.locate([...at, key]), message }] : []
    }),
  )
}

// annotations want paths from the workspace's root, where an action runs
function nameOf(path: string): string {
  const name = relative('.', path)
  return name.startsWith('..') ? path : name
}

function bytesOf(size: string): number {
  const unit = size.endsWith('GiB') ? 2 ** 30 : 2 ** 20
  return Number.parseInt(size, 10) * unit
}
