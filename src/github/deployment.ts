// How a stage stands at a commit, where people look on GitHub: a deployment of its own environment, and a commit status.
// One of each for a commit and stage, found again and updated; nothing is written where nothing has changed.
import * as v from 'valibot'
import { oneLine, shorten } from '../platform/platform.ts'
import type { GitHub } from './client.ts'

/** How far a stage is. */
export type StageState = 'queued' | 'in_progress' | 'success' | 'failure'

export interface StageStatus {
  stage: string
  /** The commit of the stage's branch that is rolled out. */
  commit: string
  state: StageState
  /** One sentence; GitHub shows 140 characters. */
  description: string
  /** Where more is to read. */
  link?: string | undefined
}

const maxDescription = 140
// tells our deployments from those of workflows that name the same environment
const task = 'drover'

const deployment = v.object({ id: v.number() })
const deploymentStatus = v.object({ state: v.string(), description: v.nullish(v.string()) })
const commitStatus = v.object({
  context: v.string(),
  state: v.string(),
  description: v.nullish(v.string()),
})

/**
 * Keeps the deployment of a commit to a stage's environment; returns whether anything was written. At most four requests.
 * Throws `github-refused` (the token needs `deployments: write`), `unreachable`.
 */
export async function keepDeployment(github: GitHub, status: StageStatus): Promise<boolean> {
  const { commit, state, link } = status
  const environment = shorten(oneLine(status.stage), 255)
  const found = await github.send(
    {
      method: 'GET',
      route: '/repos/{owner}/{repo}/deployments',
      parameters: { sha: commit, environment, task, per_page: 1 },
    },
    v.array(deployment),
  )
  const { id } = found[0] ?? (await createDeployment(github, commit, environment))
  const route = '/repos/{owner}/{repo}/deployments/{deployment_id}/statuses'
  const newest = { deployment_id: id, per_page: 1 }
  const [last] = found[0]
    ? await github.send({ method: 'GET', route, parameters: newest }, v.array(deploymentStatus))
    : []
  const description = short(status.description)
  if (last?.state === state && last.description === description) return false
  const parameters = {
    deployment_id: id,
    state,
    description,
    ...(link === undefined ? {} : { log_url: link }),
  }
  await github.send({ method: 'POST', route, parameters }, deploymentStatus)
  return true
}

async function createDeployment(
  github: GitHub,
  commit: string,
  environment: string,
): Promise<v.InferOutput<typeof deployment>> {
  // what is merged was reviewed already: GitHub is to merge nothing and to ask for no checks
  const parameters = { ref: commit, environment, task, auto_merge: false, required_contexts: [] }
  return await github.send(
    { method: 'POST', route: '/repos/{owner}/{repo}/deployments', parameters },
    deployment,
  )
}

/**
 * Keeps the status `drover/<stage>` of a commit; returns whether anything was written. At most two requests. Throws
 * `github-refused` (the token needs `statuses: write`), `unreachable`.
 */
export async function keepCommitStatus(github: GitHub, status: StageStatus): Promise<boolean> {
  const context = `drover/${shorten(oneLine(status.stage), 200)}`
  const parameters = { ref: status.commit, per_page: 100 }
  const route = '/repos/{owner}/{repo}/commits/{ref}/status'
  const { statuses } = await github.send(
    { method: 'GET', route, parameters },
    v.object({ statuses: v.array(commitStatus) }),
  )
  const last = statuses.find((one) => one.context === context)
  const state = status.state === 'success' || status.state === 'failure' ? status.state : 'pending'
  const description = short(status.description)
  if (last?.state === state && last.description === description) return false
  await github.send(
    {
      method: 'POST',
      route: '/repos/{owner}/{repo}/statuses/{sha}',
      parameters: {
        sha: status.commit,
        state,
        context,
        description,
        ...(status.link === undefined ? {} : { target_url: status.link }),
      },
    },
    commitStatus,
  )
  return true
}

const short = (text: string) => shorten(oneLine(text), maxDescription)
