import type { Tick } from '../plan/plan.ts'
import { hasTurn, nextDue, releaseOf as runsOf } from '../plan/plan.ts'
import { counted, oneLine, shorten } from '../platform/platform.ts'

/**
 * How a stage stands, in one line without markup: `17 of 20 on os-2, 2 pending, 1 rolled back`. The same state is the same
 * line. A device is rolled back where its order failed and it reports another release.
 */
export function tickHeadline(tick: Tick): string {
  const { counts, plan, progress = [] } = tick
  if (!counts || !plan) return 'superseded by a newer commit'
  const held = plan.changes.filter((change) => change.kind === 'blocked' && change.by === 'retired').length
  const retired = held + counts.retires + counts.alreadyRetired
  if (counts.inGit === retired) return 'no devices'
  const groups = progress.flatMap((wave) => wave.groups)
  const sum = (key: 'pending' | 'failed' | 'toCome') => groups.reduce((all, group) => all + group[key], 0)
  const parts: [number, string][] = [
    [sum('pending'), 'pending'],
    [sum('failed'), 'rolled back'],
    [sum('toCome'), 'to come'],
    [counts.enrolls, 'to enroll'],
    [counts.blocked - held, 'blocked'],
  ]
  const rest = parts.flatMap(([count, words]) => (count > 0 ? [`${count} ${words}`] : []))
  const first = `${counts.alreadyThere} of ${counts.inGit - retired} on ${releaseOf(tick)}`
  const due = tick.state === 'waiting' ? nextDue(tick) : undefined
  const until = due === undefined ? '' : `; next ${shortTime(due)}`
  const end = tick.windowEnd ? `; the window closes ${shortTime(tick.windowEnd)}` : ''
  return `${[first, ...rest].join(', ')}${until}${end}`
}

const shortTime = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`

function releaseOf({ plan }: Tick): string {
  const releases = new Set(plan?.changes.flatMap((change) => (hasTurn(change) ? [runsOf(change)] : [])) ?? [])
  const [first] = releases
  if (first === undefined) return 'their release'
  return releases.size === 1 ? shorten(oneLine(first), 60) : `their ${counted(releases.size, 'release')}`
}
