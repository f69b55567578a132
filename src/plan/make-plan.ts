import type { Fleet, FleetDevice, Stage } from '../fleet/fleet.ts'
import type { Facts } from '../ota/ota.ts'
import { Failure, counted } from '../platform/platform.ts'
import { shownFact } from './configuring.ts'
import { countsOf } from './counts.ts'
import { type Draft, type World, draftOf } from './draft.ts'
import { openOrders } from './held.ts'
import {
  type Change,
  type Plan,
  type PlannedWave,
  type Stranger,
  hasTurn,
  type PlannedConfiguration,
  type WantedConfiguration,
} from './model.ts'
import { type Releases, desiredDigest } from './releases.ts'
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
  const orders = openOrders(facts.openDeployments)
  const world: World = { fleet, stage, releases, facts: byId(facts), orders, now }
  const drafts = devices.map((device) => draftOf(device, world))
  requireKnown(drafts, facts.server, stage.name)
  const placed = withWaves(drafts, stage, world.facts)
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
    counts: countsOf(changes),
    waves,
    changes,
    notInGit: strangersOf(fleet, facts),
  }
}

/** Where the server knows nobody, it is the wrong server or the ids are wrong: nothing else is said of such a stage. */
function requireKnown(drafts: readonly Draft[], server: string, stage: string): void {
  const wanted = drafts.flatMap(({ device }) => (device.isRetired ? [] : [device]))
  const isKnown = ({ device, change }: Draft) =>
    device.isRetired
      ? change?.kind !== 'no-op'
      : !(change?.kind === 'blocked' && change.by === 'not-on-server')
  if (wanted.length === 0 || drafts.some(isKnown)) return
  const names = wanted.slice(0, 5).map(({ host, id }) => (host === id ? id : `${host} (${id})`))
  throw new Failure(
    'no-device-matched',
    `${server} knows none of the ${counted(wanted.length, 'device')} of ${stage} (${names.join(', ')}): check their device_id and the server`,
  )
}

/** Devices that the server has and no stage, for people to look at. */
function strangersOf(fleet: Fleet, { devices }: Facts): Stranger[] {
  const named = new Set(fleet.devices.map(({ id }) => id))
  return devices.flatMap(({ id, status, deviceType }) =>
    named.has(id) ? [] : [{ device: id, status, ...(deviceType === undefined ? {} : { deviceType }) }],
  )
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

function withWaves(drafts: readonly Draft[], stage: Stage, facts: World['facts']): Change[] {
  const targets = drafts.flatMap(({ device, target }) => (target ? [{ device: device.id, ...target }] : []))
  const releaseWaves = wavesBy(targets, stage, () => '')
  const configured = targets.filter(({ configuration }) => configuration)
  const templateWaves = wavesBy(configured, stage, ({ configuration }) => configuration?.template ?? '')
  return drafts.flatMap(({ device, cause, change, target }): Change[] => {
    if (change) return [change]
    if (!target) return []
    const about = { device: device.id, host: device.host, cause }
    const { deviceType, from, to, state, configuration } = target
    const wave = releaseWaves.get(device.id) ?? stage.waves.length
    const own = { ...about, deviceType, site: device.site }
    const planned = configuration && {
      ...configuration,
      wave: templateWaves.get(device.id) ?? stage.waves.length,
    }
    const follows = planned ? { configuration: planned } : {}
    if (state === 'update') return [{ kind: 'update', ...own, from, to, wave, ...follows }]
    if (state === 'configure')
      return [configureOf(device, own, { on: to, releaseWave: wave, planned }, facts)]
    if (typeof state === 'string') return [{ kind: 'no-op', ...own, to, why: state, wave, ...follows }]
    const { by, why, until } = state
    const place = { wave, deviceType, ...(device.site === undefined ? {} : { site: device.site }) }
    return [{ kind: 'blocked', ...about, from, to, by, why, until, ...place, ...follows }]
  })
}

interface Target {
  device: string
  deviceType: string
  to: string
  configuration: WantedConfiguration | undefined
}

/** The wave of each device among those that are to run the same release and have the same `group`. */
function wavesBy(
  targets: readonly Target[],
  stage: Stage,
  group: (target: Target) => string,
): ReadonlyMap<string, number> {
  const groups = Map.groupBy(targets, (target) => JSON.stringify([target.to, group(target)]))
  return new Map(
    [...groups.values()].flatMap((members) => [...placesOf(members, members[0]?.to ?? '', stage.waves)]),
  )
}

/** The change of a device that gets a configuration on the release that it runs; its line is the one that names the template. */
function configureOf(
  device: FleetDevice,
  own: { device: string; host: string; deviceType: string; site: string | undefined },
  {
    on,
    releaseWave,
    planned,
  }: { on: string; releaseWave: number; planned: PlannedConfiguration | undefined },
  facts: World['facts'],
): Change {
  const reported = facts.get(device.id)
  if (!planned || !device.configuration || !reported)
    throw new Failure('internal', `${device.host} is to be configured, and nothing says with what`)
  const { file, line } = device.configuration.at()
  const from = shownFact(reported, device)
  const { template, to, wave } = planned
  return { kind: 'configure', ...own, cause: { file, line }, template, from, to, on, wave, releaseWave }
}

function plannedWaves(stage: Stage, changes: readonly Change[]): PlannedWave[] {
  return stage.waves.map((step, index) => {
    const members = changes.filter((change) => hasTurn(change) && change.wave === index + 1)
    return {
      wave: index + 1,
      share: waveLabel(step),
      devices: members.length,
      updates: members.filter(({ kind }) => kind === 'update' || kind === 'configure').length,
    }
  })
}

const byId = (facts: Facts) => new Map(facts.devices.map((device) => [device.id, device]))
