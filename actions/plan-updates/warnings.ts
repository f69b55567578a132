import { type Fleet, type FleetWarning, policyFileName } from '../../src/fleet/fleet.ts'
import { type Event, isProtected, openGitHub } from '../../src/github/github.ts'
import type { Facts } from '../../src/ota/ota.ts'
import { runnerWarnings, stageOf } from '../../src/plan/plan.ts'
import type { Context } from '../../src/platform/platform.ts'

/** The fleet with what its files alone could not warn of: what devices report, and how GitHub guards the stage's branch. */
export async function withWarnings(
  fleet: Fleet,
  stage: string,
  facts: Facts,
  { event, token }: { event: Event; token: string | undefined },
  context: Context,
): Promise<Fleet> {
  const warnings = [
    ...(await protectionWarnings(fleet, stage, event, token, context)),
    ...runnerWarnings(fleet, stage, facts),
  ]
  return { ...fleet, warnings: [...fleet.warnings, ...warnings] }
}

/** Whoever can push to the default branch moves its devices, and sets the switches of all stages. */
async function protectionWarnings(
  fleet: Fleet,
  name: string,
  { repository, defaultBranch }: Event,
  token: string | undefined,
  context: Context,
): Promise<FleetWarning[]> {
  const stage = stageOf(fleet, name)
  if (stage.branch !== defaultBranch || !repository || token === undefined) return []
  const github = openGitHub({ token, repository }, context)
  if ((await isProtected(github, defaultBranch, context)) !== false) return []
  const { file, line } = stage.at ?? { file: policyFileName, line: 1 }
  const message = `stages.${name}: its branch ${defaultBranch} is the default branch and is not protected: whoever may push to it moves devices without a review, and sets freeze and emergency for every stage. Protect it on GitHub`
  return [{ stage: name, file, line, message }]
}
