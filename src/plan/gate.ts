import type { Gate } from '../fleet/fleet.ts'
import { allowed, needed } from './limits.ts'

/** How one device stands in a rollout, by its own fresh facts and its orders. */
export type Outcome =
  /** It reports the release, and not longer ago than the gate asks. `since` is when it first did. */
  | { kind: 'success'; since: Date }
  | { kind: 'failure'; why: string; deployment: string | undefined }
  /** Ordered, or there with facts that are too old: no evidence either way. */
  | { kind: 'pending' }
  /** Taken back by someone; it needs a retry and counts for nothing. */
  | { kind: 'aborted'; deployment: string }
  /** Its order was taken back when the window closed, and it has not reported since. */
  | { kind: 'missed' }
  | { kind: 'not-ordered' }

export interface RolloutMember {
  device: string
  deviceType: string
  /** From 1. */
  wave: number
  /** The wave of the plan, which is a later one where an order of `wave` was placed while others were missing. */
  planned?: number
  outcome: Outcome
}

/** Whether a wave may begin for a device type; where not, why and when that may change by time alone. */
export type GateState = { isOpen: true } | { isOpen: false; why: string; nextDue: Date | undefined }

/**
 * Whether `wave` may begin for `deviceType`. Evidence opens a gate, absence never does: in every earlier wave a device of
 * this type must report the release, `minSuccess` of those with an outcome must, at most `maxPending` may be on their way,
 * and the soak must have passed since the last device that the share needs reported. `what` the devices report is for messages.
 */
export function gateOf(
  wave: number,
  deviceType: string,
  members: readonly RolloutMember[],
  gate: Gate,
  now: Date,
  what = 'the release',
): GateState {
  for (let earlier = 1; earlier < wave; earlier++) {
    const inWave = membersIn(earlier, deviceType, members)
    const ofType = inWave.filter((member) => member.deviceType === deviceType)
    if (ofType.length === 0) continue
    const closed =
      withoutSuccess(ofType, earlier, deviceType, what) ??
      tooFewSuccesses(inWave, earlier, gate) ??
      tooManyPending(inWave, earlier, gate) ??
      soaking(ofType, earlier, deviceType, gate, now)
    if (closed) return closed
  }
  return { isOpen: true }
}

/**
 * Those who count in a wave. Where all of a type that the plan has there were ordered in an earlier one, to stand in for others
 * that are back by now, they count in both: else an order that failed or is on its way would open the gate by its absence.
 */
function membersIn(
  wave: number,
  deviceType: string,
  members: readonly RolloutMember[],
): readonly RolloutMember[] {
  const inWave = members.filter((member) => member.wave === wave)
  if (inWave.some((member) => member.deviceType === deviceType)) return inWave
  const moved = members.filter((member) => member.planned === wave && member.deviceType === deviceType)
  return [...inWave, ...moved]
}

/** Whether more devices of a rollout failed than the gate allows; then nothing new may start. */
export function tooManyFailures(members: readonly RolloutMember[], gate: Gate): string | undefined {
  const failed = members.filter(({ outcome }) => outcome.kind === 'failure').length
  const limit = allowed(gate.maxFailures, members.length)
  return failed > limit
    ? `${failed} of ${members.length} devices failed; max-failures allows ${limit}`
    : undefined
}

type Closed = Extract<GateState, { isOpen: false }>

const closed = (why: string, nextDue?: Date): Closed => ({ isOpen: false, why, nextDue })

function withoutSuccess(
  ofType: readonly RolloutMember[],
  wave: number,
  deviceType: string,
  what: string,
): Closed | undefined {
  if (ofType.some(({ outcome }) => outcome.kind === 'success')) return undefined
  return closed(`no device of type ${deviceType} in wave ${wave} reports ${what} with fresh facts yet`)
}

function tooFewSuccesses(inWave: readonly RolloutMember[], wave: number, gate: Gate): Closed | undefined {
  const { successes, reported } = reportedIn(inWave)
  if (successes.length >= needed(gate.minSuccess, reported)) return undefined
  return closed(
    `${successes.length} of ${reported} devices of wave ${wave} that reported succeeded; min-success asks for ${percent(gate.minSuccess)}`,
  )
}

function tooManyPending(inWave: readonly RolloutMember[], wave: number, gate: Gate): Closed | undefined {
  if (!gate.maxPending) return undefined
  const pending = inWave.filter(({ outcome }) =>
    ['pending', 'missed', 'not-ordered'].includes(outcome.kind),
  ).length
  const limit = allowed(gate.maxPending, inWave.length)
  return pending > limit
    ? closed(`${pending} devices of wave ${wave} are pending; max-pending allows ${limit}`)
    : undefined
}

function soaking(
  ofType: readonly RolloutMember[],
  wave: number,
  deviceType: string,
  gate: Gate,
  now: Date,
): Closed | undefined {
  const { successes, reported } = reportedIn(ofType)
  // a straggler beyond the share that is needed doesn't begin the soak anew
  const counted = Math.min(successes.length, Math.max(1, needed(gate.minSuccess, reported)))
  const last = successes.sort((a, b) => a - b)[counted - 1] ?? now.getTime()
  const until = new Date(last + gate.soakMs)
  if (until <= now) return undefined
  return closed(`wave ${wave} soaks until ${until.toISOString()} for the device type ${deviceType}`, until)
}

function reportedIn(members: readonly RolloutMember[]): { successes: number[]; reported: number } {
  const successes = members.flatMap(({ outcome }) =>
    outcome.kind === 'success' ? [outcome.since.getTime()] : [],
  )
  const failures = members.filter(({ outcome }) => outcome.kind === 'failure').length
  return { successes, reported: successes.length + failures }
}

const percent = (share: number) => `${Number((share * 100).toFixed(3))}%`
