// Who belongs to the fleet: Git says it, the server follows. A device is let in only where its id stands in Git and its stage
// asks for that; it is removed only where Git calls it retired. What Git doesn't name is never touched.
import { type Fleet, type FleetDevice, type Stage, releaseFor } from '../fleet/fleet.ts'
import type { Deployment, DeviceFacts } from '../ota/ota.ts'
import { type Held, busyWith, heldBy } from './held.ts'
import { isOrderOf } from './rollout.ts'

/** What the plan knows when it looks at one device. */
export interface Surroundings {
  fleet: Fleet
  stage: Stage
  /** Open orders that the device has. */
  orders: readonly Deployment[]
  now: Date
}

/** The part of a change that is not about which device it is. */
export type Membership =
  | { kind: 'enroll'; deviceType?: string; site?: string; to?: string }
  | { kind: 'retire'; deviceType?: string; from?: string }
  | { kind: 'no-op'; why: 'already-retired' }
  | ({ kind: 'blocked' } & Held)

/**
 * What becomes of a device that Git calls retired. One that the server doesn't let in is as good as gone: to remove it would
 * only let it ask again. One in the middle of an update finishes first; an order of ours that it has not begun is taken back.
 */
export function retirementOf(facts: DeviceFacts | undefined, ground: Surroundings): Membership {
  if (!facts || !hasAccess(facts)) return { kind: 'no-op', why: 'already-retired' }
  const { fleet, stage, orders, now } = ground
  if (stage.isInEmergency)
    return { kind: 'blocked', by: 'retired', why: 'is retired in Git: it is removed after the emergency' }
  const begun = orders.find(({ devices }) => devices.get(facts.id) !== 'pending')
  if (begun) {
    const why = `is retired in Git, and in the middle of ${begun.release} (${begun.name}): it is removed after that; where the device is lost, abort the order on the server`
    return { kind: 'blocked', by: 'busy', why }
  }
  const other = orders.find(({ name }) => !isOrderOf(stage.name, name))
  const held = other ? busyWith(other) : heldBy(facts, fleet, now)
  if (held) return { kind: 'blocked', ...held }
  return {
    kind: 'retire',
    ...(facts.deviceType === undefined ? {} : { deviceType: facts.deviceType }),
    ...(facts.release === undefined ? {} : { from: facts.release }),
  }
}

/** What becomes of a device that Git names and the server knows but doesn't let in; undefined for one that it does. */
export function admissionOf(
  device: FleetDevice,
  facts: DeviceFacts,
  ground: Surroundings,
): Membership | undefined {
  if (facts.status === 'accepted') return undefined
  const block = (why: string): Membership => ({ kind: 'blocked', by: 'not-accepted', why })
  const { fleet, stage, now } = ground
  switch (facts.status) {
    case 'rejected':
      return block('was rejected on the server: accept it there, or retire it in Git')
    case 'preauthorized':
      return block('is preauthorized: the server lets it in when it first connects with its key')
    case 'noauth':
      return block('has no key on the server: let it connect first')
    case 'pending':
      break
  }
  if (stage.isInEmergency) return block('is pending on the server: it is let in after the emergency')
  if (!stage.isEnrolling)
    return block(
      `is pending on the server: accept it there first, or set enroll: in-git for ${stage.name} in fleet.yml`,
    )
  const held = heldBy(facts, fleet, now)
  if (held) return { kind: 'blocked', ...held }
  const deviceType = device.deviceType ?? facts.deviceType
  const to = releaseFor(device, deviceType)
  return {
    kind: 'enroll',
    ...(deviceType === undefined ? {} : { deviceType }),
    ...(device.site === undefined ? {} : { site: device.site }),
    ...(to === undefined ? {} : { to }),
  }
}

/** Whether the server talks to a device, or will without being asked again. */
const hasAccess = ({ status }: DeviceFacts) => status === 'accepted' || status === 'preauthorized'
