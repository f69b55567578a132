// What of a plan may be ordered now: a pure function of the plan, the facts, the orders found and the time.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import { type DeviceFacts, type DeviceState, type Facts, isOpenState } from '../ota/ota.ts'
import { afterState } from './after.ts'
import { type GateState, type Outcome, type RolloutMember, gateOf, tooManyFailures } from './gate.ts'
import { allowed } from './limits.ts'
import { type Change, type Plan, type Turn, hasTurn } from './model.ts'
import { type Placed, type Rollout, outcomeOf } from './rollout.ts'
import type { Waiting } from './tick.ts'
import { isWindowOpen, windowAt, zonesOf } from './window.ts'

/** A rollout with its orders and the devices of the stage that belong to it, by id. */
export interface RolloutState {
  rollout: Rollout
  placed: readonly Placed[]
  devices: ReadonlySet<string>
  /** Devices that had an order of this rollout, and were given another release by a later one: for them it begins anew. */
  left: ReadonlySet<string>
}

export interface Member extends RolloutMember {
  change: Moving
  state: RolloutState
}

export interface Due {
  members: readonly Member[]
  /** Devices to order now. */
  due: readonly Member[]
  waiting: readonly Waiting[]
  /** The rule that stops everything new. */
  haltedBy: string | undefined
  /** Releases of which nothing may begin. */
  halted: readonly string[]
}

/** A change of a device that has its place in the waves, also one that is blocked for now. */
export type Moving =
  Turn | (Extract<Change, { kind: 'blocked' }> & { to: string; wave: number; deviceType: string })

/** Whether a device has its place in the waves. */
export function isMoving(change: Change): change is Moving {
  if (change.kind !== 'blocked') return hasTurn(change)
  return change.wave !== undefined && change.to !== undefined && change.deviceType !== undefined
}

/** Decides what is due. Devices are members of the wave that an order gave them, else of the wave of the plan. */
export function whatIsDue(
  fleet: Fleet,
  stage: Stage,
  plan: Plan,
  states: readonly RolloutState[],
  facts: Facts,
  now: Date,
): Due {
  const byId = new Map(facts.devices.map((device) => [device.id, device]))
  const zones = zonesOf(fleet)
  const members = membersOf(plan, states, byId, stage, zones, now)
  const byRelease = Map.groupBy(members, ({ change }) => change.to)
  const rules = [...byRelease].flatMap(([release, group]) => {
    const rule = tooManyFailures([...group, ...failedAndBlocked(plan, states, release)], stage.gate)
    return rule === undefined ? [] : [{ release, rule: `${release}: ${rule}` }]
  })
  if (rules.length > 0) {
    const haltedBy = rules.map(({ rule }) => rule).join('; ')
    return { members, due: [], waiting: [], haltedBy, halted: rules.map(({ release }) => release) }
  }
  const waiting = new Held()
  const due: Member[] = []
  const gates = new Map<string, GateState>()
  for (const member of members) {
    if (member.change.kind !== 'update' || !mayBeOrdered(member, waiting)) continue
    const key = JSON.stringify([member.change.to, member.deviceType, member.wave])
    let gate = gates.get(key)
    if (!gate) {
      const group = byRelease.get(member.change.to) ?? []
      gate = gateFor(member, group, fleet, stage, byId, now)
      gates.set(key, gate)
    }
    const window = gate.isOpen ? windowFor(member, zones.get(member.device), stage, now) : gate
    if (window.isOpen) due.push(member)
    else waiting.add(window.why, window.nextDue, member.wave)
  }
  const within = withinSites(due, fleet, stage, facts, waiting)
  return { members, due: within, waiting: waiting.list(), haltedBy: undefined, halted: [] }
}

function membersOf(
  plan: Plan,
  states: readonly RolloutState[],
  facts: ReadonlyMap<string, DeviceFacts>,
  stage: Stage,
  zones: ReadonlyMap<string, string | undefined>,
  now: Date,
): Member[] {
  const stateOf = new Map(
    states.flatMap((state) => [...state.devices].map((device) => [device, state] as const)),
  )
  return plan.changes.flatMap((change): Member[] => {
    const state = stateOf.get(change.device)
    const reported = facts.get(change.device)
    if (!isMoving(change) || !state || !reported) return []
    const { device, deviceType } = change
    const placed = state.left.has(device) ? [] : state.placed
    const ordered = placed.filter(({ deployment }) => deployment.devices.has(device))
    const judged = outcomeOf(reported, state.rollout, placed, stage.gate, now)
    const endedAt = ordered.at(-1)?.deployment.finishedAt?.get(device)
    const outcome = withinWindow(judged, reported, endedAt, stage, zones.get(device))
    const wave = Math.min(change.wave, ...ordered.map((order) => order.wave))
    return [{ device, deviceType, wave, outcome: pendingElsewhere(change, outcome), change, state }]
  })
}

/** The clocks of a server and of a run may differ by this much. */
const skewMs = 5 * 60_000

/**
 * An order that ended without having begun while the window was closed was taken back for that, and is due again. Not before
 * the device has reported: an offline one would get one order more each night.
 */
