// A rollout brings a stage to one release or to one template of configurations. It has no state of its own: its orders are
// found on the server again by names that follow from stage, content, introducing commit and attempt.
import type { Gate } from '../fleet/fleet.ts'
import type { Deployment, DeviceFacts, OtaServer } from '../ota/ota.ts'
import { isOpenState, otherImageOf, reportedConfiguration } from '../ota/ota.ts'
import { type Digest, canonicalJson, digestOf, hexOf } from '../platform/platform.ts'
import type { Outcome } from './gate.ts'
import type { Commit } from './git.ts'
import { isFresh } from './limits.ts'

export interface Rollout {
  /** `stage/digest/commit`, as `retry` in fleet.yml names it. */
  id: string
  /** What is ordered: the release, or the artifact of one configuration. */
  release: string
  commit: Commit
  /** From 1; raised by `retry`. */
  attempt: number
  /** The content digest of the artifact that brings a device there. */
  content: Digest
  /** Checksums of the images that devices on the release run, as far as the server lists them. */
  images: ReadonlySet<string>
  /** Where it is a template's: the one configuration of it that this is about. */
  configuration?: RolloutConfiguration
}

export interface RolloutConfiguration {
  template: string
  fingerprint: string
  /** The release that it was planned for. */
  on: string
  deviceType: string
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
  return `drover/${rollout.id}/${attempt}/w${wave}${part > 1 ? `.${part}` : ''}${configurationPart(rollout)}`
}

/** Whether an order is one of a rollout; of a template's, one of the same configuration. */
export function isOrderIn(rollout: Rollout, name: string): boolean {
  const isOfConfiguration = configurationOrder.test(name)
  const part = configurationPart(rollout)
  return (
    name.startsWith(`drover/${rollout.id}/`) &&
    (part === '' ? !isOfConfiguration : name.endsWith(part) && isOfConfiguration)
  )
}

const configurationOrder = /\/c-[0-9a-f]{12}-([0-9a-f]{8})$/

/** Whether an order by us is one of a configuration. */
export function isConfigurationOrder(name: string): boolean {
  return configurationOrder.test(name)
}

/** Whether an order by us is one of a configuration that was planned for `release`. */
export function isConfigurationOn(release: string, name: string): boolean {
  return configurationOrder.exec(name)?.[1] === digitsOf(release, 8)
}

/** Of a configuration's orders, the end of the name: which configuration, and which release it was planned for. */
function configurationPart({ configuration }: Rollout): string {
  if (!configuration) return ''
  const { template, fingerprint, on, deviceType } = configuration
  const which = canonicalJson([template, fingerprint, on, deviceType])
  return `/c-${digitsOf(which, hexDigits)}-${digitsOf(on, 8)}`
}

const digitsOf = (text: string, count: number) => hexOf(digestOf(text)).slice(0, count)

/** Whether an order is one of ours for this stage. */
export function isOrderOf(stage: string, name: string): boolean {
  return name.startsWith(`drover/${shortStage(stage)}/`)
}

/** Parts of a wave that are asked for at once; few waves have more, and of single configurations there are many. */
const partsAtOnce = ({ configuration }: Rollout) => (configuration ? 1 : 2)

/**
 * Finds all orders of each rollout, of all its attempts, by their names; the oldest first. `there` names the device of
 * a rollout that has no other, where its wave is this one and it is where it is brought.
 */
export async function findPlaced(
  server: OtaServer,
  rollouts: readonly Rollout[],
  waveCount: number,
  there: (rollout: Rollout, wave: number) => readonly string[] = () => [],
): Promise<ReadonlyMap<Rollout, readonly Placed[]>> {
  const placed = new Map(rollouts.map((rollout): [Rollout, Placed[]] => [rollout, []]))
  let steps = rollouts.flatMap((rollout) =>
    Array.from({ length: rollout.attempt }, (_a, a) =>
      Array.from({ length: waveCount }, (_w, w) => ({ rollout, attempt: a + 1, wave: w + 1, part: 1 })),
    ).flat(),
  )
  while (steps.length > 0) {
    const asked = steps.flatMap((step) =>
      Array.from({ length: partsAtOnce(step.rollout) }, (_, i) => ({ ...step, part: step.part + i })),
    )
    const believed = new Map(
      asked.flatMap((one): [string, readonly string[]][] => {
        const devices = there(one.rollout, one.wave)
        return devices.length === 0 ? [] : [[nameOf(one), devices]]
      }),
    )
    const found = await server.findDeployments(asked.map(nameOf), believed)
    for (const one of asked) {
      const { rollout, ...place } = one
      const deployment = found.get(nameOf(one))
      if (deployment) placed.get(rollout)?.push({ ...place, deployment })
    }
    // a part is placed only where all before it are
    steps = steps
      .map((step) => ({ ...step, part: step.part + partsAtOnce(step.rollout) }))
      .filter((next) => found.has(nameOf({ ...next, part: next.part - 1 })))
  }
  for (const orders of placed.values()) orders.sort(byAge)
  return placed
}

