// How each device of a deployment stands, and when that ends the deployment.
import * as v from 'valibot'
import { type Core, timestamp } from './core.ts'

const finalStatuses = [
  'success',
  'failure',
  'aborted',
  'noartifact',
  'already-installed',
  'decommissioned',
] as const
const pauses = ['pause_before_installing', 'pause_before_rebooting', 'pause_before_committing'] as const
const running = ['downloading', 'installing', 'rebooting', ...pauses] as const

const targetStatus = v.picklist(['pending', ...running, ...finalStatuses])
export type TargetStatus = v.InferOutput<typeof targetStatus>

/** What a device may say of itself. */
export const reportedStatus = v.picklist([...running, 'pending', 'success', 'failure', 'already-installed'])

/** Which statuses a filter's name stands for: one, or a group of them. */
export function statusesIn(name: string): readonly TargetStatus[] | undefined {
  if (name === 'pause') return pauses
  if (name === 'active') return ['pending', ...running]
  if (name === 'finished') return finalStatuses
  const one = v.safeParse(targetStatus, name)
  return one.success ? [one.output] : undefined
}

/** Whether a device in this status is done with the deployment. */
export function isFinal(status: TargetStatus): boolean {
  return finalStatuses.some((final) => final === status)
}

/** The columns of a target; `deployment` is the deployment's `seq`. */
export const targetRow = v.object({
  deployment: v.number(),
  device: v.string(),
  id: v.string(),
  status: targetStatus,
  substate: v.nullable(v.string()),
  is_taken: v.number(),
  created: v.string(),
  started: v.nullable(v.string()),
  finished: v.nullable(v.string()),
  request: v.nullable(v.string()),
  device_type: v.nullable(v.string()),
  artifact: v.nullable(v.string()),
  has_log: v.number(),
})
export type Target = v.InferOutput<typeof targetRow>

/** What to select for `targetRow`: everything but the log, which may be large. */
export const targetColumns = `deployment, device, id, status, substate, is_taken, created, started, finished, request,
  device_type, artifact, log IS NOT NULL AS has_log`

/** Sets a device's status in a deployment, and ends the deployment where it was the last. */
export function setStatus(
  core: Core,
  target: Pick<Target, 'deployment' | 'device'>,
  status: TargetStatus,
  substate: string | null = null,
): void {
  const now = timestamp()
  const final = isFinal(status)
  core.store.run(
    `UPDATE target SET status = ?, substate = ?, is_final = ?, is_taken = 1,
       started = coalesce(started, CASE WHEN ? IN ('pending', 'aborted', 'decommissioned') THEN NULL ELSE ? END),
       finished = ?
     WHERE deployment = ? AND device = ?`,
    status,
    substate,
    final ? 1 : 0,
    status,
    now,
    final ? now : null,
    target.deployment,
    target.device,
  )
  if (final) finishIfDone(core, target.deployment)
}

/** Ends a deployment that has no device left that could change. */
export function finishIfDone(core: Core, deployment: number): void {
  core.store.run(
    `UPDATE deployment SET finished = ? WHERE seq = ? AND finished IS NULL
       AND NOT EXISTS (SELECT 1 FROM target WHERE deployment = seq AND is_final = 0)`,
    timestamp(),
    deployment,
  )
}

/** Ends every order of a device that has not ended: `aborted` by a person, or `decommissioned` with the device. */
export function endAll(core: Core, device: string, status: 'aborted' | 'decommissioned'): void {
  core.store.transaction(() => {
    const open = core.store.all(
      targetRow,
      `SELECT ${targetColumns} FROM target WHERE device = ? AND is_final = 0`,
      device,
    )
    for (const target of open) setStatus(core, target, status)
  })
}

/**
 * How many devices have each status: the twelve of the API, and `decommissioned`. Those that have not asked are pending; of
 * a deployment that was ended as a whole they are none of it, as on the real server.
 */
export function statistics(core: Core, deployment: number): Record<TargetStatus, number> {
  const counts = Object.fromEntries(targetStatus.options.map((status) => [status, 0])) as Record<
    TargetStatus,
    number
  >
  const rows = core.store.all(
    v.object({ status: targetStatus, n: v.number() }),
    `SELECT status, count(*) AS n FROM target WHERE deployment = ? AND (is_taken = 1 OR is_final = 0) GROUP BY status`,
    deployment,
  )
  for (const { status, n } of rows) counts[status] = n
  return counts
}
