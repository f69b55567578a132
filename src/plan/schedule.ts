// One tick of a stage: reads Git, facts and orders, does the one next thing that is due, and ends.
import { type Fleet, type Stage, type Switches, warningsFor } from '../fleet/fleet.ts'
import type { OtaServer } from '../ota/ota.ts'
import { type Context, oneLine, plainContext } from '../platform/platform.ts'
import { emergencyOf, inEmergency } from './emergency.ts'
import { type FleetGit, openFleetGit } from './fleet-git.ts'
import type { Tips } from './git.ts'
import { stageOf } from './make-plan.ts'
import { type ScheduleOptions, TickRun, isBehind } from './tick-run.ts'
import { type Tick, supersededTick } from './tick.ts'

/**
 * One tick of `stageName`. May be repeated at any time, also after it was killed: orders have names that follow from what
 * they are for and are looked up first. `git` is the checkout that the fleet was read from, unless given. Throws
 * `shallow-clone`, `not-a-stage`, `no-device-matched`, `release-missing`, `not-reviewed`, `plan-changed`, `over-budget`, and
 * what the server and Git throw; nothing was written then. A halted stage is no exception but a state.
 */
export async function schedule(
  fleet: Fleet,
  stageName: string,
  server: OtaServer,
  options: ScheduleOptions = {},
  context: Context = plainContext(),
  git?: FleetGit,
): Promise<Tick> {
  const stage = stageOf(fleet, stageName)
  const history = git ?? (await openFleetGit(fleet.folder, context))
  const tips = await history.tips()
  if (isBehind(history, tips, stage))
    return supersededTick(stage.name, history.head, options.isDryRun ?? false)
  await history.requireCommitted()
  for (const { file, line, message } of warningsFor(fleet, stage.name))
    context.log.info(`warning: ${file}:${line ?? 1}: ${message}`)
  const switches = await switchesFor(fleet, stage, history, tips)
  const emergency = emergencyOf(switches, stage, context.clock.now())
  const ground = inEmergency({ fleet: { ...fleet, switches }, stage, git: history }, emergency)
  if (!emergency) return await new TickRun(ground, server, options, context).run()
  const { release, reason, until } = emergency
  context.log.warn(
    `emergency: stage ${stage.name} goes to ${oneLine(release)} until ${until.toISOString()}: ${oneLine(reason)}`,
  )
  // the emergency was merged into the default branch: that is its review
  const { review: _, ...others } = options
  return await new TickRun(ground, server, others, context).run()
}

/** freeze, known-bad, retry and emergency work at once for every stage: they are those of the default branch. */
async function switchesFor(fleet: Fleet, stage: Stage, git: FleetGit, tips: Tips): Promise<Switches> {
  const { defaultBranch } = tips
  if (defaultBranch === undefined || defaultBranch === stage.branch) return fleet.switches
  return await git.switchesAt(tips, defaultBranch)
}
