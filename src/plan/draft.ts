// A device before its wave is known: what becomes of it for good, or what it would be if its turn came.
import { type Fleet, type FleetDevice, type Stage, releaseFor } from '../fleet/fleet.ts'
import { type Deployment, type DeviceFacts, imagesIn, isLabArtifact, otherImageOf } from '../ota/ota.ts'
import { plannedOf, standingThere } from './configuring.ts'
import { type Held, busyWith, heldBy } from './held.ts'
import { type Membership, admissionOf, retirementOf } from './membership.ts'
import type { Blocker, Cause, Change, Turn, WantedConfiguration } from './model.ts'
import { type Releases, artifactsFor, contentOf } from './releases.ts'

/** What is known when a stage is planned. */
export interface World {
  fleet: Fleet
  stage: Stage
  releases: Releases
  facts: ReadonlyMap<string, DeviceFacts>
  /** Open orders of each device, oldest first. */
  orders: ReadonlyMap<string, readonly Deployment[]>
  now: Date
}

export interface Draft {
  device: FleetDevice
  cause: Cause
  /** What becomes of it without a place in the waves. */
  change?: Exclude<Change, Turn>
  target?: {
    deviceType: string
    from: string
    to: string
    state: 'update' | 'configure' | 'already-there' | 'already-pending' | Held
    configuration: WantedConfiguration | undefined
  }
}

/** What Git and the facts say of one device, but for the others of its stage. */
export function draftOf(device: FleetDevice, world: World): Draft {
  const { file, line } = device.at()
  const cause = { file, line }
  const about = { device: device.id, host: device.host, cause }
  const facts = world.facts.get(device.id)
  const block = (by: Blocker, why: string, to?: string, until?: string): Draft => ({
    device,
    cause,
    change: { kind: 'blocked', ...about, from: facts?.release, to, by, why, until },
  })
  const memberOf = (membership: Membership): Draft => {
    if (membership.kind === 'blocked')
      return block(membership.by, membership.why, undefined, membership.until)
    const place = device.memberAt?.() ?? device.at()
    const change = { ...about, ...membership, cause: { file: place.file, line: place.line } }
    return { device, cause, change }
  }
  const orders = world.orders.get(device.id) ?? []
  if (device.isRetired) return memberOf(retirementOf(facts, { ...world, orders }))
  if (!facts) return block('not-on-server', 'is not on the server: let it connect, or correct its device_id')
  const admission = admissionOf(device, facts, { ...world, orders })
  if (admission) return memberOf(admission)
  const deviceType = facts.deviceType ?? device.deviceType
  if (deviceType === undefined) return block('no-release-fact', 'has never reported its device type')
  if (device.deviceType !== undefined && device.deviceType !== deviceType)
    return block('wrong-device-type', `reports the device type ${deviceType}; Git says ${device.deviceType}`)
  const to = releaseFor(device, deviceType)
  if (to === undefined) return block('no-image', `os_image has no image for the device type ${deviceType}`)
  if (facts.release === undefined)
    return block(
      'no-release-fact',
      'does not report which release it runs: look at its inventory on the server',
      to,
    )
  const target = { deviceType, from: facts.release, to, configuration: plannedOf(device) }
  if (facts.release === to) {
    const { fleet, now } = world
    const state =
      otherContent(facts, to, deviceType, world) ??
      standingThere(device, facts, { fleet, orders, deviceType, release: to, now })
    return { device, cause, target: { ...target, state } }
  }
  const problem = releaseProblem(device, to, deviceType, world)
  if (problem) return block(problem.by, problem.why, to)
  const other = orders.find((order) => order.release !== to)
  const isPending = orders.some((order) => order.release === to)
  const state = other
    ? busyWith(other)
    : isPending
      ? 'already-pending'
      : (heldBy(facts, world.fleet, world.now) ?? 'update')
  return { device, cause, target: { ...target, state } }
}

/**
 * Whether what a device runs under a release's name is other content than the server has under it by now. The update client
 * would take an order of it for done, so it can't be ordered; and what this device shows says nothing of that content.
 */
function otherContent(
  facts: DeviceFacts,
  release: string,
  deviceType: string,
  { releases }: World,
): Held | undefined {
  const images = imagesIn(artifactsFor(releases, release, deviceType))
  const runs = otherImageOf(facts, images)
  if (runs === undefined) return undefined
  const [wanted] = images
  return {
    by: 'other-content',
    why: `reports ${release}, but its image is ${short(runs)}, and the server's of that name ${short(wanted ?? '')}: give the newer build a name of its own`,
  }
}

const short = (checksum: string) => `${checksum.slice(0, 12)}…`

/** Why a release can't be ordered for a device, whatever its turn. */
function releaseProblem(
  { isLab }: FleetDevice,
  release: string,
  deviceType: string,
  { fleet, releases }: World,
): Held | undefined {
  const content = contentOf(releases, release, deviceType)
  const { knownBad } = fleet.switches
  if (knownBad.has(release) || (content !== undefined && knownBad.has(content)))
    return { by: 'known-bad', why: `${release} is listed in known-bad: choose another release` }
  if (!releases.has(release))
    return { by: 'release-missing', why: `the server has no release ${release}: upload its artifact` }
  if (content === undefined)
    return {
      by: 'release-missing',
      why: `${release} has no artifact for the device type ${deviceType}: upload one`,
    }
  if (!isLab && artifactsFor(releases, release, deviceType).some(isLabArtifact))
    return {
      by: 'lab-artifact',
      why: `${release} is of the variant lab for the device type ${deviceType}, and Git says no lab: true: choose a release for the field`,
    }
  return undefined
}