/** A device that moved to an earlier wave has its newest order there; of one moment, the order of a later attempt is newer. */
function byAge(a: Placed, b: Placed): number {
  const age = Date.parse(a.deployment.createdAt) - Date.parse(b.deployment.createdAt)
  return age || a.attempt - b.attempt || a.part - b.part
}

const nameOf = ({ rollout, attempt, wave, part }: Omit<Placed, 'deployment'> & { rollout: Rollout }) =>
  orderName(rollout, attempt, wave, part)

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
  // on another release nothing tells whether it works: it follows anew once the device is back
  if (rollout.configuration && facts.release !== rollout.configuration.on) return { kind: 'not-ordered' }
  const reportedAt = facts.reportedAt === undefined ? 0 : Date.parse(facts.reportedAt)
  const finishedAt = last?.deployment.finishedAt?.get(facts.id)
  if (isThere(facts, rollout)) {
    if (!isFresh(facts.reportedAt, gate.factsYoungerThanMs, now)) return { kind: 'pending' }
    // it had the release before, too: what it reported before an order failed doesn't tell what it runs now
    const isInDoubt = own.some(
      ({ deployment: { devices, finishedAt: ended } }) =>
        devices.get(facts.id) === 'failure' && reportedAt < Date.parse(ended?.get(facts.id) ?? ''),
    )
    if (isInDoubt) return { kind: 'pending' }
    // a server that doesn't tell when it was done gives no evidence of a soak
    return {
      kind: 'success',
      since: last ? lastEnd(own, facts.id, new Date(finishedAt ?? now)) : rollout.commit.at,
    }
  }
  if (!last || state === undefined || last.attempt !== rollout.attempt) return { kind: 'not-ordered' }
  const deployment = last.deployment.id
  if (state === 'aborted' || state === 'decommissioned') return { kind: 'aborted', deployment }
  if (state === 'failure') return { kind: 'failure', deployment, why: 'the update failed' }
  if (state === 'no-artifact')
    return { kind: 'failure', deployment, why: 'the server had no artifact for this device' }
  if (finishedAt === undefined || reportedAt <= Date.parse(finishedAt) + reportMarginMs)
    return { kind: 'pending' }
  return {
    kind: 'failure',
    deployment,
    why: `its update ended with ${state}, but the device reports ${instead(facts, rollout)}`,
  }
}

/** What a device reports that isn't where a rollout brings it. */
function instead(facts: DeviceFacts, { release, configuration }: Rollout): string {
  if (configuration) return 'another configuration'
  return facts.release === release ? `other content as ${release}` : (facts.release ?? 'no release')
}

/** When the last of its orders ended for a device, as far as the server tells, and not before `least`. */
function lastEnd(own: readonly Placed[], device: string, least: Date): Date {
  const ends = own.flatMap(({ deployment }) => deployment.finishedAt?.get(device) ?? [])
  return new Date(Math.max(least.getTime(), ...ends.map((at) => Date.parse(at))))
}

/** Whether a device's own facts say that it is where a rollout brings it. */
function isThere(facts: DeviceFacts, { release, images, configuration }: Rollout): boolean {
  if (otherImageOf(facts, images) !== undefined) return false
  if (!configuration) return facts.release === release
  return facts.release === configuration.on && reportedConfiguration(facts) === configuration.fingerprint
}

function shortStage(stage: string): string {
  const limit = maxNameLength - 'drover////w100000.100000/999/c-123456789012-12345678'.length - 2 * hexDigits
  return stage.length <= limit
    ? stage
    : `${stage.slice(0, limit - 13)}-${hexOf(digestOf(stage)).slice(0, 12)}`
}
