import { basename, dirname } from 'node:path'
import { type Context, type Digest, Failure, hexOf, run } from '../platform/platform.ts'
import type { Recipe } from './recipe.ts'
import { entriesOf } from './recipe-sources.ts'

/**
 * The time that an image carries, in seconds since 1970: that of the commit that the recipe's repository stands at. The
 * clock on the wall is never asked. With changes that are not committed it is still that commit's, with a warning (the
 * digest in the name tells such an image apart); without a repository it is the newest file's, with a warning.
 */
export async function imageTime(recipe: Recipe, { log }: Context): Promise<number> {
  const folder = dirname(recipe.path)
  // the checkout may belong to another user (sudo, containers); nothing of it is executed by these two commands
  const git = (...args: string[]) =>
    run('git', ['-c', 'safe.directory=*', '-c', 'core.fsmonitor=false', '-C', folder, ...args])
  const head = await git('log', '-1', '--no-show-signature', '--format=%ct', 'HEAD')
  const time = Number(head.stdout.trim())
  if (head.code !== 0 || !Number.isInteger(time) || time <= 0) {
    const newest = await newestFile(recipe)
    log.warn(
      `${recipe.path} is in no Git repository with a commit: the image's time is that of its newest file, ${iso(newest)}`,
    )
    return newest
  }
  const paths = sourcesOf(recipe).map(({ source }) => source)
  const status = await git('status', '--porcelain', '--', ...paths)
  if (status.code !== 0 || status.stdout.trim() !== '') {
    log.warn(
      `${basename(recipe.path)} or its files have changes that are not committed: the image carries the last commit's time, ${iso(time)}, and only its digest tells it apart`,
    )
  }
  return time
}

/** `<recipe>-<time, UTC, YYYYMMDDTHHMM>-<12 hex of the content>`: it sorts by age and says what is inside. */
export function releaseName(recipe: string, time: number, content: Digest): string {
  const stamp = iso(time).replace(/[-:]/g, '').slice(0, 13)
  return `${recipe}-${stamp}-${hexOf(content).slice(0, 12)}`
}

/** Seconds since 1970 as ISO 8601, UTC, without fractions. */
export function iso(time: number): string {
  return `${new Date(time * 1000).toISOString().slice(0, 19)}Z`
}

/** The recipe and all that it takes from beside it. */
function sourcesOf(recipe: Recipe): { source: string; path: string }[] {
  const used = recipe.playbooks.flatMap(({ folder, vars }) =>
    vars === undefined ? [folder] : [folder, vars],
  )
  return [...recipe.files, ...[recipe.path, ...used].map((source) => ({ source, path: '/' }))]
}

async function newestFile(recipe: Recipe): Promise<number> {
  let newest = 0
  for (const source of sourcesOf(recipe)) {
    for await (const { kind, modifiedMs } of entriesOf(source)) {
      if (kind !== 'folder') newest = Math.max(newest, modifiedMs)
    }
  }
  if (newest === 0) throw new Failure('internal', `no time can be found for ${recipe.path}`)
  return Math.floor(newest / 1000)
}
