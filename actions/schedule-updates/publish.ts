import {
  type Repository,
  type StageState,
  type StageStatus,
  keepCommitStatus,
  keepDeployment,
  openGitHub,
  runPage,
  tryToPublish,
} from '../../src/github/github.ts'
import type { Tick } from '../../src/plan/plan.ts'
import { type Context, Failure, type FailureReason, runOk } from '../../src/platform/platform.ts'
import { tickHeadline } from '../../src/report/report.ts'
import { offerKnownBad } from './offer.ts'

/** Where a tick is shown on GitHub: nowhere without a repository and a token, or in a dry run. */
export interface Place {
  repository: Repository | undefined
  token: string | undefined
  /** The fleet's folder. */
  folder: string
  isDryRun: boolean
}

/**
 * Shows on GitHub how the stage stands at its commit: a deployment and a commit status, and where it is halted a pull request
 * that marks what failed. What GitHub refuses is a warning: the tick has done its work. A superseded tick shows nothing.
 */
export async function showTick(tick: Tick, place: Place, context: Context): Promise<void> {
  const state = stateOf(tick)
  if (state === undefined) return
  const { stage, commit } = tick
  await show({ stage, commit, state, description: tickHeadline(tick) }, place, context)
  await offerKnownBad(tick, place, context)
}

/** What no later tick on the same commit mends by itself. */
const lasting: readonly FailureReason[] = [
  'not-reviewed',
  'plan-changed',
  'over-budget',
  'release-missing',
  'no-device-matched',
]

/** Runs a tick; where it refuses a commit for good, that is shown as the stage's failure, and thrown again. */
export async function orShowRefusal(
  stage: string,
  place: Place,
  context: Context,
  work: () => Promise<Tick>,
): Promise<Tick> {
  try {
    return await context.log.group(`Stage ${stage}`, work)
  } catch (error) {
    if (!(error instanceof Failure) || !lasting.includes(error.reason)) throw error
    const description = `${error.reason}: ${error.message}`
    const commit = await runOk('git', ['rev-parse', 'HEAD'], { cwd: place.folder, what: 'git rev-parse' })
    await show({ stage, commit: commit.trim(), state: 'failure', description }, place, context)
    throw error
  }
}

async function show(
  status: StageStatus,
  { repository, token, isDryRun }: Place,
  context: Context,
): Promise<void> {
  if (!repository || token === undefined || isDryRun) return
  const github = openGitHub({ token, repository }, context)
  const linked = { ...status, link: runPage() }
  const results = await Promise.all([
    tryToPublish('The deployment', () => keepDeployment(github, linked), 'deployments: write'),
    tryToPublish('The commit status', () => keepCommitStatus(github, linked), 'statuses: write'),
  ])
  for (const result of results) if (!result.isDone) context.log.warn(result.why)
}

function stateOf(tick: Tick): StageState | undefined {
  switch (tick.state) {
    case 'superseded':
      return undefined
    case 'done':
      return 'success'
    case 'halted':
      return 'failure'
    case 'in-progress':
      return 'in_progress'
    case 'waiting':
      return tick.wave > 0 ? 'in_progress' : 'queued'
  }
}
