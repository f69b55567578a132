import {
  type Fleet,
  type FleetPolicy,
  type FleetServer,
  parseFleetPolicy,
  policyFileName,
  readFleetPolicy,
} from '../fleet/fleet.ts'
import { type Context, Failure } from '../platform/platform.ts'
import { hasCommit, openCheckout, readAt, readTips } from './git.ts'

export interface StageHint {
  /** The stage, where somebody named it. */
  stage?: string | undefined
  /** The branch that an event is about, such as a pull request's target; it comes before what is checked out. */
  target?: string | undefined
  /** The branch that started the job; it decides where HEAD is detached. */
  branch?: string | undefined
}

/**
 * The name of the stage to work on: the one that was named, else that of the target branch, the branch that is checked
 * out, the job's branch, or the only stage whose tip HEAD is at. Throws `not-a-stage` with the stages there are.
 */
export async function locateStage(folder: string, hint: StageHint, context: Context): Promise<string> {
  if (hint.stage !== undefined) return hint.stage
  const policy = await readFleetPolicy(folder)
  if (hint.target !== undefined) return stageOfBranch(policy, hint.target)
  const checkout = await openCheckout(folder)
  if (checkout.branch !== undefined) return stageOfBranch(policy, checkout.branch)
  if (hint.branch !== undefined) return stageOfBranch(policy, hint.branch)
  const { byBranch } = await readTips(checkout, context)
  const stages = policy.stages
    ? [...policy.stages.values()].map(({ branch }) => branch)
    : [...byBranch.keys()]
  const here = stages.filter((branch) => byBranch.get(branch) === checkout.head)
  const [only, ...others] = here
  if (only !== undefined && others.length === 0) return stageOfBranch(policy, only)
  throw new Failure(
    'not-a-stage',
    `no branch is checked out (HEAD is detached at ${checkout.head.slice(0, 12)}), and it is the tip of ${here.length === 0 ? 'no stage' : `several stages: ${here.join(', ')}`}: name one as \`stage\``,
  )
}

/** The server that fleet.yml names; throws `bad-input` where it names none. */
export function requireServer(fleet: Fleet): FleetServer {
  if (fleet.server) return fleet.server
  throw new Failure('bad-input', 'fleet.yml names no server: add `server: { type: mender, url: … }`')
}

/**
 * Checks that the server of a checked out pull request is the one that its target branch names: a token isn't sent to a
 * server that nobody merged. Throws `bad-input`, and `shallow-clone` where the target's commit isn't here.
 */
export async function requireMergedServer(
  folder: string,
  server: FleetServer,
  targetCommit: string,
): Promise<void> {
  const merged = await serverOf(folder, targetCommit)
  if (merged?.url === server.url && merged.type === server.type) return
  const change = merged ? `changes the server from ${merged.url} to` : 'is the first to name a server,'
  throw new Failure(
    'bad-input',
    `this pull request ${change} ${server.url}, and the token isn't sent to a server that nobody merged: merge that alone, or plan with a facts file`,
  )
}

async function serverOf(folder: string, commit: string): Promise<FleetServer | undefined> {
  const checkout = await openCheckout(folder)
  if (!(await hasCommit(checkout, commit)))
    throw new Failure(
      'shallow-clone',
      `the checkout lacks ${commit.slice(0, 12)}, which tells the server that was merged: check out with fetch-depth: 0`,
    )
  const text = await readAt(checkout, commit, policyFileName)
  return text === undefined
    ? undefined
    : parseFleetPolicy(text, `${commit.slice(0, 12)}:${policyFileName}`).server
}

function stageOfBranch(policy: FleetPolicy, branch: string): string {
  if (!policy.stages) return branch
  const stages = [...policy.stages.values()]
  const stage = stages.find((one) => one.branch === branch)
  if (stage) return stage.name
  const known = stages.map((one) => `${one.name} (${one.branch})`).join(', ')
  throw new Failure('not-a-stage', `the branch ${branch} is no stage of fleet.yml, which has ${known}`)
}
