// Releases on a hawkBit server. Ours are distribution sets named after the release, with one software module and one file,
// for the device types that the module's metadata names. Those of others, whatever they are made of, count as releases
// `name:version` for the target types that hawkBit itself lets them go to.
import * as v from 'valibot'
import type { ArtifactFormat } from '../artifact/artifact.ts'
import { type Digest, Failure, canonicalJson, digestOf, isDigest } from '../platform/platform.ts'
import { forEach } from './at-a-time.ts'
import { type HawkbitClient, quoted } from './hawkbit-client.ts'
import { isOrder } from './hawkbit-orders.ts'
import {
  type DistributionSet,
  type ModuleArtifact,
  distributionSet,
  metadata,
  moduleArtifact,
} from './hawkbit-schemas.ts'
import { targetTypesFor } from './hawkbit-target-types.ts'
import type { Release, ReleaseArtifact } from './ota-server.ts'

/** What is kept as metadata of a software module of ours: the server itself knows nothing of it. */
export const keys = {
  contentDigest: 'drover.content-digest',
  sha256: 'drover.sha256',
  deviceTypes: 'drover.device-types',
  signed: 'drover.signed',
  provides: 'drover.provides',
  format: 'drover.format',
  /** Only of RAUC bundles: the one device type that they are for. */
  bundleFor: 'drover.rauc',
} as const

/** A release's artifact, and the distribution set that it is. */
export interface HawkbitArtifact extends ReleaseArtifact {
  set: DistributionSet
  files: readonly ModuleArtifact[]
  /** Digest of the file that it was made with. */
  sha256?: Digest | undefined
}

/** All releases, by name. */
export async function listReleases(client: HawkbitClient): Promise<Release[]> {
  const sets = await listSets(client)
  const byName = Map.groupBy(await forEach(sets, (set) => artifactOf(client, set)), ({ release }) => release)
  return [...byName]
    .map(([name, found]) => ({ name, artifacts: found.map(({ artifact }) => published(artifact)) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** One release; undefined where the server has none of this name. */
export async function findRelease(client: HawkbitClient, name: string): Promise<Release | undefined> {
  const artifacts = await findArtifacts(client, name)
  return artifacts.length === 0 ? undefined : { name, artifacts: artifacts.map(published) }
}

/** The artifacts of one release; empty where there are none. */
export async function findArtifacts(client: HawkbitClient, name: string): Promise<HawkbitArtifact[]> {
  const at = name.lastIndexOf(':')
  const sets = [
    ...(await listSets(client, `name==${quoted(name)}`)),
    ...(at < 1
      ? []
      : await listSets(client, `name==${quoted(name.slice(0, at))};version==${quoted(name.slice(at + 1))}`)),
  ]
  const found = await forEach(sets, (set) => artifactOf(client, set))
  return found.filter(({ release }) => release === name).map(({ artifact }) => artifact)
}

/** Distribution sets that can be ordered; those that are orders themselves are not. */
async function listSets(client: HawkbitClient, query?: string): Promise<DistributionSet[]> {
  const sets = await client.list('/distributionsets', { sort: 'id:ASC', query }, distributionSet)
  return sets.filter((set) => set.deleted !== true && set.valid !== false && !isOrder(set))
}

function published({ set, files, sha256, ...artifact }: HawkbitArtifact): ReleaseArtifact {
  void set
  void files
  void sha256
  return artifact
}

async function artifactOf(
  client: HawkbitClient,
  set: DistributionSet,
): Promise<{ release: string; artifact: HawkbitArtifact }> {
  const [module, ...more] = set.modules ?? []
  const facts = module && more.length === 0 ? await readModuleFacts(client, module.id) : undefined
  const files = await forEach(set.modules ?? [], (one) => listFiles(client, one.id))
  const all = files.flat()
  const common = {
    id: String(set.id),
    sizeBytes: all.reduce((sum, { size }) => sum + size, 0),
    set,
    files: all,
  }
  if (facts) return { release: set.name, artifact: { ...common, ...facts } }
  return {
    release: `${set.name}:${set.version}`,
    artifact: {
      ...common,
      deviceTypes: (await targetTypesFor(client, set.type ?? undefined)).compatible,
      isSigned: false,
      format: formatOf(all),
      contentDigest: digestOfFiles(all),
    },
  }
}

const provides = v.record(v.string(), v.string())
const formats = ['mender', 'swupdate', 'rauc'] as const
/** What tells a file's format, for RAUC's updater and for people. */
export const extensions = { mender: 'mender', swupdate: 'swu', rauc: 'raucb' } as const

type ModuleFacts = Pick<
  HawkbitArtifact,
  'contentDigest' | 'deviceTypes' | 'isSigned' | 'format' | 'provides' | 'sha256'
>

/** What the metadata of a module of ours says; undefined for another's. */
export async function readModuleFacts(client: HawkbitClient, id: number): Promise<ModuleFacts | undefined> {
  const page = v.object({ content: v.array(metadata) })
  const found = await client.find(`/softwaremodules/${id}/metadata`, page)
  const value = (key: string) => found?.content.find((one) => one.key === key)?.value ?? ''
  const contentDigest = value(keys.contentDigest)
  if (!isDigest(contentDigest)) return undefined
  const sha256 = value(keys.sha256)
  return {
    contentDigest,
    sha256: isDigest(sha256) ? sha256 : undefined,
    deviceTypes: textsIn(client, id, value(keys.deviceTypes)),
    isSigned: value(keys.signed) === 'true',
    format: formats.find((one) => one === value(keys.format)),
    provides: parsed(client, id, value(keys.provides) || '{}', provides),
  }
}

/** The files of a module. */
export async function listFiles(client: HawkbitClient, module: number): Promise<ModuleArtifact[]> {
  return (await client.find(`/softwaremodules/${module}/artifacts`, v.array(moduleArtifact))) ?? []
}

function textsIn(client: HawkbitClient, id: number, text: string): string[] {
  return parsed(client, id, text, v.array(v.string()))
}

function parsed<S extends v.GenericSchema>(
  client: HawkbitClient,
  id: number,
  text: string,
  schema: S,
): v.InferOutput<S> {
  try {
    return v.parse(schema, JSON.parse(text))
  } catch (error) {
    throw new Failure(
      'unexpected-reply',
      `${client.url}: the metadata drover.… of software module ${id} was changed by somebody: upload the release under a new name`,
      { cause: error },
    )
  }
}

/** The format of a single file, by its name: what others brought says nothing else of it. */
function formatOf(files: readonly ModuleArtifact[]): ArtifactFormat | undefined {
  const [file, ...more] = files
  if (file === undefined || more.length > 0) return undefined
  return formats.find((format) => file.providedFilename.endsWith(`.${extensions[format]}`))
}

/** What stands for the content of files that somebody else brought: the server knows only their own digests. */
function digestOfFiles(files: readonly ModuleArtifact[]): Digest {
  return digestOf(canonicalJson(files.map(({ hashes }) => (hashes.sha256 ?? '').toLowerCase()).sort()))
}
