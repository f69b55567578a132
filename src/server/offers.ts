// What a device gets when it asks for its next update, and what it says about it.
import * as v from 'valibot'
import { canonicalJson, oneLine } from '../platform/platform.ts'
import { type Artifact, findArtifact, fittingArtifact } from './artifacts.ts'
import type { Core } from './core.ts'
import { type Deployment, deploymentBySeq, findDeployment } from './deployments.ts'
import { Refusal, notFound } from './refusal.ts'
import {
  type Target,
  type TargetStatus,
  isFinal,
  reportedStatus,
  setStatus,
  targetColumns,
  targetRow,
} from './targets.ts'

/** What a device has: its artifact's name, its type, and whatever its updates provide. */
export const providesSchema = v.intersect([
  v.object({
    artifact_name: v.pipe(v.string(), v.minLength(1)),
    device_type: v.pipe(v.string(), v.minLength(1)),
  }),
  v.record(v.string(), v.string()),
])
export type Provides = v.InferOutput<typeof providesSchema>

export const reportSchema = v.object({
  status: reportedStatus,
  substate: v.optional(v.pipe(v.string(), v.maxLength(4096))),
})

export const logSchema = v.object({
  messages: v.array(v.object({ timestamp: v.string(), level: v.string(), message: v.string() })),
})

/** An update for a device: the deployment's id and the artifact that it shall install. */
export interface Offer {
  deployment: Deployment
  artifact: Artifact
}

/**
 * The device's oldest open order that was made after its last ended one, or undefined. An order that needs nothing of the
 * device (installed already, no artifact for it) ends right here. Throws a 409 where the device has changed in the middle.
 */
export function nextOffer(core: Core, device: string, provides: Provides): Offer | undefined {
  const result = core.store.transaction(() => decide(core, device, provides))
  if (result === 'conflict') throw new Refusal(409, 'the device has changed in the middle of a deployment')
  return result
}

/**
 * Stores what a device says of its update. The same again changes nothing; what has ended stays ended, and a device that
 * says otherwise gets a 409, which makes it stop and go back.
 */
export function report(
  core: Core,
  device: string,
  id: string,
  { status, substate }: v.InferOutput<typeof reportSchema>,
): void {
  core.store.transaction(() => {
    const deployment = findDeployment(core, id)
    const target = findTarget(core, deployment, device)
    const isRepeated = target.status === status && (isFinal(status) || target.substate === (substate ?? null))
    if (isRepeated) return
    if (isFinal(target.status))
      throw new Refusal(409, `the deployment has ended for this device: ${target.status}`)
    setStatus(core, target, status, substate ?? null)
    if (target.status !== status) tell(core, device, deployment, status)
  })
}

/** Stores a device's log of a deployment in place of the one before. */
export function storeLog(
  core: Core,
  device: string,
  id: string,
  { messages }: v.InferOutput<typeof logSchema>,
): void {
  const deployment = findDeployment(core, id)
  const target = findTarget(core, deployment, device)
  const text = messages.map((line) => `${line.timestamp} ${line.level}: ${line.message}\n`).join('')
  core.store.run(
    `UPDATE target SET log = ? WHERE deployment = ? AND device = ?`,
    text,
    target.deployment,
    target.device,
  )
}

/** A device's log of a deployment as text; throws a 404 where there is none. */
export function readLog(core: Core, device: string, id: string): string {
  const { seq } = findDeployment(core, id)
  const sql = `SELECT log FROM target WHERE deployment = ? AND device = ?`
  const found = core.store.get(v.object({ log: v.nullable(v.string()) }), sql, seq, device)
  if (typeof found?.log !== 'string') throw notFound('log')
  return found.log
}

/** A device's part in a deployment; throws a 404 where it has none. */
function findTarget(core: Core, deployment: Deployment, device: string): Target {
  const found = core.store.get(
    targetRow,
    `SELECT ${targetColumns} FROM target WHERE deployment = ? AND device = ?`,
    deployment.seq,
    device,
  )
  if (!found) throw notFound('deployment')
  return found
}

function openOrder(core: Core, device: string): Target | undefined {
  return core.store.get(
    targetRow,
    `SELECT ${targetColumns} FROM target WHERE device = ? AND is_final = 0 AND deployment > coalesce(
       (SELECT max(deployment) FROM target WHERE device = ? AND is_final = 1 AND is_forgotten = 0), 0)
     ORDER BY deployment LIMIT 1`,
    device,
    device,
  )
}

function decide(core: Core, device: string, provides: Provides): Offer | 'conflict' | undefined {
  const target = openOrder(core, device)
  if (!target) return undefined
  const deployment = deploymentBySeq(core, target.deployment)
  const end = (status: TargetStatus) => {
    setStatus(core, target, status)
    tell(core, device, deployment, status)
  }
  // also a device that installed it and whose report was lost
  if (provides.artifact_name === deployment.artifact_name && deployment.is_forced === 0) {
    end('already-installed')
    return undefined
  }
  const request = canonicalJson(provides)
  if (target.request !== null && target.request !== request) {
    end('failure')
    return 'conflict'
  }
  const artifact = artifactFor(core, target, deployment, provides)
  if (!artifact) {
    end('noartifact')
    return undefined
  }
  core.store.run(
    `UPDATE target SET is_taken = 1, request = ?, device_type = ?, artifact = ?
     WHERE deployment = ? AND device = ?`,
    request,
    provides.device_type,
    artifact.id,
    target.deployment,
    target.device,
  )
  if (target.is_taken === 0) tell(core, device, deployment, 'took it')
  return { deployment, artifact }
}

/** The artifact that the device was offered before, while it is there; else the one that fits it. */
function artifactFor(
  core: Core,
  target: Target,
  deployment: Deployment,
  provides: Provides,
): Artifact | undefined {
  const isThere = target.artifact !== null && isArtifact(core, target.artifact)
  return isThere && target.artifact !== null
    ? findArtifact(core, target.artifact)
    : fittingArtifact(core, deployment.artifact_name, provides)
}

function isArtifact(core: Core, id: string): boolean {
  return core.store.count(`SELECT count(*) AS n FROM artifact WHERE id = ?`, id) > 0
}

function tell(core: Core, device: string, { name, id }: Deployment, what: string): void {
  core.log.info(`device ${device}: deployment ${oneLine(name)} (${id}): ${what}`)
}
