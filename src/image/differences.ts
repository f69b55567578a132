// Which packages came, went or changed since the build before.
import { join } from 'node:path'
import * as v from 'valibot'
import { type Context, Failure, messageOf, readYaml, writeAtomically } from '../platform/platform.ts'
import { type ImageFacts, manifestOf } from './packages.ts'

/** Packages of two builds of one recipe, architecture and variant, compared; each list by name. */
export interface PackageDifferences {
  /** The release that this one is compared with. */
  since: string
  added: readonly { name: string; version: string }[]
  removed: readonly { name: string; version: string }[]
  changed: readonly { name: string; from: string; to: string }[]
}

const kept = v.object({
  release: v.string(),
  packages: v.array(v.object({ name: v.string(), version: v.string(), architecture: v.string() })),
})
type Kept = v.InferOutput<typeof kept>

/**
 * Compares an image with the last one of another name that the cache knows, and keeps it there for the next. Undefined
 * where there is no cache, or nothing in it that can be read.
 */
export async function differencesFromLast(
  facts: ImageFacts,
  cache: string | undefined,
  { log }: Context,
): Promise<PackageDifferences | undefined> {
  if (cache === undefined) return undefined
  const folder = join(cache, 'manifests')
  const name = [facts.recipe, facts.architecture, facts.variant ?? 'plain'].join('_')
  const [last, before] = [join(folder, `${name}.json`), join(folder, `${name}.before.json`)]
  const [newest, older] = [await readKept(last), await readKept(before)]
  // a build that is repeated is compared with the same one again
  if (newest?.release === facts.release) return older && differences(older, facts)
  try {
    // another build may do the same at this moment: each file is whole, and either is one of the last
    if (newest) await writeAtomically(before, JSON.stringify(newest))
    await writeAtomically(last, JSON.stringify(manifestOf(facts)))
  } catch (error) {
    log.warn(`the next build can't say what changed in the packages: ${messageOf(error)}`)
  }
  return newest && differences(newest, facts)
}

async function readKept(path: string): Promise<Kept | undefined> {
  try {
    return (await readYaml(path, kept)).value
  } catch (error) {
    // another version may have written it: it is only a memory
    if (error instanceof Failure) return undefined
    throw error
  }
}

function differences(before: Kept, facts: ImageFacts): PackageDifferences {
  const key = ({ name, architecture }: { name: string; architecture: string }) =>
    architecture === 'all' || architecture === facts.architecture ? name : `${name}:${architecture}`
  const versions = (packages: Kept['packages'] | ImageFacts['packages']) =>
    new Map(packages.map((one) => [key(one), one.version] as const))
  const [then, now] = [versions(before.packages), versions(facts.packages)]
  const only = (here: ReadonlyMap<string, string>, there: ReadonlyMap<string, string>) =>
    [...here].flatMap(([name, version]) => (there.has(name) ? [] : [{ name, version }]))
  return {
    since: before.release,
    added: only(now, then),
    removed: only(then, now),
    changed: [...now].flatMap(([name, to]) => {
      const from = then.get(name)
      return from === undefined || from === to ? [] : [{ name, from, to }]
    }),
  }
}
