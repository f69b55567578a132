import { type Change, type Plan, type Turn, hasTurn } from './model.ts'
import type { Outcome } from './gate.ts'

/** How the devices of one type and site stand in a wave; their sum is all of them. */
export interface GroupProgress {
  deviceType: string
  site: string | undefined
  /** Report the release. */
  there: number
  /** Have an order of it that is not done. */
  pending: number
  /** Had an order of it, and report another release. */
  failed: number
  /** Have their turn yet to come. */
  toCome: number
  /** Keep their place in the wave and get nothing for now. */
  blocked: number
}

export interface WaveProgress {
  wave: number
  share: string
  groups: readonly GroupProgress[]
}

/** How a stage stands, wave by wave; without what a tick knows beyond the plan nobody has failed. */
export function progressOf(
  plan: Plan,
  members: readonly { device: string; wave: number; outcome: Outcome }[] = [],
  ordered: ReadonlySet<string> = new Set(),
): WaveProgress[] {
  const known = new Map(members.map((member) => [member.device, member]))
  const waves = new Map(
    plan.waves.map(({ wave, share }) => [wave, { wave, share, groups: new Map<string, GroupProgress>() }]),
  )
  for (const change of plan.changes) {
    if (change.kind !== 'blocked' && !hasTurn(change)) continue
    const member = known.get(change.device)
    const place = member?.wave ?? ('wave' in change ? change.wave : undefined)
    const wave = place === undefined ? undefined : waves.get(place)
    if (!wave) continue
    const { deviceType = '', site } = change
    const key = `${deviceType}\0${site ?? ''}`
    let group = wave.groups.get(key)
    if (!group) {
      group = { deviceType, site, there: 0, pending: 0, failed: 0, toCome: 0, blocked: 0 }
      wave.groups.set(key, group)
    }
    group[ordered.has(change.device) ? 'pending' : standing(change, member?.outcome)] += 1
  }
  return [...waves.values()].map(({ groups, ...wave }) => ({ ...wave, groups: [...groups.values()] }))
}

function standing(
  change: Turn | Extract<Change, { kind: 'blocked' }>,
  outcome: Outcome | undefined,
): 'there' | 'pending' | 'failed' | 'toCome' | 'blocked' {
  if (change.kind === 'blocked') return 'blocked'
  // it may have failed since the facts that the plan was made of were read
  if (outcome?.kind === 'failure') return 'failed'
  if (change.kind === 'no-op') return change.why === 'already-there' ? 'there' : 'pending'
  return outcome?.kind === 'pending' ? 'pending' : 'toCome'
}
