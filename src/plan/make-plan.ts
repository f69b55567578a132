import { type Fleet, type FleetDevice, type Stage, releaseFor } from '../fleet/fleet.ts'
import { type Deployment, type DeviceFacts, type Facts, isOpenState } from '../ota/ota.ts'
import { Failure, oneLine } from '../platform/platform.ts'
import type { Blocker, Cause, Change, Plan, PlannedWave } from './model.ts'
import { type Releases, contentOf, desiredDigest } from './releases.ts'
import { withTimes } from './times.ts'
import { waveLabel, waves as placesOf } from './waves.ts'

/**
 * What bringing `stage` to what Git says would do to each of its devices: a pure function of its arguments. Changes stand
 * in the inventory's order, every device of the stage once. Throws `not-a-stage`, and `no-device-matched` where the stage
 * has no devices (unless it may be empty) or the server knows none of them.
 */
export function makePlan(fleet: Fleet, stageName: string, facts: Facts, now: Date): Plan {
  const stage = stageOf(fleet, stageName)
  const devices = fleet.devices.filter((device) => device.stage === stage.name)
  if (devices.length === 0 && !stage.mayBeEmpty)
    throw new Failure(
      'no-device-matched',
      `no device subscribes to ${stage.branch}, the branch of ${stage.name}`,
    )
  const releases: Releases = new Map(facts.releases.map((release) => [release.name, release]))
  const world: World = { fleet, releases, facts: byId(facts), orders: openOrders(facts), now }
  const drafts = devices.map((device) => draft(device, world))
  if (drafts.length > 0 && drafts.every(({ change }) => change?.by === 'not-on-server')) {
    const names = devices.slice(0, 5).map(({ host, id }) => (host === id ? id : `${host} (${id})`))
    throw new Failure(
      'no-device-matched',
      `${facts.server} knows none of the ${devices.length} devices of ${stage.name} (${names.join(', ')}): check their device_id and the server`,
    )
  }
  const placed = withWaves(drafts, stage)
  const planned = { changes: placed, waves: plannedWaves(stage, placed) }
  const { changes, waves } = withTimes(planned, fleet, stage, now)
  return {
    schema: 'drover/plan/v1',
    stage: stage.name,
    branch: stage.branch,
    server: facts.server,
    createdAt: now.toISOString(),
    factsAt: facts.gatheredAt,
    digest: desiredDigest(stage.name, devices, releases),
    counts: {
      inGit: devices.length,
      updates: changes.filter(({ kind }) => kind === 'update').length,
      alreadyPending: changes.filter((change) => change.kind === 'no-op' && change.why === 'already-pending')
        .length,
      alreadyThere: changes.filter((change) => change.kind === 'no-op' && change.why === 'already-there')
        .length,
      blocked: changes.filter(({ kind }) => kind === 'blocked').length,
    },
    waves,
    changes,
  }
}

/** A stage by name; throws `not-a-stage` with those there are. */
export function stageOf(fleet: Fleet, name: string): Stage {
  const stage = fleet.stages.get(name)
  if (stage) return stage
  throw new Failure(
    'not-a-stage',
    `there is no stage ${name}; the fleet has ${[...fleet.stages.keys()].join(', ')}`,
  )
}

interface World {
  fleet: Fleet
  releases: Releases
  facts: ReadonlyMap<string, DeviceFacts>
  orders: ReadonlyMap<string, readonly Deployment[]>
  now: Date
}

type BlockedChange = Extract<Change, { kind: 'blocked' }>

/** A device before its wave is known: what blocks it for good, or what it would be if its turn came. */
interface Draft {
  device: FleetDevice
  cause: Cause
  change?: BlockedChange
  target?: {
    deviceType: string
    from: string
    to: string
    state: 'update' | 'already-there' | 'already-pending' | Held
  }
}

/** Blocked for now: it keeps its place in the waves. */
interface Held {
  by: Blocker
  why: string
  until?: string
}

