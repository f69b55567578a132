// Turns a base system into the recipe's: takes out what belongs to the machine that built it, lays the recipe's files over
// it, checks that nobody can log in with a password, and writes the release's name into it.
import { readFile, readlink } from 'node:fs/promises'
import { type Context, type Digest, Failure } from '../platform/platform.ts'
import { addAccounts } from './accounts.ts'
import type { Recipe } from './recipe.ts'
import { entriesOf } from './recipe-sources.ts'
import { releaseName } from './release.ts'
import type { Tree, TreeNode } from './tree.ts'

const osRelease = 'etc/os-release'

/** Of the build, of its machine, or of one device alone: none of it belongs into an image that many devices get. */
const removed = `
  etc/ssh/ssh_host_ecdsa_key etc/ssh/ssh_host_ed25519_key etc/ssh/ssh_host_rsa_key
  etc/ssh/ssh_host_ecdsa_key.pub etc/ssh/ssh_host_ed25519_key.pub etc/ssh/ssh_host_rsa_key.pub
  etc/dpkg/dpkg.cfg.d/99mmdebstrap etc/apt/apt.conf.d/99mmdebstrap
  etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid-
  var/lib/dpkg/status-old var/lib/dpkg/available-old var/lib/dpkg/diversions-old var/lib/dpkg/statoverride-old
  var/lib/systemd/random-seed var/lib/dbus/machine-id
  var/cache/ldconfig/aux-cache var/cache/debconf/config.dat-old var/cache/debconf/templates.dat-old
`
  .trim()
  .split(/\s+/)

/** What a builder writes for its own use, and a recipe for the device's. */
const builderOwn = ['etc/resolv.conf', 'etc/hostname', 'etc/apt/sources.list']

/** Folders that are mounted over, or whose content is history: they stay, empty. */
const emptied = 'dev proc sys run tmp var/cache/apt var/lib/apt/lists var/log var/tmp'.split(' ')
/** What tools keep in the home of who runs them. */
const toolsOwn = ['root/.ansible', 'root/.cache', 'etc/machine-id']

/** Takes everything out of a fresh base system that is not the same for every build. `time`: seconds since 1970. */
export function clean(tree: Tree, time: number): void {
  for (const path of [...removed, ...builderOwn]) tree.remove(path)
  for (const [path, node] of tree.entries())
    if (isBelow(path, 'etc/apt/sources.list.d') || isInEmptied(path, node)) tree.remove(path)
  // systemd, and what reads it, wants the file there: empty means "make one at the first boot"
  tree.write('etc/machine-id', '', { mode: 0o444, mtime: time })
  withoutShadowDays(tree, time)
}

/**
 * Takes out when passwords were changed last: that would be the day of the build, and nobody has one that could grow old.
 */
export function withoutShadowDays(tree: Tree, time: number): void {
  const shadow = tree.text('etc/shadow')
  if (shadow !== undefined)
    tree.rewrite('etc/shadow', shadow.replace(/^([^:\n]*:[^:\n]*:)\d+:/gm, '$1:'), time)
}

/** Whether a file is what programs leave behind when they are run in a root file system, and not what they are run for. */
export function isTrace(path: string, node: TreeNode): boolean {
  const isLeft = (trace: string) => path === trace || isBelow(path, trace)
  return isInEmptied(path, node) || removed.some(isLeft) || toolsOwn.some(isLeft)
}

function isInEmptied(path: string, node: TreeNode): boolean {
  // log folders belong to the programs that write there; their files do not
  return emptied.some((folder) => isBelow(path, folder) && (node.kind !== 'folder' || folder !== 'var/log'))
}

const isBelow = (path: string, folder: string) => path.startsWith(`${folder}/`)

/** Does what the recipe says, in this order: remove, folders, files, links, users. Throws `invalid-file` for what can't be. */
export async function applyRecipe(
  tree: Tree,
  recipe: Recipe,
  time: number,
  { log, signal }: Context,
): Promise<void> {
  for (const path of recipe.remove) {
    if (!tree.remove(path)) log.warn(`the recipe removes ${path}, which is not in the image`)
  }
  const asFolder = { mode: 0o755, mtime: time }
  for (const path of recipe.folders) tree.makeFolder(path, asFolder)
  for (const source of recipe.files) {
    for await (const { kind, from, path, isExecutable } of entriesOf(source)) {
      signal.throwIfAborted()
      if (kind === 'folder') tree.makeFolder(path, asFolder)
      else if (kind === 'link') tree.link(path, await readlink(from), asFolder)
      else
        tree.write(path, await readFile(from), {
          mode: source.mode ?? (isExecutable ? 0o755 : 0o644),
          mtime: time,
        })
    }
  }
  for (const { path, target } of recipe.links) tree.link(path, target, asFolder)
  addAccounts(tree, recipe.users, time)
}

/** Throws `build-failed` where a password would let somebody in: an image carries public keys, never passwords. */
export function refusePasswords(tree: Tree): void {
  const open = (tree.text('etc/shadow') ?? '')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name = '', password]) => name !== '' && !/^[!*]/.test(password ?? ''))
  // an old-style passwd file can hold a password itself, or none at all
  const old = (tree.text('etc/passwd') ?? '')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name = '', password]) => name !== '' && !/^[x!*]/.test(password ?? ''))
  const names = [...new Set([...open, ...old].map(([name]) => name))]
  if (names.length === 0) return
  throw new Failure(
    'build-failed',
    `the image would let ${names.join(', ')} in with a password, or without any: lock it (\`*\` in /etc/shadow) and use ssh keys`,
  )
}

/**
 * Gives the image its name: taken from the content as it is now, then written where a running device finds it
 * (os-release, and the update client's artifact_info where there is a client). All times end at `time`.
 */
export function nameImage(
  tree: Tree,
  recipe: Recipe,
  base: { time: number },
  time: number,
): { release: string; content: Digest } {
  const facts = {
    ...(recipe.variant === undefined ? {} : { VARIANT_ID: recipe.variant }),
    IMAGE_ID: recipe.name,
  }
  writeOsRelease(tree, facts, time)
  const content = tree.digest()
  const release = releaseName(recipe.name, time, content)
  writeOsRelease(tree, { IMAGE_VERSION: release }, time)
  if (tree.get('etc/mender')?.kind === 'folder') {
    tree.write('etc/mender/artifact_info', `artifact_name=${release}\n`, { mode: 0o644, mtime: time })
  }
  // what the packages brought keeps its time; what was made during a build gets the commit's
  tree.setTimes(({ mtime }) => (mtime >= base.time || mtime > time ? time : mtime))
  return { release, content }
}

/** The value of a variable in os-release, without quotes. */
export function fromOsRelease(tree: Tree, name: string): string | undefined {
  const line = (tree.text(osRelease) ?? '').split('\n').find((text) => text.startsWith(`${name}=`))
  return line?.slice(name.length + 1).replace(/^(["'])(.*)\1$/, '$2')
}

function writeOsRelease(tree: Tree, values: Record<string, string>, time: number): void {
  const kept = (tree.text(osRelease) ?? '')
    .split('\n')
    .filter((line) => line !== '' && !Object.keys(values).some((name) => line.startsWith(`${name}=`)))
  tree.rewrite(
    osRelease,
    `${[...kept, ...Object.entries(values).map(([name, value]) => `${name}=${value}`)].join('\n')}\n`,
    time,
  )
}
