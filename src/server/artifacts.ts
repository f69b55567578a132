// Artifacts as the management API lists them, and what makes two of them the same.
import * as v from 'valibot'
import type { ArtifactInfo, Depends } from '../artifact/artifact.ts'
import { canonicalJson, hexOf } from '../platform/platform.ts'
import { type Core, timestamp } from './core.ts'
import type { Page } from './paging.ts'
import { Refusal, notFound } from './refusal.ts'

/** The 409 of a duplicate, in the words that clients look for. */
const duplicateText = 'an artifact with the same name and depends already exists'
const maxCombinations = 1000

const dependsSchema = v.record(v.string(), v.array(v.string()))
const row = v.object({
  id: v.string(),
  name: v.string(),
  description: v.string(),
  sha256: v.string(),
  size: v.number(),
  device_types: v.pipe(v.string(), v.parseJson(), v.array(v.string())),
  depends: v.pipe(v.string(), v.parseJson(), dependsSchema),
  content: v.pipe(
    v.string(),
    v.parseJson(),
    v.object({
      info: v.object({ format: v.string(), version: v.number() }),
      signed: v.boolean(),
      updates: v.array(v.unknown()),
      artifact_provides: v.record(v.string(), v.string()),
      clears_artifact_provides: v.array(v.string()),
    }),
  ),
  modified: v.string(),
})

export type Artifact = v.InferOutput<typeof row>

/** Which artifacts a list wants; every condition must hold. */
export interface ArtifactFilter {
  names?: readonly string[] | undefined
  namePrefix?: string | undefined
  description?: string | undefined
  deviceType?: string | undefined
}

/** An artifact in the API's form. `meta_data` is the list that older clients decode, `metadata` the same as a map. */
export function artifactView({ content, depends, ...artifact }: Artifact): Record<string, unknown> {
  return {
    id: artifact.id,
    name: artifact.name,
    description: artifact.description,
    device_types_compatible: artifact.device_types,
    info: content.info,
    signed: content.signed,
    updates: content.updates,
    artifact_provides: content.artifact_provides,
    artifact_depends: depends,
    clears_artifact_provides: content.clears_artifact_provides,
    size: artifact.size,
    modified: artifact.modified,
  }
}

