// Finished base systems by what they were made of. Making one takes a minute or more, nearly all of it in dpkg; the
// rest of a build takes seconds.
import { type FileHandle, mkdir, open, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import * as v from 'valibot'
import {
  type Context,
  type Digest,
  Failure,
  canonicalJson,
  digestOf,
  hasCode,
  hexOf,
  markedName,
  readYaml,
  seconds,
  storageFailure,
  sweep,
  syncFolder,
  writeAtomically,
} from '../platform/platform.ts'
import { type ArchiveState, archiveState } from './archive-state.ts'
import { type BaseRequest, type Builder, mirrorsOf } from './builder.ts'
import { inMiB, requireSpace, withScratch } from './scratch.ts'

/** So many base systems stay in a cache, the last used ones. */
const kept = 6
/** Where nobody can be asked whether there is something newer. */
const unknownFreshMs = 24 * 3_600_000
const expectedTarBytes = 400 << 20

const entrySchema = v.strictObject({
  format: v.literal(1),
  sha256: v.pipe(v.string(), v.startsWith('sha256:')),
  time: v.number(),
  madeAt: v.string(),
})

/** A base system that is open for reading; whoever got it closes `file`. */
export interface BaseSystem {
  file: FileHandle
  /** Files as new as this (seconds since 1970) or newer were made while it was built. */
  time: number
  isFromCache: boolean
}

/**
 * The base system for `request`: from the cache where the mirrors have nothing newer, else built. Where no mirror can
 * be reached, the newest from the cache, with a warning. `cache` is a folder, or undefined for none. Several at once do
 * no harm. Throws what the builder throws.
 */
export async function openBase(
  request: BaseRequest,
  builder: Builder,
  cache: string | undefined,
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
  const found = cache === undefined ? undefined : await find(cache, group, state, context)
  if (found) return found
  if (state.kind === 'unreachable') {
    throw new Failure(
      'build-failed',
      `${mirrorsOf(request)} can't be reached, and no earlier base system for this recipe is in the cache: check the network, or name another \`mirror\` in the recipe`,
    )
  }
  return buildBase(request, builder, cache, nameOf(group, state), state, context)
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
    const found = await openEntry(cache, name, state.kind === 'unknown', context)
    if (!found) continue
    if (isOffline) {
      context.log.warn(
        'no mirror can be reached: using the newest base system from the cache, which may be out of date',
      )
    }
    return found
  }
  return undefined
}

async function openEntry(
  cache: string,
  name: string,
  mustBeFresh: boolean,
  { log, signal, clock }: Context,
): Promise<BaseSystem | undefined> {
  const [tar, about] = [join(cache, `${name}.tar`), join(cache, `${name}.json`)]
  let file: FileHandle | undefined
  try {
    const { value } = await readYaml(about, entrySchema)
    file = await open(tar, 'r')
    if (mustBeFresh && clock.now().getTime() - Date.parse(value.madeAt) > unknownFreshMs) {
      await file.close()
      return undefined
    }
    if ((await digestOfHandle(file, signal)) === value.sha256) {
      await utimes(about, clock.now(), clock.now()).catch(() => {}) // a cache may be read-only
      return { file, time: value.time, isFromCache: true }
    }
    throw new Failure('build-failed', `${tar} is damaged`)
  } catch (error) {
    await file?.close()
    signal.throwIfAborted()
    if (hasCode(error, 'ENOENT')) return undefined
    log.warn(`the cached base system ${tar} is damaged: building a new one`)
    await Promise.all([tar, about].map((path) => rm(path, { force: true })))
    return undefined
  }
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
    await mkdir(work, { mode: 0o755 })
    const into = cache === undefined ? join(scratch, 'base.tar') : await placeIn(cache, name, context)
    try {
      await builder.build(request, { into, scratch: work, time }, context)
      const file = await open(into, 'r')
      if (cache !== undefined) await keep(cache, name, file, into, time, context)
      return { file, time, isFromCache: false }
    } catch (error) {
      await rm(into, { force: true })
      throw storageFailure(error, into)
    }
  })
  log.info(`built the base system in ${seconds(performance.now() - startedAt)}`)
  return base
}

async function placeIn(cache: string, name: string, context: Context): Promise<string> {
  await mkdir(cache, { recursive: true })
  await sweep(cache, context)
  await requireSpace(cache, expectedTarBytes, 'the cached base system')
  return markedName(join(cache, name))
}

// the description comes last: a tar file without one doesn't count
async function keep(
  cache: string,
  name: string,
  file: FileHandle,
  from: string,
  time: number,
  { clock, signal }: Context,
): Promise<void> {
  const sha256 = await digestOfHandle(file, signal)
  await file.sync()
  await rename(from, join(cache, `${name}.tar`))
  await syncFolder(cache)
  const about: v.InferOutput<typeof entrySchema> = {
    format: 1,
    sha256,
    time,
    madeAt: clock.now().toISOString(),
  }
  await writeAtomically(join(cache, `${name}.json`), `${JSON.stringify(about, null, 2)}\n`)
  for (const old of (await newestFirst(cache)).slice(kept)) {
    for (const suffix of ['json', 'tar']) await rm(join(cache, `${old}.${suffix}`), { force: true })
  }
}

/** Names of the entries (of one group, or all), the last used one first. */
async function newestFirst(cache: string, group = ''): Promise<string[]> {
  const names = (await readdir(cache).catch(() => [])).filter((name) =>
    /^[0-9a-f]{16}-[0-9a-z]{1,16}\.json$/.test(name),
  )
  const dated = await Promise.all(
    names
      .filter((name) => name.startsWith(group))
      .map(async (name) => ({
        name: name.slice(0, -'.json'.length),
        used: (await stat(join(cache, name))).mtimeMs,
      })),
  )
  return dated.sort((a, b) => b.used - a.used).map(({ name }) => name)
}

function nameOf(group: string, state: ArchiveState): string {
  return `${group}-${state.kind === 'known' ? hexOf(state.digest).slice(0, 16) : 'unknown'}`
}

async function digestOfHandle(file: FileHandle, signal: AbortSignal): Promise<Digest> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(1 << 20)
  for (let position = 0; ;) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) break
    hash.update(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
  return `sha256:${hash.digest('hex')}`
}
