// The few parts of GitHub's REST API that the fleet's workflows use, on loopback, so that a plan's comment can be read again
// by the schedule. What else is asked for is answered with 404 and remembered.
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import * as v from 'valibot'
import { type RunnersState, noRunners, respondOfRunners } from '../../test/github/stand-in-runners.ts'

export interface Comment {
  id: number
  body: string
}

export interface CheckRun {
  id: number
  name: string
  head_sha: string
  conclusion: string
  external_id: string
}

export interface GitHub {
  url: string
  checks: CheckRun[]
  /** Comments of the one pull request. */
  comments: Comment[]
  /** What was said of each stage, by its commit and environment, and by its commit and context; the newest last. */
  deployments: { id: number; sha: string; environment: string; states: string[] }[]
  statuses: { sha: string; context: string; state: string; description: string }[]
  /** The newest commit of the pull request's branch. */
  headCommit: string
  /** Set once the pull request is merged: the commit on its target branch. */
  mergeCommit: string | undefined
  /** Self-hosted runners. */
  runners: RunnersState
  /** Requests that this stand-in has no answer for. */
  unknown: string[]
  close: () => void
}

export const pullRequest = { number: 7, base: 'canary', head: 'update-os', token: 'github-token-of-the-job' }

const bodySchema = v.object({ body: v.string() })
const checkSchema = v.object({
  name: v.string(),
  head_sha: v.string(),
  conclusion: v.string(),
  external_id: v.string(),
})

/** Starts it, with pull request 7 from `update-os` into `canary` and no comment. */
export async function startGitHub(headCommit: string): Promise<GitHub> {
  const server = createServer((request, response) => {
    void answer(github, request).then(([status, body]) => reply(response, status, body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const github: GitHub = {
    url: `http://127.0.0.1:${port}`,
    checks: [],
    comments: [],
    deployments: [],
    statuses: [],
    headCommit,
    mergeCommit: undefined,
    runners: noRunners(),
    unknown: [],
    close: () => server.close(),
  }
  return github
}

async function answer(github: GitHub, request: IncomingMessage): Promise<[number, unknown]> {
  const { pathname, searchParams } = new URL(request.url ?? '/', github.url)
  const path = pathname.replace(/^\/repos\/acme\/devices/, '')
  const asked = `${request.method} ${path}`
  if (!request.headers.authorization?.endsWith(pullRequest.token))
    return [401, { message: 'Bad credentials' }]
  if (path.startsWith('/actions/runners')) {
    const { method = '', url = '' } = request
    return await respondOfRunners(github.runners, { method, url, body: await text(request) })
  }
  const { number } = pullRequest
  const read = async <S extends v.GenericSchema>(schema: S) =>
    v.parse(schema, JSON.parse(await text(request)))
  if (asked === `GET /issues/${number}/comments`) return [200, github.comments.map(asComment)]
  if (asked === `POST /issues/${number}/comments`) {
    const comment = { id: github.comments.length + 1, body: (await read(bodySchema)).body }
    github.comments.push(comment)
    return [201, asComment(comment)]
  }
  const edited = /^PATCH \/issues\/comments\/(\d+)$/.exec(asked)?.[1]
  const comment = github.comments.find(({ id }) => String(id) === edited)
  if (comment) {
    comment.body = (await read(bodySchema)).body
    return [200, asComment(comment)]
  }
  if (asked === 'POST /check-runs') {
    const check = { id: github.checks.length + 1, ...(await read(checkSchema)) }
    github.checks.push(check)
    return [201, check]
  }
  const checked = /^GET \/commits\/([0-9a-f]{40})\/check-runs$/.exec(asked)?.[1]
  if (checked) {
    const found = github.checks.filter(
      ({ head_sha, name }) => head_sha === checked && name === searchParams.get('check_name'),
    )
    return [200, { total_count: found.length, check_runs: found }]
  }
  const commit = /^GET \/commits\/([0-9a-f]{40})\/pulls$/.exec(asked)?.[1]
  if (commit) return [200, commit === github.mergeCommit ? [asPullRequest(github)] : []]
  const shown = await answerOfStage(github, asked, searchParams, read)
  if (shown) return shown
  if (asked === `GET /pulls/${number}`) return [200, asPullRequest(github)]
  github.unknown.push(asked)
  return [404, { message: 'Not Found' }]
}

const deploymentSchema = v.object({ ref: v.string(), environment: v.string() })
const stateSchema = v.object({ state: v.string(), description: v.string() })
const statusSchema = v.object({ ...stateSchema.entries, context: v.string() })

/** How a stage stands: its deployment, and the status of its commit. */
async function answerOfStage(
  { deployments, statuses }: GitHub,
  asked: string,
  query: URLSearchParams,
  read: <S extends v.GenericSchema>(schema: S) => Promise<v.InferOutput<S>>,
): Promise<[number, unknown] | undefined> {
  if (asked === 'GET /deployments')
    return [
      200,
      deployments.filter(
        ({ sha, environment }) => sha === query.get('sha') && environment === query.get('environment'),
      ),
    ]
  if (asked === 'POST /deployments') {
    const { ref: sha, environment } = await read(deploymentSchema)
    const made = { id: deployments.length + 1, sha, environment, states: [] }
    deployments.push(made)
    return [201, made]
  }
  const [, method, id] = /^(GET|POST) \/deployments\/(\d+)\/statuses$/.exec(asked) ?? []
  const deployment = deployments.find((one) => String(one.id) === id)
  if (deployment && method === 'GET')
    return [200, deployment.states.slice(-1).map((state) => ({ state, description: '' }))]
  if (deployment) {
    const sent = await read(stateSchema)
    deployment.states.push(sent.state)
    return [201, sent]
  }
  const commit = /^GET \/commits\/([0-9a-f]{40})\/status$/.exec(asked)?.[1]
  if (commit) return [200, { statuses: statuses.filter(({ sha }) => sha === commit).toReversed() }]
  const sha = /^POST \/statuses\/([0-9a-f]{40})$/.exec(asked)?.[1]
  if (sha === undefined) return undefined
  const status = await read(statusSchema)
  statuses.push({ sha, ...status })
  return [201, status]
}

function asComment({ id, body }: Comment): object {
  const user = { login: 'github-actions[bot]', id: 41898282, type: 'Bot' }
  return {
    id,
    body,
    user,
    performed_via_github_app: { slug: 'github-actions' },
    html_url: `https://github.com/#${id}`,
  }
}

function asPullRequest({ headCommit, mergeCommit }: GitHub): object {
  const { number, base, head } = pullRequest
  return {
    number,
    state: mergeCommit ? 'closed' : 'open',
    merged_at: mergeCommit ? '2026-01-12T12:00:00Z' : null,
    merge_commit_sha: mergeCommit ?? null,
    base: { ref: base },
    head: { ref: head, sha: headCommit },
    html_url: `https://github.com/acme/devices/pull/${number}`,
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}
