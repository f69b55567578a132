// When what is ordered now would be taken back again: the servers can't do that by themselves, so a tick has to run then.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import type { Facts } from '../ota/ota.ts'
import { isOrderOf } from './rollout.ts'
import type { TickOrder } from './tick.ts'
import { windowEnd, zonesOf } from './window.ts'

/** The earliest end of the window of a device that has an order of ours, or gets one now, and has not begun; else undefined. */
export function windowEndOf(
  fleet: Fleet,
  stage: Stage,
  facts: Facts,
  orders: readonly TickOrder[],
  now: Date,
): Date | undefined {
  const { window } = stage
  if (!window) return undefined
  const waiting = facts.openDeployments.flatMap(({ name, devices }) =>
    isOrderOf(stage.name, name)
      ? [...devices].flatMap(([id, state]) => (state === 'pending' ? [id] : []))
      : [],
  )
  const own = zonesOf(fleet)
  const devices = [...waiting, ...orders.flatMap(({ devices }) => devices)]
  const zones = new Set(devices.map((id) => (window.timeZone === 'device' ? own.get(id) : window.timeZone)))
  const ends = [...zones].flatMap((zone) => {
    const end = zone === undefined ? undefined : windowEnd(window, zone, now)
    return end ? [end.getTime()] : []
  })
  return ends.length > 0 ? new Date(Math.min(...ends)) : undefined
}
