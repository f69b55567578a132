import {
  type Repository,
  type StageState,
  keepCommitStatus,
  keepDeployment,
  openGitHub,
  runPage,
  tryToPublish,
} from '../../src/github/github.ts'
import type { Tick } from '../../src/plan/plan.ts'
import type { Context } from '../../src/platform/platform.ts'
import { tickHeadline } from '../../src/report/report.ts'

/**
 * Shows on GitHub how the stage stands at its commit: a deployment and a commit status. What GitHub refuses is a warning:
 * the tick has done its work. A dry run and a superseded tick publish nothing.
 */
export async function publishTick(
  tick: Tick,
  repository: Repository | undefined,
  token: string | undefined,
  context: Context,
): Promise<void> {
  const state = stateOf(tick)
  if (!repository || token === undefined || state === undefined || tick.isDryRun) return
  const github = openGitHub({ token, repository }, context)
  const { stage, commit } = tick
  const status = { stage, commit, state, description: tickHeadline(tick), link: runPage() }
  const results = await Promise.all([
    tryToPublish('The deployment', () => keepDeployment(github, status), 'deployments: write'),
    tryToPublish('The commit status', () => keepCommitStatus(github, status), 'statuses: write'),
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