/** Stores what an upload brought; its file is kept already. Throws a 409 where the release has its like. */
export function insertArtifact(core: Core, id: string, description: string, info: ArtifactInfo): void {
  const depends = dependsOf(info)
  const now = timestamp()
  core.store.transaction(() => {
    refuseDuplicate(core, id, info)
    core.store.run(
      `INSERT INTO artifact (id, name, description, sha256, size, device_types, depends, content, modified)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      info.name,
      description,
      hexOf(info.sha256),
      info.sizeBytes,
      JSON.stringify(info.deviceTypes),
      JSON.stringify(depends),
      JSON.stringify(contentOf(info, now)),
      now,
    )
    for (const fit of combinations(depends))
      core.store.run(
        `INSERT INTO artifact_fit (name, depends, artifact) VALUES (?, ?, ?)`,
        info.name,
        fit,
        id,
      )
  })
}

/** An artifact by its id; throws a 404. */
export function findArtifact(core: Core, id: string): Artifact {
  const found = core.store.get(row, `SELECT * FROM artifact WHERE id = ?`, id)
  if (!found) throw notFound('artifact')
  return found
}

/** How a list of artifacts may be ordered; those that are equal come oldest first. */
export const artifactOrder = v.picklist(['name:asc', 'name:desc', 'modified:asc', 'modified:desc'])
export type ArtifactOrder = v.InferOutput<typeof artifactOrder>

/** Artifacts that `filter` fits, oldest first unless another order is given; all, or one page. */
export function listArtifacts(
  core: Core,
  filter: ArtifactFilter,
  page?: Page,
  order?: ArtifactOrder,
): Artifact[] {
  const { where, values } = conditions(filter)
  const limit = page ? `LIMIT ${page.perPage} OFFSET ${page.offset}` : ''
  const by = order === undefined ? 'seq' : `${order.replace(':', ' ')}, seq`
  return core.store.all(row, `SELECT * FROM artifact WHERE ${where} ORDER BY ${by} ${limit}`, ...values)
}

/** How many artifacts `filter` fits. */
export function countArtifacts(core: Core, filter: ArtifactFilter): number {
  const { where, values } = conditions(filter)
  return core.store.count(`SELECT count(*) AS n FROM artifact WHERE ${where}`, ...values)
}

/**
 * The newest artifact of a release that fits a device's type and everything else it must have; undefined where none does.
 */
export function fittingArtifact(
  core: Core,
  name: string,
  provides: Readonly<Record<string, string>>,
): Artifact | undefined {
  const all = core.store.all(row, `SELECT * FROM artifact WHERE name = ? ORDER BY seq DESC`, name)
  return all.find(({ depends }) =>
    Object.entries(depends).every(([key, allowed]) => allowed.includes(provides[key] ?? '')),
  )
}

/** Removes an artifact and its file. Throws a 409 while an unfinished deployment may hand it out. */
export async function deleteArtifact(core: Core, id: string): Promise<void> {
  await core.files.exclusively(async () => {
    const { name, sha256 } = findArtifact(core, id)
    if (
      core.store.count(
        `SELECT count(*) AS n FROM deployment WHERE artifact_name = ? AND finished IS NULL`,
        name,
      )
    )
      throw new Refusal(409, 'artifact is used in active deployment')
    // the row first: a row without its file must never be seen
    core.store.transaction(() => {
      core.store.run(`DELETE FROM artifact WHERE id = ?`, id)
      core.store.run(
        `DELETE FROM release_note WHERE name = ? AND NOT EXISTS (SELECT 1 FROM artifact WHERE name = ?)`,
        name,
        name,
      )
    })
    if (core.store.count(`SELECT count(*) AS n FROM artifact WHERE sha256 = ?`, sha256) === 0)
      await core.files.remove(sha256)
  })
}

/** Throws the 409 that `insertArtifact` would. */
export function refuseDuplicate(core: Core, id: string, info: ArtifactInfo): void {
  if (core.store.count(`SELECT count(*) AS n FROM artifact WHERE id = ?`, id) > 0)
    throw new Refusal(409, 'an artifact with this artifact_id already exists')
  for (const fit of combinations(dependsOf(info))) {
    if (
      core.store.count(
        `SELECT count(*) AS n FROM artifact_fit WHERE name = ? AND depends = ?`,
        info.name,
        fit,
      )
    )
      throw new Refusal(409, duplicateText, {
        details: { metadata: { conflict: [{ artifact_name: info.name, ...checkedJson(fit) }] } },
      })
  }
}

function checkedJson(text: string): Record<string, string> {
  return v.parse(v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string())), text)
}

function contentOf(info: ArtifactInfo, now: string) {
  return {
    info: { format: info.format, version: info.version },
    signed: info.signature !== 'none',
    updates: info.payloads.map((payload) => ({
      type_info: { type: payload.type },
      files: payload.files.map(({ name, checksum, sizeBytes, date }) => ({
        name,
        checksum,
        size: sizeBytes,
        date: date ?? now,
      })),
      meta_data: Object.keys(payload.metaData).length === 0 ? [] : [payload.metaData],
      metadata: payload.metaData,
    })),
    artifact_provides: info.provides,
    clears_artifact_provides: info.clearsProvides,
  }
}

function dependsOf(info: ArtifactInfo): Record<string, string[]> {
  const all: Depends = { ...info.depends, device_type: info.deviceTypes }
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => [key, typeof value === 'string' ? [value] : [...value]]),
  )
}

/** Every device that could be meant, one by one: each way to choose one value for each key, as sorted JSON. */
function combinations(depends: Record<string, string[]>): string[] {
  let all: Record<string, string>[] = [{}]
  for (const [key, values] of Object.entries(depends)) {
    all = all.flatMap((chosen) => [...new Set(values)].map((value) => ({ ...chosen, [key]: value })))
    if (all.length > maxCombinations)
      throw new Refusal(400, `the artifact depends on more than ${maxCombinations} combinations of values`)
  }
  return all.map(canonicalJson)
}

function conditions(filter: ArtifactFilter): { where: string; values: string[] } {
  const parts = ['1']
  const values: string[] = []
  if (filter.names && filter.names.length > 0) {
    parts.push(`name IN (${filter.names.map(() => '?').join(', ')})`)
    values.push(...filter.names)
  }
  if (filter.namePrefix !== undefined) {
    parts.push(`substr(name, 1, length(?)) = ?`)
    values.push(filter.namePrefix, filter.namePrefix)
  }
  if (filter.description !== undefined) {
    parts.push(`instr(description, ?) > 0`)
    values.push(filter.description)
  }
  if (filter.deviceType !== undefined) {
    parts.push(`EXISTS (SELECT 1 FROM json_each(device_types) WHERE value = ?)`)
    values.push(filter.deviceType)
  }
  return { where: parts.join(' AND '), values }
}
