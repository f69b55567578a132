// Finished base systems by what they were made of. Making one takes a minute or more, nearly all of it in dpkg; the
// rest of a build takes seconds.
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
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
import { type ArchiveState, archiveState } from './archive-state.ts'
import { type BaseRequest, type Builder, mirrorsOf } from './builder.ts'
import { keepTar, newestFirst, openKept, placeIn } from './kept-tars.ts'
import { inMiB, makeOpenFolder, withScratch } from './scratch.ts'
import { type SharedCache, fetchShared, leaveShared } from './shared-cache.ts'

/** Where nobody can be asked whether there is something newer. */
const unknownFreshMs = 24 * 3_600_000

/** A base system that is open for reading; whoever got it closes `file`. */
export interface BaseSystem {
  file: FileHandle
  /** Files as new as this (seconds since 1970) or newer were made while it was built. */
  time: number
  isFromCache: boolean
  /** What it was made of and what its sources had then: the same name, the same packages to be had. */
  madeOf: string
}

/**
 * The base system for `request`: from the cache where the mirrors have nothing newer, else from the shared one, else built
 * and left in both. Where no mirror can be reached, the newest from the cache, with a warning. `cache` is a folder, or
 * undefined for none. Several at once do no harm. Throws what the builder throws.
 */
export async function openBase(
  request: BaseRequest,
  builder: Builder,
  cache: { folder: string; shared: SharedCache | undefined } | undefined,
  context: Context,
): Promise<BaseSystem> {
  const state = await withScratch(1 << 20, 'disk', context, (folder) =>
    archiveState(request, folder, context),
  )
  if (state.kind === 'missing') {
    const message = `${mirrorsOf(request)} has no suite ${request.suite}: correct \`suite\` or \`mirror\` in the recipe`
    throw new Failure('build-failed', message)
  }
  const group = await groupOf(request, builder)
  const found = cache && (await find(cache.folder, group, state, context))
  if (found) return found
  if (state.kind === 'unreachable') {
    throw new Failure(
      'build-failed',
      `${mirrorsOf(request)} can't be reached, and no earlier base system for this recipe is in the cache: check the network, or name another \`mirror\` in the recipe`,
    )
  }
  const name = nameOf(group, state)
  // a name that doesn't say which packages there were to be had is none to share
  const shared =
    cache?.shared && state.kind === 'known' ? { cache: cache.shared, folder: cache.folder, name } : undefined
  if (shared && (await fetchShared(shared, context))) {
    const fetched = await find(shared.folder, group, state, context)
    if (fetched) return fetched
  }
  const base = await buildBase(request, builder, cache?.folder, name, state, context)
  if (shared) await leaveShared(shared, context)
  return base
}

/** A cached base system's key but for the packages' versions; a keyring counts by what is in it, not by where it lies. */
async function groupOf(request: BaseRequest, builder: Builder): Promise<string> {
  const sources = await Promise.all(
    request.sources.map(async ({ keyring, ...source }) => ({
      ...source,
      ...(keyring === undefined ? {} : { keyring: digestOf(await readFile(keyring)) }),
    })),
  )
  return hexOf(digestOf(canonicalJson({ ...request, sources, builder: builder.name }))).slice(0, 16)
}

async function find(
  cache: string,
  group: string,
  state: ArchiveState,
  context: Context,
): Promise<BaseSystem | undefined> {
  const isOffline = state.kind === 'unreachable'
  const names = isOffline ? await newestFirst(cache, group) : [nameOf(group, state)]
  for (const name of names) {
    const found = await openKept(cache, name, state.kind === 'unknown' ? unknownFreshMs : Infinity, context)
    if (!found) continue
    if (isOffline) {
      context.log.warn(
        'no mirror can be reached: using the newest base system from the cache, which may be out of date',
      )
    }
    return { ...found, isFromCache: true, madeOf: `${name} ${found.time}` }
  }
  return undefined
}

async function buildBase(
  request: BaseRequest,
  builder: Builder,
  cache: string | undefined,
  name: string,
  state: ArchiveState,
  context: Context,
): Promise<BaseSystem> {
  const { log, clock } = context
  const time =
    state.kind === 'known' && state.time > 0
      ? state.time
      : Math.floor(clock.now().getTime() / 86_400_000) * 86_400
  log.info(
    `building the base system: ${request.suite} for ${request.arch}, ${request.packages.length} packages and what they need, from ${mirrorsOf(request)}`,
  )
  log.info(`this takes about ${inMiB(builder.scratchBytes)} of temporary space and a minute or two`)
  const startedAt = performance.now()
  const base = await withScratch(builder.scratchBytes, 'disk', context, async (scratch) => {
    const work = join(scratch, 'build')
    await makeOpenFolder(work)
    const into = cache === undefined ? join(scratch, 'base.tar') : await placeIn(cache, name, context)
    try {
      await builder.build(request, { into, scratch: work, time }, context)
      const file = await open(into, 'r')
      if (cache !== undefined) await keepTar(cache, name, { file, from: into, time }, context)
      return { file, time, isFromCache: false, madeOf: `${name} ${time}` }
    } catch (error) {
      await rm(into, { force: true })
      throw storageFailure(error, into)
    }
  })
  log.info(`built the base system in ${seconds(performance.now() - startedAt)}`)
  return base
}

function nameOf(group: string, state: ArchiveState): string {
  return `${group}-${state.kind === 'known' ? hexOf(state.digest).slice(0, 16) : 'unknown'}`
}
