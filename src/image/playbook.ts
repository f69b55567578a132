// Ansible playbooks, applied to a root file system when the recipe's files and users are in it. The result is kept like a
// base system: the same file system and the same playbooks need no second run, which under an emulator takes minutes.
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Context,
  Failure,
  canonicalJson,
  digestOf,
  hexOf,
  seconds,
  storageFailure,
} from '../platform/platform.ts'
import type { BaseSystem } from './base-cache.ts'
import type { BaseRequest } from './builder.ts'
import { isTrace, withoutShadowDays } from './finish.ts'
import { keepTar, openKept, placeIn } from './kept-tars.ts'
import { playbooksDigest, writePlaybookFiles } from './playbook-files.ts'
import { ansibleVersion, playbookBytes, runPlaybooks } from './playbook-run.ts'
import type { Recipe } from './recipe.ts'
import { makeOpenFolder, withScratch } from './scratch.ts'
import { writeTar } from './tar-write.ts'
import { Tree } from './tree.ts'

export interface PlaybookBuild {
  recipe: Recipe
  request: BaseRequest
  base: BaseSystem
  /** Folder for finished file systems; undefined for none. */
  cache: string | undefined
  /** An empty folder for the new tree's contents. */
  contents: string
  /** The image's time, in seconds since 1970. */
  time: number
}

/**
 * The tree as the recipe's playbooks leave it, or `before` itself where the recipe has none. What running them left besides
 * is taken out, and every time in it comes from `before` or is the image's. Throws what `runPlaybooks` throws.
 */
export async function withPlaybooks(before: Tree, build: PlaybookBuild, context: Context): Promise<Tree> {
  const { recipe, base, cache, contents, time } = build
  if (recipe.playbooks.length === 0) return before
  const prepared = await prepare(before, contents)
  const name = await nameOf(before, build)
  const kept = cache === undefined ? undefined : await openKept(cache, name, Infinity, context)
  if (kept) context.log.info('the playbooks have been run on this file system before: taken from the cache')
  const startedAt = performance.now()
  const file = kept?.file ?? (await run(prepared.tree, name, build, context))
  if (!kept) context.log.info(`ran the playbooks in ${seconds(performance.now() - startedAt)}`)
  try {
    const after = new Tree(join(contents, 'after'))
    await after.extract(file.fd, context.signal)
    removeTraces(before, after, prepared)
    withoutShadowDays(after, time)
    after.takeTimes(before, base.time, time)
    return after
  } finally {
    await file.close()
  }
}

interface Prepared {
  tree: Tree
  /** Paths of files that are there for the run alone. */
  standIns: readonly string[]
}

/** The tree as a run needs it: with what programs in there want from a machine. */
async function prepare(before: Tree, contents: string): Promise<Prepared> {
  if (before.get('usr/bin/python3')?.kind !== 'file')
    throw new Failure(
      'build-failed',
      'the root file system has no /usr/bin/python3, which Ansible runs its modules with: add python3 to `packages` in the recipe',
    )
  for (const folder of ['prepared', 'after']) await mkdir(join(contents, folder), { recursive: true })
  const tree = before.copy(join(contents, 'prepared'))
  const as = { mode: 0o755, mtime: 0 }
  for (const folder of ['dev', 'proc', 'run', 'tmp']) {
    if (tree.place(folder) !== folder || (tree.get(folder)?.kind ?? 'folder') !== 'folder')
      throw new Failure(
        'build-failed',
        `/${folder} is no folder in the root file system: playbooks need it as one`,
      )
    tree.makeFolder(folder, as)
  }
  const nameServers = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  tree.write('etc/resolv.conf', nameServers, { mode: 0o644, mtime: 0 })
  const standIns = ['etc/resolv.conf']
  const policy = 'usr/sbin/policy-rc.d'
  if (!tree.get(policy)) {
    // Debian's word for "start no service when a package is installed"
    tree.write(policy, '#!/bin/sh\nexit 101\n', as)
    standIns.push(policy)
  }
  return { tree, standIns: standIns.map((path) => tree.place(path)) }
}

async function nameOf(tree: Tree, { recipe, base, contents }: PlaybookBuild): Promise<string> {
  const version = await ansibleVersion(contents)
  const digest = await playbooksDigest(recipe.playbooks)
  const facts = [version, digest, base.madeOf, recipe.name, recipe.variant ?? '']
  return `${hexOf(digestOf(canonicalJson(facts))).slice(0, 16)}-${hexOf(tree.digest()).slice(0, 16)}`
}

async function run(tree: Tree, name: string, build: PlaybookBuild, context: Context) {
  const { recipe, request, base, cache } = build
  const count = recipe.playbooks.length === 1 ? 'a playbook' : `${recipe.playbooks.length} playbooks`
  context.log.info(`running ${count} in the root file system`)
  return withScratch(playbookBytes, 'disk', context, async (scratch) => {
    const [work, from] = [join(scratch, 'work'), join(scratch, 'before.tar')]
    await makeOpenFolder(work)
    await writePlaybookFiles(recipe, request, { work, time: base.time })
    await writeTar(tree, from, context.signal)
    const into = cache === undefined ? join(scratch, 'after.tar') : await placeIn(cache, name, context)
    try {
      await runPlaybooks({ recipe, arch: request.arch, work, from, into, time: base.time }, context)
      const file = await open(into, 'r')
      if (cache !== undefined) await keepTar(cache, name, { file, from: into, time: base.time }, context)
      return file
    } catch (error) {
      await rm(into, { force: true })
      throw storageFailure(error, into)
    }
  })
}

// What programs left that nobody asked for goes, and what was in its place comes back. What a task has put there stays.
function removeTraces(before: Tree, after: Tree, { tree, standIns }: Prepared): void {
  for (const path of standIns) {
    const [given, left] = [tree.get(path), after.get(path)]
    if (given?.kind === 'file' && left?.kind === 'file' && given.sha256 === left.sha256)
      after.takeFrom(before, path)
  }
  for (const [path, node] of after.entries()) if (isTrace(path, node)) after.takeFrom(before, path)
  // the run had folders of its own mounted there
  for (const [path] of [...before.entries(), ...after.entries()])
    if (/^(dev|proc|run|tmp)(\/|$)/.test(path)) after.takeFrom(before, path)
}
