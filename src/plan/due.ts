// What of a plan may be ordered now: a pure function of the plan, the facts, the orders found and the time.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import type { DeviceFacts, DeviceState, Facts } from '../ota/ota.ts'
import { afterState } from './after.ts'
import { withinSingles, withinSites } from './at-once.ts'
import { type GateState, type Outcome, type RolloutMember, gateOf, tooManyFailures } from './gate.ts'
import { type Change, type Moving, type Plan, configurationOf, isMoving, releaseWaveOf } from './model.ts'
import { type Placed, type Rollout, outcomeOf } from './rollout.ts'
import type { Waiting } from './tick.ts'
import { WaitingList } from './waiting-list.ts'
import { isWindowOpen, windowAt, zonesOf } from './window.ts'

/** A rollout and the devices of the stage that belong to it, by id. */
export interface RolloutDevices {
  rollout: Rollout
  devices: Set<string>
}

/** A rollout with its orders and devices. */
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
  /** What its rollout is about, in words: a release, or a template. Gates and limits are over all members of one subject. */
  subject: string
}

export interface Due {
  /** One for each device: how it stands in the rollout that is next for it. */
  members: readonly Member[]
  /** Devices to order now. */
  due: readonly Member[]
  waiting: readonly Waiting[]
  /** The rule that stops everything new. */
  haltedBy: string | undefined
  /** Names of releases, and of artifacts of configurations, of which nothing may begin. */
  halted: readonly string[]
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
  const all = membersOf(plan, states, byId, stage, zones, now)
  const members = nextOf(all)
  const bySubject = Map.groupBy(all, ({ subject }) => subject)
  const rules = [...bySubject].flatMap(([subject, group]) => {
    const rule = tooManyFailures([...group, ...failedAndBlocked(plan, states, subject)], stage.gate)
    return rule === undefined ? [] : [{ subject, rule: `${subject}: ${rule}` }]
  })
  if (rules.length > 0) {
    const haltedBy = rules.map(({ rule }) => rule).join('; ')
    const subjects = new Set(rules.map(({ subject }) => subject))
    const halted = states.filter(({ rollout }) => subjects.has(subjectOf(rollout)))
    const names = halted.map(({ rollout }) => rollout.release)
    return { members, due: [], waiting: [], haltedBy, halted: names }
  }
  const waiting = new WaitingList()
  const due: Member[] = []
  const gates = new Map<string, GateState>()
  for (const member of all) {
    if (!isDue(member) || !mayBeOrdered(member, waiting)) continue
    const key = JSON.stringify([member.subject, member.deviceType, member.wave])
    let gate = gates.get(key)
    if (!gate) {
      const group = bySubject.get(member.subject) ?? []
      gate = gateFor(member, group, fleet, stage, byId, now)
      gates.set(key, gate)
    }
    const window = gate.isOpen ? windowFor(member, zones.get(member.device), stage, now) : gate
    if (window.isOpen) due.push(member)
    else waiting.add(window.why, window.nextDue, member.wave)
  }
  const within = withinSingles(withinSites(due, fleet, stage, facts, waiting), stage, facts, waiting)
  return { members, due: within, waiting: waiting.list(), haltedBy: undefined, halted: [] }
}

/** What the rollouts of one release, or of one template, are called together. */
function subjectOf({ release, configuration }: Rollout): string {
  return configuration ? `configurations of ${configuration.template}` : release
}

/** Whether its rollout is the one that the plan would order something of for the device. */
function isDue({ change, state }: Member): boolean {
  return change.kind === (state.rollout.configuration ? 'configure' : 'update')
}

/** Of the rollouts that a device is in the one that is next: its release, and once it runs that its configuration. */
function nextOf(all: readonly Member[]): Member[] {
  const next = new Map<string, Member>()
  for (const member of all) {
    const release = next.get(member.device)
    const runsIt = release === undefined || release.outcome.kind === 'success' || isDue(member)
    if (!member.state.rollout.configuration || runsIt) next.set(member.device, member)
  }
  return [...next.values()]
}

/** Each device as a member of the rollout of its release, and where it has one of that of its configuration. */
function membersOf(
  plan: Plan,
  states: readonly RolloutState[],
  facts: ReadonlyMap<string, DeviceFacts>,
  stage: Stage,
  zones: ReadonlyMap<string, string | undefined>,
  now: Date,
): Member[] {
  const statesOf = Map.groupBy(
    states.flatMap((state) => [...state.devices].map((device) => ({ device, state }))),
    ({ device }) => device,
  )
  const found = plan.changes.flatMap((change) =>
    (statesOf.get(change.device) ?? []).map(({ state }) => ({ change, state })),
  )
  return found.flatMap(({ change, state }): Member[] => {
    const reported = facts.get(change.device)
    if (!isMoving(change) || !reported) return []
    const { device, deviceType } = change
    const placed = state.left.has(device) ? [] : state.placed
    const ordered = placed.filter(({ deployment }) => deployment.devices.has(device))
    const judged = outcomeOf(reported, state.rollout, placed, stage.gate, now)
    const endedAt = ordered.at(-1)?.deployment.finishedAt?.get(device)
    const outcome = withinWindow(judged, reported, endedAt, stage, zones.get(device))
    const own = state.rollout.configuration ? configurationOf(change)?.wave : releaseWaveOf(change)
    const planned = own ?? change.wave
    const wave = Math.min(planned, ...ordered.map((order) => order.wave))
    const place = { device, deviceType, wave, planned, subject: subjectOf(state.rollout) }
    return [{ ...place, outcome: pendingElsewhere(change, outcome), change, state }]
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
function failedAndBlocked(plan: Plan, states: readonly RolloutState[], subject: string): RolloutMember[] {
  const orders = states
    .filter(({ rollout }) => subjectOf(rollout) === subject)
    .flatMap(({ rollout, placed }) => placed.filter(({ attempt }) => attempt === rollout.attempt))
  return plan.changes.flatMap((change): RolloutMember[] => {
    if (isMoving(change) || isLeaving(change)) return []
    // of releases one that it is to run by now; a configuration that failed counts, whatever its release
    const isOfRelease = states.some(({ rollout }) => !rollout.configuration && rollout.release === subject)
    if (isOfRelease && 'to' in change && (change.to ?? subject) !== subject) return []
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

function mayBeOrdered({ outcome, state }: Member, waiting: WaitingList): boolean {
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
  const { rollout } = member.state
  const after = afterState(fleet, stage, rollout, member.deviceType, facts, now)
  if (!after.isOpen) return after
  const what = rollout.configuration ? 'its configuration' : 'the release'
  return gateOf(member.wave, member.deviceType, group, stage.gate, now, what)
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
