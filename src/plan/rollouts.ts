import type { Fleet, Stage } from '../fleet/fleet.ts'
import { type Facts, type OtaServer, imagesIn } from '../ota/ota.ts'
import { configurationRollouts } from './configuration-rollouts.ts'
import type { RolloutDevices, RolloutState } from './due.ts'
import type { FleetGit } from './fleet-git.ts'
import type { Outcome } from './gate.ts'
import { type Plan, configurationOf, isMoving, releaseOf } from './model.ts'
import { type Releases, artifactsFor, contentOf } from './releases.ts'
import {
  type Rollout,
  findPlaced,
  isConfigurationOn,
  isOrderIn,
  isOrderOf,
  outcomeOf,
  rolloutId,
} from './rollout.ts'

/** The rollouts that a plan's devices belong to, with their orders so far; none where every device is there already. */
export async function rolloutsOf(
  plan: Plan,
  facts: Facts,
  fleet: Fleet,
  stage: Stage,
  git: FleetGit,
  server: OtaServer,
  now: Date,
): Promise<RolloutState[]> {
  const { updates, configures, alreadyPending } = plan.counts
  if (updates + configures + alreadyPending === 0) return [] // no gate to judge
  const releases = new Map(facts.releases.map((release) => [release.name, release]))
  const members = [
    ...(await membersByRollout(plan, releases, fleet, stage, git)),
    ...(await configurationRollouts(plan, releases, fleet, stage, git)),
  ]
  const byId = new Map(facts.devices.map((device) => [device.id, device]))
  const waveOf = new Map(plan.changes.map((change) => [change.device, configurationOf(change)?.wave]))
  const there = new Map(
    members.flatMap(({ rollout, devices }) => {
      const [device, ...others] = devices
      const reported = byId.get(device ?? '')
      // of several, one could be taken to have had the order of another
      const isAlone = rollout.configuration && reported && others.length === 0
      const isThere = isAlone && outcomeOf(reported, rollout, [], stage.gate, now).kind === 'success'
      return isThere ? [[rollout, reported.id] as const] : []
    }),
  )
  const placedIn = await findPlaced(
    server,
    members.map(({ rollout }) => rollout),
    stage.waves.length,
    (rollout, wave) => {
      const device = there.get(rollout)
      return device !== undefined && waveOf.get(device) === wave ? [device] : []
    },
  )
  const states: (Omit<RolloutState, 'left'> & { ended: readonly string[] })[] = []
  for (const { rollout, devices } of members) {
    const placed = placedIn.get(rollout) ?? []
    const ended = [...devices].filter((device) => {
      const reported = byId.get(device)
      return reported && hasEndedBadly(outcomeOf(reported, rollout, placed, stage.gate, now))
    })
    states.push({ rollout, devices, placed, ended })
  }
  const taken = await server.lastTaken(states.flatMap(({ ended }) => ended))
  return states.map(({ ended, ...state }) => {
    const left = ended.filter((device) => hasLeft(taken.get(device), state.rollout, stage))
    return { ...state, left: new Set(left) }
  })
}

const hasEndedBadly = ({ kind }: Outcome) => kind === 'failure' || kind === 'aborted'

/**
 * Whether a device whose order of this rollout ended badly was given another release by us since. A line in Git that was
 * overridden for the device a while and then counts again is the same line, and so the same rollout.
 */
function hasLeft(lastTaken: string | undefined, rollout: Rollout, stage: Stage): boolean {
  if (lastTaken === undefined || !isOrderOf(stage.name, lastTaken) || isOrderIn(rollout, lastTaken))
    return false
  // a configuration on the release itself is no other release
  return rollout.configuration !== undefined || !isConfigurationOn(rollout.release, lastTaken)
}

async function membersByRollout(
  plan: Plan,
  releases: Releases,
  fleet: Fleet,
  stage: Stage,
  git: FleetGit,
): Promise<Iterable<RolloutDevices>> {
  const devices = new Map(fleet.devices.map((device) => [device.id, device]))
  const moving = plan.changes.flatMap((change) => {
    const device = devices.get(change.device)
    if (!isMoving(change) || !device) return []
    return [{ device, deviceType: change.deviceType, release: releaseOf(change) }]
  })
  const commits = await git.introducingCommits(moving)
  const members = new Map<string, { rollout: Rollout; devices: Set<string> }>()
  for (const { device, deviceType, release } of moving) {
    const commit = commits.get(device.id)
    const content = contentOf(releases, release, deviceType)
    if (!commit || !content) continue // there already, and its release is gone from the server
    const id = rolloutId(stage.name, content, commit.id)
    let member = members.get(id)
    if (!member) {
      const attempt = fleet.switches.retry.get(id) ?? 1
      const images = imagesIn(artifactsFor(releases, release, deviceType))
      member = { rollout: { id, release, commit, attempt, content, images }, devices: new Set() }
      members.set(id, member)
    }
    member.devices.add(device.id)
  }
  return members.values()
}
