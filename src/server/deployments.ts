// Deployments as the management API orders and lists them.
import * as v from 'valibot'
import { canonicalJson, counted, digestOf, oneLine } from '../platform/platform.ts'
import { artifactView, findArtifact, listArtifacts } from './artifacts.ts'
import { type Core, newId, timestamp } from './core.ts'
import type { Page } from './paging.ts'
import { Refusal, notFound } from './refusal.ts'
import {
  type Target,
  type TargetStatus,
  finishIfDone,
  statistics,
  targetColumns,
  targetRow,
} from './targets.ts'

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(256))

/** What an order says; unknown fields are ignored, as the real server does. */
export const orderSchema = v.object({
  name,
  artifact_name: name,
  devices: v.optional(v.pipe(v.array(name), v.maxLength(20_000)), []),
  all_devices: v.optional(v.boolean(), false),
  force_installation: v.optional(v.boolean(), false),
})
export type Order = v.InferOutput<typeof orderSchema>

const deploymentRow = v.object({
  seq: v.number(),
  id: v.string(),
  name: v.string(),
  artifact_name: v.string(),
  groups: v.pipe(v.string(), v.parseJson(), v.array(v.string())),
  is_forced: v.number(),
  max_devices: v.number(),
  created: v.string(),
  finished: v.nullable(v.string()),
})
export type Deployment = v.InferOutput<typeof deploymentRow>

/** Which deployments a list wants; every condition must hold. Times are in seconds since 1970. */
export interface DeploymentFilter {
  ids: readonly string[]
  names: readonly string[]
  search: string | undefined
  status: string | undefined
  createdAfter: number | undefined
  createdBefore: number | undefined
  isAscending: boolean
}

/**
 * Places an order for a fixed list of devices and returns the deployment's id. Throws a 422 where the release has no
 * artifact and a 409 where an unfinished deployment was made by the same order.
 */
