// How much of what is due may be on its way at once: a share of each site, and so many orders for one device each.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import { type Facts, isOpenState } from '../ota/ota.ts'
import type { Member } from './due.ts'
import { allowed } from './limits.ts'
import { isConfigurationOrder, isOrderOf } from './rollout.ts'
import type { WaitingList } from './waiting-list.ts'

/** Of each site no more than its share at once; those already on their way count. */
export function withinSites(
  due: readonly Member[],
  fleet: Fleet,
  stage: Stage,
  facts: Facts,
  waiting: WaitingList,
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

/** Orders for one device each that may be open at once: a server lists each by itself. */
const maxSingleOrders = 200

/** Configurations that only one device has are an order each: not too many at once, devices that reported last first. */
export function withinSingles(
  due: readonly Member[],
  stage: Stage,
  facts: Facts,
  waiting: WaitingList,
): readonly Member[] {
  const isSingle = ({ state }: Member) =>
    state.rollout.configuration !== undefined && state.devices.size === 1
  const single = due.filter(isSingle)
  const open = facts.openDeployments.filter(
    ({ name, devices }) => devices.size === 1 && isOrderOf(stage.name, name) && isConfigurationOrder(name),
  )
  const free = Math.max(0, maxSingleOrders - open.length)
  if (single.length <= free) return due
  const reportedAt = new Map(facts.devices.map((device) => [device.id, device.reportedAt ?? '']))
  const latest = single.toSorted((a, b) => {
    const [x, y] = [reportedAt.get(a.device) ?? '', reportedAt.get(b.device) ?? '']
    return x < y ? 1 : x > y ? -1 : 0
  })
  const held = new Set(latest.slice(free).map(({ device }) => device))
  for (const { wave } of latest.slice(free))
    waiting.add(
      `${maxSingleOrders} orders of a configuration for one device may be open at once`,
      undefined,
      wave,
    )
  return due.filter((member) => !isSingle(member) || !held.has(member.device))
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
