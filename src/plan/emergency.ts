// The quick way back: one stage goes to a named release, whatever its branch says, with its failure limit and little else.
import type { Fleet, Stage, Switches } from '../fleet/fleet.ts'
import { canonicalJson, digestOf, hexOf } from '../platform/platform.ts'
import type { FleetGit } from './fleet-git.ts'

/** A stage of a fleet, as a tick finds it. */
export interface Ground {
  fleet: Fleet
  stage: Stage
  git: FleetGit
}

/** The emergency of a stage that holds at `now`, or undefined. */
export function emergencyOf({ emergency }: Switches, stage: Stage, now: Date): Switches['emergency'] {
  return emergency?.stage === stage.name && emergency.until > now ? emergency : undefined
}

/**
 * The same stage in an emergency: every device that isn't retired is to run the release; no earlier stage, soak, window or
 * review is asked for, and the waves are one device of each type, then all. Nobody joins, is removed or configured meanwhile. Limits, budgets and a freeze hold. Its rollout
 * is named by the emergency, so that another one with the same release is another rollout.
 */
export function inEmergency({ fleet, stage, git }: Ground, emergency: Switches['emergency']): Ground {
  if (!emergency) return { fleet, stage, git }
  const { release } = emergency
  const images = [{ deviceType: undefined, release }]
  const quick: Stage = {
    ...stage,
    after: undefined,
    needsReview: false,
    isInEmergency: true,
    window: undefined,
    waves: [
      { kind: 'per-device-type', count: 1 },
      { kind: 'share', share: 1 },
    ],
    gate: { ...stage.gate, soakMs: 0 },
  }
  const id = hexOf(digestOf(canonicalJson({ ...emergency, until: emergency.until.toISOString() })))
  const commit = { id, at: new Date(0) }
  return {
    fleet: {
      ...fleet,
      stages: new Map(fleet.stages).set(stage.name, quick),
      devices: fleet.devices.map((device) => {
        // a configuration was planned for the release that the branch names
        const moved = { ...device, images, configuration: undefined }
        return device.stage === stage.name && !device.isRetired ? moved : device
      }),
    },
    stage: quick,
    git: {
      head: git.head,
      tips: () => git.tips(),
      requireCommitted: () => git.requireCommitted(),
      switchesAt: (tips, branch) => git.switchesAt(tips, branch),
      textCommits: (files) => git.textCommits(files),
      introducingCommits: async (wanted) => new Map(wanted.map(({ device }) => [device.id, commit])),
    },
  }
}
