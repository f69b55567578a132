import type { Member } from './due.ts'
import type { Plan } from './model.ts'
import { orderName } from './rollout.ts'
import type { TickOrder, Waiting } from './tick.ts'

/** The devices of one order: a request of 5,000 ids stays well under the servers' limit of 1 MiB. */
const maxDevicesPerOrder = 5000

/** What the plan blocks, for now or until somebody acts: it is waited for, and a stage with it isn't done. */
export function heldByPlan(plan: Plan): Waiting[] {
  const held = plan.changes.filter((change) => change.kind === 'blocked' && change.by !== 'retired')
  return [...Map.groupBy(held, (change) => (change.kind === 'blocked' ? change.why : ''))].map(
    ([why, changes]) => {
      const [first] = changes
      const until = first?.kind === 'blocked' ? first.until : undefined
      return { why, devices: changes.length, nextDue: until === undefined ? undefined : new Date(until) }
    },
  )
}

/** One order for each rollout and wave, of a template for each configuration, under the next name that is free. */
export function ordersFor(due: readonly Member[]): TickOrder[] {
  const groups = Map.groupBy(due, ({ state: { rollout }, wave }) =>
    JSON.stringify([rollout.id, rollout.release, rollout.configuration?.deviceType, wave]),
  )
  return [...groups.values()].flatMap((members) => {
    const [first] = members
    if (!first) return []
    const { wave, state } = first
    const { rollout, placed } = state
    const taken = placed.filter((order) => order.wave === wave && order.attempt === rollout.attempt).length
    const { template, on, deviceType } = rollout.configuration ?? {}
    const isConfiguration = template !== undefined && on !== undefined && deviceType !== undefined
    const chunks = Math.ceil(members.length / maxDevicesPerOrder)
    return Array.from({ length: chunks }, (_, index) => ({
      name: orderName(rollout, rollout.attempt, wave, taken + index + 1),
      release: rollout.release,
      wave,
      devices: members
        .slice(index * maxDevicesPerOrder, (index + 1) * maxDevicesPerOrder)
        .map(({ device }) => device)
        .sort(),
      ...(isConfiguration ? { configuration: { template, on, deviceType } } : {}),
    }))
  })
}
