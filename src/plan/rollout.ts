// A rollout brings a stage to one release. It has no state of its own: its orders are found on the server again by names
// that follow from stage, content, introducing commit and attempt.
import type { Gate } from '../fleet/fleet.ts'
import type { Deployment, DeviceFacts, OtaServer } from '../ota/ota.ts'
import { isOpenState } from '../ota/ota.ts'
import { type Digest, digestOf, hexOf } from '../platform/platform.ts'
import type { Outcome } from './gate.ts'
import type { Commit } from './git.ts'
import { isFresh } from './limits.ts'

export interface Rollout {
  /** `stage/digest/commit`, as `retry` in fleet.yml names it. */
  id: string
  release: string
  commit: Commit
  /** From 1; raised by `retry`. */
  attempt: number
  /** The content digest of the artifact that brings a device there. */
  content: Digest
}

/** An order of a rollout that stands on the server. */
export interface Placed {
  attempt: number
  wave: number
  /** A wave has more than one order where devices came later, or there are very many. */
  part: number
  deployment: Deployment
}

const maxNameLength = 256
const hexDigits = 12

/** The id of the rollout of `content` in `stage` that `commit` introduced. */
export function rolloutId(stage: string, content: Digest, commit: string): string {
  return `${shortStage(stage)}/${hexOf(content).slice(0, hexDigits)}/${commit.slice(0, hexDigits)}`
}

/** The name of an order: the same for the same step, and never used for another one. At most 256 characters. */
export function orderName(rollout: Rollout, attempt: number, wave: number, part: number): string {
  return `drover/${rollout.id}/${attempt}/w${wave}${part > 1 ? `.${part}` : ''}`
}

/** Whether an order is one of ours for this stage. */
export function isOrderOf(stage: string, name: string): boolean {
  return name.startsWith(`drover/${shortStage(stage)}/`)
}

/** Parts of a wave that are asked for at once; few waves have more. */
const partsAtOnce = 2

/** Finds all orders of a rollout, of all its attempts, by their names; the oldest first. */
export async function findPlaced(server: OtaServer, rollout: Rollout, waveCount: number): Promise<Placed[]> {
  const placed: Placed[] = []
  let steps = Array.from({ length: rollout.attempt }, (_a, a) =>
    Array.from({ length: waveCount }, (_w, w) => ({ attempt: a + 1, wave: w + 1 })),
  ).flat()
  for (let first = 1; steps.length > 0; first += partsAtOnce) {
    const asked = steps.flatMap((step) =>
      Array.from({ length: partsAtOnce }, (_, i) => ({ ...step, part: first + i })),
    )
    const nameOf = ({ attempt, wave, part }: Omit<Placed, 'deployment'>) =>
      orderName(rollout, attempt, wave, part)
    const found = await server.findDeployments(asked.map(nameOf))
    for (const one of asked) {
      const deployment = found.get(nameOf(one))
      if (deployment) placed.push({ ...one, deployment })
    }
    // a part is placed only where all before it are
    steps = steps.filter((step) => found.has(nameOf({ ...step, part: first + partsAtOnce - 1 })))
  }
  // a device that moved to an earlier wave has its newest order there
  return placed.sort((a, b) => Date.parse(a.deployment.createdAt) - Date.parse(b.deployment.createdAt))
}

/** Facts younger than the end of an order by this much are the device's own word after it. */
const reportMarginMs = 5 * 60_000

/**
 * How a device stands in its rollout. An order's "success" alone is none: only the device's own facts are, and facts that
 * contradict it are a failure.
 */
export function outcomeOf(
  facts: DeviceFacts,
  rollout: Rollout,
  placed: readonly Placed[],
  gate: Gate,
  now: Date,
): Outcome {
  const own = placed.filter(({ deployment }) => deployment.devices.has(facts.id))
  const last = own.at(-1)
  const state = last?.deployment.devices.get(facts.id)
  if (state !== undefined && isOpenState(state)) return { kind: 'pending' }
  const reportedAt = facts.reportedAt === undefined ? 0 : Date.parse(facts.reportedAt)
  const finishedAt = last?.deployment.finishedAt?.get(facts.id)
  if (facts.release === rollout.release) {
    if (!isFresh(facts.reportedAt, gate.factsYoungerThanMs, now)) return { kind: 'pending' }
    // it had the release before, too: what it reported before the order failed doesn't tell what it runs now
    const isOlder = finishedAt !== undefined && reportedAt < Date.parse(finishedAt)
    if (state === 'failure' && isOlder) return { kind: 'pending' }
    // a server that doesn't tell when it was done gives no evidence of a soak
    return { kind: 'success', since: last ? new Date(finishedAt ?? now) : rollout.commit.at }
  }
  if (!last || state === undefined || last.attempt !== rollout.attempt) return { kind: 'not-ordered' }
  const deployment = last.deployment.id
  if (state === 'aborted' || state === 'decommissioned') return { kind: 'aborted', deployment }
  if (state === 'failure') return { kind: 'failure', deployment, why: 'the update failed' }
  if (state === 'no-artifact')
    return { kind: 'failure', deployment, why: 'the server had no artifact for this device' }
  if (finishedAt === undefined || reportedAt <= Date.parse(finishedAt) + reportMarginMs)
    return { kind: 'pending' }
  const why = `its update ended with ${state}, but the device reports ${facts.release ?? 'no release'}`
  return { kind: 'failure', deployment, why }
}

function shortStage(stage: string): string {
  const limit = maxNameLength - 'drover////w100000.100000/999'.length - 2 * hexDigits
  return stage.length <= limit
    ? stage
    : `${stage.slice(0, limit - 13)}-${hexOf(digestOf(stage)).slice(0, 12)}`
}
