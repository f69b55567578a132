// The rollouts of a stage's configurations: one for each template, and in it each equal configuration with orders of its own.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import { configurationContent, imagesIn } from '../ota/ota.ts'
import { canonicalJson, digestOf } from '../platform/platform.ts'
import { artifactOf } from './configuring.ts'
import type { RolloutDevices } from './due.ts'
import type { FleetGit } from './fleet-git.ts'
import { type Plan, configurationOf, isMoving, releaseOf } from './model.ts'
import { type Releases, artifactsFor } from './releases.ts'
import { type Rollout, rolloutId } from './rollout.ts'

/**
 * The rollouts of all templates of which a device is to get a configuration now, with the devices that belong to them: also
 * those that have it, which show that it works. A template's rollout is known by its text and the commit that brought it.
 */
export async function configurationRollouts(
  plan: Plan,
  releases: Releases,
  fleet: Fleet,
  stage: Stage,
  git: FleetGit,
): Promise<RolloutDevices[]> {
  const moved = new Set(
    plan.changes.flatMap((change) => {
      const isMoved =
        change.kind === 'configure' || (change.kind === 'no-op' && change.why === 'already-pending')
      return isMoved ? [configurationOf(change)?.template] : []
    }),
  )
  const devices = new Map(fleet.devices.map((device) => [device.id, device]))
  const members = plan.changes.flatMap((change) => {
    const planned = configurationOf(change)
    const configuration = devices.get(change.device)?.configuration
    if (!isMoving(change) || !planned || !configuration || !moved.has(planned.template)) return []
    return [{ change, planned, configuration }]
  })
  const files = new Set(members.map(({ configuration }) => configuration.source.file))
  const commits = files.size > 0 ? await git.textCommits([...files]) : new Map<string, never>()
  const rollouts = new Map<string, { rollout: Rollout; devices: Set<string> }>()
  for (const { change, planned, configuration } of members) {
    const { source } = configuration
    const commit = commits.get(source.file)
    if (!commit) continue
    const [on, { deviceType, device }] = [releaseOf(change), change]
    const release = artifactOf(planned, on)
    const key = JSON.stringify([release, deviceType])
    const known = rollouts.get(key)
    if (known) {
      known.devices.add(device)
      continue
    }
    const id = rolloutId(stage.name, digestOf(canonicalJson([planned.template, source.digest])), commit.id)
    const attempt = fleet.switches.retry.get(id) ?? 1
    const content = configurationContent(configuration, deviceType)
    const which = { template: planned.template, fingerprint: planned.to, on, deviceType }
    const images = imagesIn(artifactsFor(releases, on, deviceType))
    const rollout = { id, release, commit, attempt, content, images, configuration: which }
    rollouts.set(key, { rollout, devices: new Set([device]) })
  }
  return [...rollouts.values()]
}
