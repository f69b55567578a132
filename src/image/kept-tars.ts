// Tar files of root file systems in a folder that several builds may share, each under a name that says what it was made
// of, with its SHA-256 beside it. Hides how they get there whole, and how many stay.
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import * as v from 'valibot'
import {
  type Context,
  type Digest,
  Failure,
  hasCode,
  markedName,
  readYaml,
  sweep,
  syncFolder,
  writeAtomically,
} from '../platform/platform.ts'
import { requireSpace } from './scratch.ts'

/** So many stay in a folder, the last used ones. */
const kept = 6
const expectedTarBytes = 400 << 20

const entrySchema = v.strictObject({
  format: v.literal(1),
  sha256: v.pipe(v.string(), v.startsWith('sha256:')),
  time: v.number(),
  madeAt: v.string(),
})

/** A tar file that is open for reading; whoever got it closes `file`. */
export interface KeptTar {
  file: FileHandle
  /** Seconds since 1970, as it was given to `keepTar`. */
  time: number
}

/** The paths of all that is kept under `name`. */
export function keptFiles(folder: string, name: string): [tar: string, about: string] {
  return [join(folder, `${name}.tar`), join(folder, `${name}.json`)]
}

/** The file kept under `name` (two words of digits and letters with a dash), if it is there, whole, and not older than `maxAgeMs`. */
export async function openKept(
  folder: string,
  name: string,
  maxAgeMs: number,
  { log, signal, clock }: Context,
): Promise<KeptTar | undefined> {
  const [tar, about] = keptFiles(folder, name)
  let file: FileHandle | undefined
  try {
    const { value } = await readYaml(about, entrySchema)
    file = await open(tar, 'r')
    if (clock.now().getTime() - Date.parse(value.madeAt) > maxAgeMs) {
      await file.close()
      return undefined
    }
    if ((await digestOfHandle(file, signal)) === value.sha256) {
      await utimes(about, clock.now(), clock.now()).catch(() => {}) // a cache may be read-only
      return { file, time: value.time }
    }
    throw new Failure('build-failed', `${tar} is damaged`)
  } catch (error) {
    await file?.close()
    signal.throwIfAborted()
    if (hasCode(error, 'ENOENT')) return undefined
    log.warn(`the cached file system ${tar} is damaged: making a new one`)
    await Promise.all([tar, about].map((path) => rm(path, { force: true })))
    return undefined
  }
}

/** A path in `folder`, made where it is missing, for a tar file in the making. Throws `disk-full`. */
export async function placeIn(folder: string, name: string, context: Context): Promise<string> {
  await mkdir(folder, { recursive: true })
  await sweep(folder, context)
  await requireSpace(folder, expectedTarBytes, 'the cached file system')
  return markedName(join(folder, name))
}

/** Keeps the file at `from`, open as `file`, under `name`, and removes the oldest of too many. */
export async function keepTar(
  folder: string,
  name: string,
  { file, from, time }: { file: FileHandle; from: string; time: number },
  { clock, signal }: Context,
): Promise<void> {
  const sha256 = await digestOfHandle(file, signal)
  await file.sync()
  await rename(from, join(folder, `${name}.tar`))
  await syncFolder(folder)
  const about: v.InferOutput<typeof entrySchema> = {
    format: 1,
    sha256,
    time,
    madeAt: clock.now().toISOString(),
  }
  // the description comes last: a tar file without one doesn't count
  await writeAtomically(join(folder, `${name}.json`), `${JSON.stringify(about, null, 2)}\n`)
  for (const old of (await newestFirst(folder)).slice(kept)) {
    for (const suffix of ['json', 'tar']) await rm(join(folder, `${old}.${suffix}`), { force: true })
  }
}

/** Names of what is kept (those that begin with `group`, or all), the last used one first. */
export async function newestFirst(folder: string, group = ''): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) =>
    /^[0-9a-f]{16}-[0-9a-z]{1,16}\.json$/.test(name),
  )
  const dated = await Promise.all(
    names
      .filter((name) => name.startsWith(group))
      .map(async (name) => ({
        name: name.slice(0, -'.json'.length),
        used: (await stat(join(folder, name))).mtimeMs,
      })),
  )
  return dated.sort((a, b) => b.used - a.used).map(({ name }) => name)
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
