// What holds back everything new for a device, whatever it is: another's order, a freeze, a lease.
import type { Fleet } from '../fleet/fleet.ts'
import { type Deployment, type DeviceFacts, type Lease, isOpenState } from '../ota/ota.ts'
import { oneLine } from '../platform/platform.ts'
import type { Blocker } from './model.ts'

/** Blocked for now: by what, in words, and until when as far as that is known. */
export interface Held {
  by: Blocker
  why: string
  until?: string
}

/** A freeze of the fleet, or a lease of the device, that holds at `now`. */
export function heldBy(facts: DeviceFacts, { switches }: Fleet, now: Date): Held | undefined {
  const { freeze } = switches
  if (freeze && (freeze.until === undefined || freeze.until > now)) {
    const until = freeze.until?.toISOString()
    return {
      by: 'frozen',
      why: `the fleet is frozen: ${freeze.reason}`,
      ...(until === undefined ? {} : { until }),
    }
  }
  const { lease } = facts
  if (lease && Date.parse(lease.until) > now.getTime()) {
    return { by: 'leased', why: whyLeased(lease), until: lease.until }
  }
  return undefined
}

/** What a lease means for its device, in words. */
export function whyLeased({ holder }: Pick<Lease, 'holder'>): string {
  return `is leased to ${oneLine(holder)}: it gets nothing until that is over`
}

/** An order that somebody else's hand has to end, or time. */
export function busyWith({ release, name }: Deployment): Held {
  return {
    by: 'busy',
    why: `has an open order of ${release} (${name}): wait for it, or abort it on the server`,
  }
}

/** All orders that each device has and has not ended, oldest first. */
export function openOrders(open: readonly Deployment[]): Map<string, Deployment[]> {
  const orders = new Map<string, Deployment[]>()
  for (const deployment of open) {
    for (const [device, state] of deployment.devices) {
      if (!isOpenState(state)) continue
      const list = orders.get(device)
      if (list) list.push(deployment)
      else orders.set(device, [deployment])
    }
  }
  return orders
}