function draft(device: FleetDevice, world: World): Draft {
  const { file, line } = device.at()
  const cause = { file, line }
  const facts = world.facts.get(device.id)
  const block = (by: Blocker, why: string, to?: string): Draft => ({
    device,
    cause,
    change: {
      kind: 'blocked',
      device: device.id,
      host: device.host,
      cause,
      from: facts?.release,
      to,
      by,
      why,
      until: undefined,
    },
  })
  if (device.isRetired) return block('retired', 'is retired in Git: it gets no orders')
  if (!facts) return block('not-on-server', 'is not on the server: let it connect, or correct its device_id')
  if (facts.status !== 'accepted')
    return block('not-accepted', `is ${facts.status} on the server: accept it there first`)
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
  const target = { deviceType, from: facts.release, to }
  if (facts.release === to) {
    const order = otherOrder(device, to, world)
    return { device, cause, target: { ...target, state: order ? busy(order) : 'already-there' } }
  }
  const problem = releaseProblem(to, deviceType, world)
  if (problem) return block(problem.by, problem.why, to)
  return { device, cause, target: { ...target, state: stateOf(device, facts, to, world) } }
}

function releaseProblem(release: string, deviceType: string, { fleet, releases }: World): Held | undefined {
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
  return undefined
}

function stateOf(
  device: FleetDevice,
  facts: DeviceFacts,
  to: string,
  world: World,
): 'update' | 'already-pending' | Held {
  const other = otherOrder(device, to, world)
  if (other) return busy(other)
  if ((world.orders.get(device.id) ?? []).some((order) => order.release === to)) return 'already-pending'
  const { freeze } = world.fleet.switches
  if (freeze && (freeze.until === undefined || freeze.until > world.now)) {
    const until = freeze.until?.toISOString()
    return {
      by: 'frozen',
      why: `the fleet is frozen: ${freeze.reason}`,
      ...(until === undefined ? {} : { until }),
    }
  }
  const { lease } = facts
  if (lease && Date.parse(lease.until) > world.now.getTime()) {
    const why = `is leased to ${oneLine(lease.holder)}: it gets nothing until that is over`
    return { by: 'leased', why, until: lease.until }
  }
  return 'update'
}

const otherOrder = (device: FleetDevice, to: string, { orders }: World) =>
  (orders.get(device.id) ?? []).find((order) => order.release !== to)

const busy = (order: Deployment): Held => ({
  by: 'busy',
  why: `has an open order of ${order.release} (${order.name}): wait for it, or abort it on the server`,
})

function withWaves(drafts: readonly Draft[], stage: Stage): Change[] {
  const byRelease = new Map<string, { device: string; deviceType: string }[]>()
  for (const { device, target } of drafts) {
    if (!target) continue
    const members = byRelease.get(target.to) ?? []
    members.push({ device: device.id, deviceType: target.deviceType })
    byRelease.set(target.to, members)
  }
  const placed = new Map(
    [...byRelease].map(([release, members]) => [release, placesOf(members, release, stage.waves)] as const),
  )
  return drafts.flatMap(({ device, cause, change, target }): Change[] => {
    if (change) return [change]
    if (!target) return []
    const about = { device: device.id, host: device.host, cause }
    const { deviceType, from, to, state } = target
    const wave = placed.get(to)?.get(device.id) ?? stage.waves.length
    if (state === 'update')
      return [{ kind: 'update', ...about, deviceType, site: device.site, from, to, wave }]
    if (typeof state === 'string')
      return [{ kind: 'no-op', ...about, deviceType, site: device.site, to, why: state, wave }]
    const { by, why, until } = state
    const place = { wave, deviceType, ...(device.site === undefined ? {} : { site: device.site }) }
    return [{ kind: 'blocked', ...about, from, to, by, why, until, ...place }]
  })
}

function plannedWaves(stage: Stage, changes: readonly Change[]): PlannedWave[] {
  return stage.waves.map((step, index) => {
    const members = changes.filter((change) => change.kind !== 'blocked' && change.wave === index + 1)
    return {
      wave: index + 1,
      share: waveLabel(step),
      devices: members.length,
      updates: members.filter(({ kind }) => kind === 'update').length,
    }
  })
}

const byId = (facts: Facts) => new Map(facts.devices.map((device) => [device.id, device]))

function openOrders(facts: Facts): Map<string, Deployment[]> {
  const orders = new Map<string, Deployment[]>()
  for (const deployment of facts.openDeployments) {
    for (const [device, state] of deployment.devices) {
      if (!isOpenState(state)) continue
      const list = orders.get(device)
      if (list) list.push(deployment)
      else orders.set(device, [deployment])
    }
  }
  return orders
}