function withinWindow(
  outcome: Outcome,
  facts: DeviceFacts,
  endedAt: string | undefined,
  { window }: Stage,
  zone: string | undefined,
): Outcome {
  if (outcome.kind !== 'aborted' || !window || endedAt === undefined) return outcome
  const at = Date.parse(endedAt)
  if ([at, at + skewMs].every((time) => isWindowOpen(window, zone, new Date(time)))) return outcome
  return Date.parse(facts.reportedAt ?? endedAt) > at ? { kind: 'not-ordered' } : { kind: 'missed' }
}

/** Devices that failed and then got blocked, by another's order or by leaving the server: they have failed all the same. */
function failedAndBlocked(plan: Plan, states: readonly RolloutState[], release: string): RolloutMember[] {
  const orders = states
    .filter(({ rollout }) => rollout.release === release)
    .flatMap(({ rollout, placed }) => placed.filter(({ attempt }) => attempt === rollout.attempt))
  return plan.changes.flatMap((change): RolloutMember[] => {
    if (isMoving(change) || isLeaving(change)) return []
    if ('to' in change && (change.to ?? release) !== release) return []
    const { device } = change
    const order = orders.find(({ deployment }) => isFailed(deployment.devices.get(device)))
    if (!order) return []
    const outcome = { kind: 'failure', why: 'the update failed', deployment: order.deployment.id } as const
    return [{ device, deviceType: '', wave: order.wave, outcome }]
  })
}

/** Whether Git calls the device retired: then nothing of it counts. */
function isLeaving(change: Change): boolean {
  if (change.kind === 'blocked') return change.by === 'retired'
  return change.kind === 'retire' || (change.kind === 'no-op' && change.why === 'already-retired')
}

const isFailed = (state: DeviceState | undefined) => state === 'failure' || state === 'no-artifact'

/** An open order that isn't the rollout's own brings the device to the release all the same. */
function pendingElsewhere(change: Moving, outcome: Outcome): Outcome {
  const isPending = change.kind === 'no-op' && change.why === 'already-pending'
  return isPending && outcome.kind === 'not-ordered' ? { kind: 'pending' } : outcome
}

function mayBeOrdered({ outcome, state }: Member, waiting: Held): boolean {
  if (outcome.kind === 'not-ordered') return true
  const again = `set retry: { ${state.rollout.id}: ${state.rollout.attempt + 1} } in fleet.yml to order again`
  if (outcome.kind === 'failure') waiting.add(`failed: ${again}`, undefined)
  if (outcome.kind === 'missed')
    waiting.add('the window closed before it began: it is ordered again once it has reported', undefined)
  if (outcome.kind === 'aborted') waiting.add(`the order was aborted: ${again}`, undefined)
  return false
}

function gateFor(
  member: Member,
  group: readonly Member[],
  fleet: Fleet,
  stage: Stage,
  facts: ReadonlyMap<string, DeviceFacts>,
  now: Date,
): GateState {
  const after = afterState(fleet, stage, member.change.to, member.deviceType, facts, now)
  return after.isOpen ? gateOf(member.wave, member.deviceType, group, stage.gate, now) : after
}

function windowFor(member: Member, own: string | undefined, stage: Stage, now: Date): GateState {
  if (!stage.window) return { isOpen: true }
  const { timeZone } = stage.window
  const zone = timeZone === 'device' ? own : timeZone
  if (zone === undefined)
    return { isOpen: false, why: `${member.change.host} has no time zone`, nextDue: undefined }
  const state = windowAt(stage.window, zone, now)
  if (state.isOpen) return state
  return {
    isOpen: false,
    why: `the window in ${zone} opens at ${state.opensAt.toISOString()}`,
    nextDue: state.opensAt,
  }
}

/** Of each site no more than its share at once; those already on their way count. */
function withinSites(
  due: readonly Member[],
  fleet: Fleet,
  stage: Stage,
  facts: Facts,
  waiting: Held,
): readonly Member[] {
  const { perSite } = stage.budget
  if (perSite === undefined) return due
  const siteOf = new Map(
    fleet.devices.flatMap(({ id, site }) => (site === undefined ? [] : [[id, site] as const])),
  )
  const size = countBy([...siteOf.values()])
  const busy = new Set(
    facts.openDeployments.flatMap(({ devices }) =>
      [...devices].filter(([, state]) => isOpenState(state)).map(([id]) => id),
    ),
  )
  const used = countBy([...busy].flatMap((id) => siteOf.get(id) ?? []))
  return due.filter(({ device }) => {
    const site = siteOf.get(device)
    if (site === undefined) return true
    const limit = Math.max(1, allowed({ kind: 'share', share: perSite }, size.get(site) ?? 0))
    const count = used.get(site) ?? 0
    if (count >= limit) {
      waiting.add(
        `site ${site} has ${limit} devices on their way, all that budget.per-site allows`,
        undefined,
      )
      return false
    }
    used.set(site, count + 1)
    return true
  })
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** Reasons to wait, each once with the number of devices. */
class Held {
  readonly #reasons = new Map<string, { devices: number; nextDue: Date | undefined; waves: Set<number> }>()

  add(why: string, nextDue: Date | undefined, wave?: number): void {
    const reason = this.#reasons.get(why) ?? { devices: 0, nextDue, waves: new Set() }
    this.#reasons.set(why, reason)
    reason.devices += 1
    if (wave !== undefined) reason.waves.add(wave)
  }

  list(): Waiting[] {
    return [...this.#reasons].map(([why, { devices, nextDue, waves }]) => ({
      why,
      devices,
      nextDue,
      waves: [...waves].sort((a, b) => a - b),
    }))
  }
}