export function createDeployment(
  core: Core,
  order: Order,
  devices: readonly string[],
  group?: string,
): string {
  const constructor = digestOf(canonicalJson({ ...order, devices: [...order.devices].sort(), group }))
  return core.store.transaction(() => {
    if (listArtifacts(core, { names: [order.artifact_name] }).length === 0)
      throw new Refusal(422, 'No artifact for the deployment')
    if (isUnfinished(core, constructor))
      throw new Refusal(409, 'an active deployment with the same parameters already exists')
    const id = newId()
    const created = timestamp()
    const targets = [...new Set(devices)]
    core.store.run(
      `INSERT INTO deployment (id, name, artifact_name, constructor, groups, is_forced, max_devices, created)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      order.name,
      order.artifact_name,
      constructor,
      JSON.stringify(group === undefined ? [] : [group]),
      order.force_installation ? 1 : 0,
      targets.length,
      created,
    )
    const { seq } = findDeployment(core, id)
    for (const device of targets) {
      core.store.run(
        `INSERT INTO target (deployment, device, id, status, created) VALUES (?, ?, ?, 'pending', ?)`,
        seq,
        device,
        newId(),
        created,
      )
    }
    core.log.info(
      `deployment ${oneLine(order.name)} (${id}): ${oneLine(order.artifact_name)} to ${counted(targets.length, 'device')}`,
    )
    return id
  })
}

/** A deployment by its id; throws a 404. */
export function findDeployment(core: Core, id: string): Deployment {
  const found = core.store.get(deploymentRow, `SELECT * FROM deployment WHERE id = ?`, id)
  if (!found) throw notFound('deployment')
  return found
}

/** Those of these ids that there are, the oldest first. */
export function deploymentsById(core: Core, ids: readonly string[]): Deployment[] {
  const sql = `SELECT * FROM deployment WHERE id IN (${marks(ids)}) ORDER BY seq`
  return core.store.all(deploymentRow, sql, ...ids)
}

/** A deployment by the number that targets know it by. */
export function deploymentBySeq(core: Core, seq: number): Deployment {
  const found = core.store.get(deploymentRow, `SELECT * FROM deployment WHERE seq = ?`, seq)
  if (!found) throw notFound('deployment')
  return found
}

/** A page of deployments, newest first unless asked otherwise. */
export function listDeployments(
  core: Core,
  filter: DeploymentFilter,
  page: Page,
): { deployments: Deployment[]; total: number } {
  const { where, values } = conditions(filter)
  const order = filter.isAscending ? 'ASC' : 'DESC'
  return {
    total: core.store.count(`SELECT count(*) AS n FROM deployment WHERE ${where}`, ...values),
    deployments: core.store.all(
      deploymentRow,
      `SELECT * FROM deployment WHERE ${where} ORDER BY seq ${order} LIMIT ? OFFSET ?`,
      ...values,
      page.perPage,
      page.offset,
    ),
  }
}

/** Ends a deployment: devices that run it are told at their next report. Throws a 422 where it has ended already. */
export function abortDeployment(core: Core, id: string): void {
  core.store.transaction(() => {
    const { seq, finished, name } = findDeployment(core, id)
    if (finished !== null) throw new Refusal(422, 'Deployment already finished')
    core.store.run(
      `UPDATE target SET status = 'aborted', is_final = 1, finished = ? WHERE deployment = ? AND is_final = 0`,
      timestamp(),
      seq,
    )
    finishIfDone(core, seq)
    core.log.info(`deployment ${oneLine(name)} (${id}): aborted`)
  })
}

/** A deployment in the API's form. */
export function deploymentView(core: Core, deployment: Deployment): Record<string, unknown> {
  const counts = statistics(core, deployment.seq)
  const size = core.store.get(
    v.object({ total: v.nullable(v.number()) }),
    `SELECT sum(artifact.size) AS total FROM target JOIN artifact ON artifact.id = target.artifact
     WHERE target.deployment = ?`,
    deployment.seq,
  )
  return {
    id: deployment.id,
    name: deployment.name,
    artifact_name: deployment.artifact_name,
    status: statusOf(deployment, counts),
    created: deployment.created,
    ...(deployment.finished === null ? {} : { finished: deployment.finished }),
    device_count: core.store.count(
      `SELECT count(*) AS n FROM target WHERE deployment = ? AND is_taken = 1`,
      deployment.seq,
    ),
    max_devices: deployment.max_devices,
    initial_device_count: deployment.max_devices,
    artifacts: listArtifacts(core, { names: [deployment.artifact_name] }).map(({ id }) => id),
    groups: deployment.groups,
    type: 'software',
    force_installation: deployment.is_forced === 1,
    statistics: { status: counts, total_size: size?.total ?? 0 },
  }
}

/** One device of a deployment in the API's form. */
export function targetView(core: Core, target: Target): Record<string, unknown> {
  return {
    id: target.device,
    status: target.status,
    ...(target.substate === null ? {} : { substate: target.substate }),
    created: target.created,
    ...(target.started === null ? {} : { started: target.started }),
    ...(target.finished === null ? {} : { finished: target.finished }),
    ...(target.device_type === null ? {} : { device_type: target.device_type }),
    log: target.has_log === 1,
    ...imageOf(core, target.artifact),
  }
}

/** A page of a deployment's devices that took it up, by status where given. */
export function listTargets(
  core: Core,
  deployment: number,
  statuses: readonly TargetStatus[] | undefined,
  page: Page | undefined,
): { targets: Target[]; total: number } {
  const status = statuses ? `AND status IN (${statuses.map(() => '?').join(', ')})` : ''
  const where = `WHERE deployment = ? AND is_taken = 1 ${status}`
  const values = [deployment, ...(statuses ?? [])]
  const limit = page ? `LIMIT ${page.perPage} OFFSET ${page.offset}` : ''
  return {
    total: core.store.count(`SELECT count(*) AS n FROM target ${where}`, ...values),
    targets: core.store.all(
      targetRow,
      `SELECT ${targetColumns} FROM target ${where} ORDER BY device ${limit}`,
      ...values,
    ),
  }
}

function statusOf(deployment: Deployment, counts: Record<TargetStatus, number>): string {
  if (deployment.finished !== null) return 'finished'
  const isBegun = Object.entries(counts).some(([status, n]) => status !== 'pending' && n > 0)
  return isBegun ? 'inprogress' : 'pending'
}

function isUnfinished(core: Core, constructor: string): boolean {
  const sql = `SELECT count(*) AS n FROM deployment WHERE constructor = ? AND finished IS NULL`
  return core.store.count(sql, constructor) > 0
}

function imageOf(core: Core, artifact: string | null): Record<string, unknown> {
  if (artifact === null) return {}
  try {
    const { id, size, modified, description, ...meta } = artifactView(findArtifact(core, artifact))
    return { image: { id, size, modified, meta: { description }, meta_artifact: meta } }
  } catch (error) {
    if (error instanceof Refusal) return {} // removed since
    throw error
  }
}

function conditions(filter: DeploymentFilter): { where: string; values: (string | number)[] } {
  const parts = ['1']
  const values: (string | number)[] = []
  const add = (sql: string, ...given: (string | number)[]) => {
    parts.push(sql)
    values.push(...given)
  }
  if (filter.ids.length > 0) add(`id IN (${marks(filter.ids)})`, ...filter.ids)
  if (filter.names.length > 0) add(`name IN (${marks(filter.names)})`, ...filter.names)
  if (filter.search !== undefined)
    add(`(instr(name, ?) > 0 OR instr(artifact_name, ?) > 0)`, filter.search, filter.search)
  if (filter.createdAfter !== undefined) add(`created >= ?`, isoOf(filter.createdAfter))
  if (filter.createdBefore !== undefined) add(`created <= ?`, isoOf(filter.createdBefore))
  const begun = `EXISTS (SELECT 1 FROM target WHERE deployment = seq AND is_taken = 1 AND status <> 'pending')`
  if (filter.status === 'finished') add(`finished IS NOT NULL`)
  if (filter.status === 'inprogress') add(`finished IS NULL AND ${begun}`)
  if (filter.status === 'pending') add(`finished IS NULL AND NOT ${begun}`)
  return { where: parts.join(' AND '), values }
}

const marks = (values: readonly unknown[]) => values.map(() => '?').join(', ')
const isoOf = (seconds: number) => new Date(seconds * 1000).toISOString()
