// From what should be and what is to what to do: plans, waves, gates, and the one next step of a rollout. Hides how
// rollouts are named and known again; the state of a rollout is nowhere but in Git and on the OTA server.
export { overBudget } from './budget.ts'
export { changesIn, countsOf } from './counts.ts'
export { makePlan, stageOf } from './make-plan.ts'
export {
  type Blocker,
  type Change,
  type Counts,
  type Plan,
  type PlannedWave,
  type Stranger,
  blockers,
  hasTurn,
  releaseOf,
} from './model.ts'
export { planFile, readPlan, writePlan } from './plan-file.ts'
export { type WaveMember, waveLabel, waves } from './waves.ts'
export { type GroupProgress, type WaveProgress, progressOf } from './progress.ts'
export { type StageHint, locateStage, requireServer, requireMergedServer } from './locate.ts'
export { requireNotHalted, tickOutputs } from './outputs.ts'
export { lacksRelease, requireReleases } from './required-releases.ts'
export { runnerWarnings } from './runner-warnings.ts'
export { schedule } from './schedule.ts'
export type { ScheduleOptions } from './tick-run.ts'
export type { FleetGit } from './fleet-git.ts'
export type { Commit, Tips } from './git.ts'
export type { Wanted } from './introduced.ts'
export type { Review } from './review.ts'
export { type FoundSwitches, readSwitches, switchesInClone } from './switches.ts'
export { type FailedDevice, type Tick, type TickOrder, type Waiting, nextDue, whyFailed } from './tick.ts'
export { type GateState, type Outcome, type RolloutMember, gateOf, tooManyFailures } from './gate.ts'
export { windowAt, windowEnd } from './window.ts'
