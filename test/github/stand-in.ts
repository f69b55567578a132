// A stand-in of GitHub's API on loopback: the few calls that are made, with the status codes and limits of the real one.
// It checks what it is sent where the real one does: 65,536 characters a comment, 50 annotations a request, rights.
import { type IncomingMessage, createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { text } from 'node:stream/consumers'
import * as v from 'valibot'
import { type RepositoryState, respondOfRepository } from './stand-in-repository.ts'
import { type RunnersState, noRunners, respondOfRunners } from './stand-in-runners.ts'

export interface StandIn {
  url: string
  comments: { id: number; body: string; user: { id: number; type: string } }[]
  checks: {
    id: number
    name: string
    head_sha: string
    conclusion?: string | undefined
    external_id: string
    output: { title: string; summary: string }
    annotations: unknown[]
  }[]
  pullRequests: {
    number: number
    merged_at: string | null
    merge_commit_sha: string
    base: { ref: string }
    head: { sha: string }
  }[]
  /** Deployments with their statuses, newest last. */
  deployments: {
    id: number
    sha: string
    environment: string
    task: string
    statuses: { state: string; description: string; log_url?: string | undefined }[]
  }[]
  /** Commit statuses, newest last. */
  statuses: {
    sha: string
    context: string
    state: string
    description: string
    target_url?: string | undefined
  }[]
  repository: RepositoryState
  /** Self-hosted runners. */
  runners: RunnersState
  /** How workflow runs stand, by their numbers. */
  runs: Record<string, 'queued' | 'in_progress' | 'completed'>
  /** `GET`, `POST …` of everything that was asked for, in order. */
  requests: string[]
  /** What the token may not do: paths that match are answered with 403. */
  forbidden: RegExp | undefined
  /** Answers the next so many requests with this status. */
  troubles: { status: number; headers?: Record<string, string> }[]
}

const repository = '/repos/octo/fleet'
const bot = { id: 41898282, type: 'Bot' }
const comment = v.object({ body: v.string() })
const annotation = v.object({
  path: v.string(),
  start_line: v.number(),
  end_line: v.number(),
  annotation_level: v.picklist(['notice', 'warning', 'failure']),
  message: v.string(),
})
const output = v.object({
  title: v.string(),
  summary: v.string(),
  annotations: v.optional(v.array(annotation), []),
})
const check = v.object({
  name: v.string(),
  head_sha: v.string(),
  status: v.picklist(['in_progress', 'completed']),
  conclusion: v.optional(v.picklist(['success', 'failure', 'neutral', 'cancelled'])),
  external_id: v.string(),
  output,
})

/** Starts it; it goes when the test ends. */
export async function startGitHub(t: TestContext): Promise<StandIn> {
  const state: StandIn = {
    url: '',
    comments: [],
    checks: [],
    pullRequests: [],
    deployments: [],
    statuses: [],
    repository: {
      defaultBranch: 'main',
      branches: new Map([['main', new Map()]]),
      guarded: new Set(),
      inRuleset: new Set(),
      opened: [],
    },
    runners: noRunners(),
    runs: {},
    requests: [],
    forbidden: undefined,
    troubles: [],
  }
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const [status, answer, headers] = await respond(state, request, body)
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  state.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  return state
}

type Answer = [number, unknown, Record<string, string>?]

async function respond(state: StandIn, request: IncomingMessage, body: string): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x')
  state.requests.push(`${request.method} ${pathname}`)
  const trouble = state.troubles.shift()
  if (trouble) return [trouble.status, { message: 'trouble' }, trouble.headers ?? {}]
  if (!request.headers.authorization) return [401, { message: 'Requires authentication' }]
  if (state.forbidden?.test(`${request.method} ${pathname}`))
    return [403, { message: 'Resource not accessible by integration' }]
  if (pathname === '/user') return [403, { message: 'Resource not accessible by integration' }]
  if (!pathname.startsWith(repository)) return [404, { message: 'Not Found' }]
  if (pathname.startsWith(`${repository}/actions/runners`))
    return await respondOfRunners(state.runners, {
      method: request.method ?? '',
      url: request.url ?? '',
      body,
    })
  const asked = `${request.method} ${pathname.slice(repository.length)}`
  const page = <T>(items: readonly T[]) => {
    const size = Number(searchParams.get('per_page') ?? 30)
    const start = (Number(searchParams.get('page') ?? 1) - 1) * size
    return items.slice(start, start + size)
  }
  if (/^GET \/issues\/7\/comments$/.test(asked)) return [200, page(state.comments)]
  if (/^GET \/commits\/\w+\/pulls$/.test(asked)) return [200, page(state.pullRequests)]
  const files = respondOfRepository(state.repository, decodeURIComponent(asked), searchParams, body)
  if (files) return files
  const stages = readStages(state, asked, searchParams)
  if (stages) return stages
  const run = /^GET \/actions\/runs\/(\d+)$/.exec(asked)?.[1]
  const status = run === undefined ? undefined : state.runs[run]
  if (status) return [200, { id: Number(run), status }]
  const commit = /^GET \/commits\/(\w+)\/check-runs$/.exec(asked)?.[1]
  if (commit) {
    const found = state.checks.filter(
      ({ head_sha, name }) => head_sha === commit && name === searchParams.get('check_name'),
    )
    return [200, { total_count: found.length, check_runs: page(found) }]
  }
  return write(state, asked, JSON.parse(body || '{}'))
}

/** A deployment's task and environment, and a commit's statuses: the newest of each context. */
function readStages(state: StandIn, asked: string, query: URLSearchParams): Answer | undefined {
  const size = Number(query.get('per_page') ?? 30)
  if (asked === 'GET /deployments') {
    const found = state.deployments.filter(
      ({ sha, environment, task }) =>
        sha === query.get('sha') && environment === query.get('environment') && task === query.get('task'),
    )
    return [200, found.toReversed().slice(0, size)]
  }
  const id = /^GET \/deployments\/(\d+)\/statuses$/.exec(asked)?.[1]
  const known = state.deployments.find((one) => String(one.id) === id)
  if (id) return known ? [200, known.statuses.toReversed().slice(0, size)] : [404, { message: 'Not Found' }]
  const commit = /^GET \/commits\/(\w+)\/status$/.exec(asked)?.[1]
  if (!commit) return undefined
  const newest = new Map(
    state.statuses.filter(({ sha }) => sha === commit).map((status) => [status.context, status]),
  )
  return [200, { state: 'pending', statuses: [...newest.values()].slice(0, size) }]
}

const described = v.pipe(v.string(), v.maxLength(140))
const newDeployment = v.object({
  ref: v.string(),
  environment: v.string(),
  task: v.string(),
  auto_merge: v.literal(false),
  required_contexts: v.tuple([]),
})
const newDeploymentStatus = v.object({
  state: v.picklist(['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success']),
  description: described,
  log_url: v.optional(v.string()),
})
const newStatus = v.object({
  state: v.picklist(['error', 'failure', 'pending', 'success']),
  context: v.string(),
  description: described,
  target_url: v.optional(v.string()),
})
const refused: Answer = [422, { message: 'Validation Failed' }]

function writeStages(state: StandIn, asked: string, body: unknown): Answer | undefined {
  if (asked === 'POST /deployments') {
    const sent = v.safeParse(newDeployment, body)
    if (!sent.success) return [409, { message: 'Conflict: Commit status checks failed' }]
    const { ref: sha, environment, task } = sent.output
    const made = { id: state.deployments.length + 100, sha, environment, task, statuses: [] }
    state.deployments.push(made)
    return [201, made]
  }
  const id = /^POST \/deployments\/(\d+)\/statuses$/.exec(asked)?.[1]
  if (id) {
    const sent = v.safeParse(newDeploymentStatus, body)
    const known = state.deployments.find((one) => String(one.id) === id)
    if (!sent.success || !known) return refused
    known.statuses.push(sent.output)
    return [201, sent.output]
  }
  const sha = /^POST \/statuses\/(\w+)$/.exec(asked)?.[1]
  if (!sha) return undefined
  const sent = v.safeParse(newStatus, body)
  if (!sent.success) return refused
  state.statuses.push({ sha, ...sent.output })
  return [201, sent.output]
}

function write(state: StandIn, asked: string, body: unknown): Answer {
  const stages = writeStages(state, asked, body)
  if (stages) return stages
  const id = state.comments.length + state.checks.length + 1
  if (asked === 'POST /issues/7/comments' || asked.startsWith('PATCH /issues/comments/')) {
    const sent = v.safeParse(comment, body)
    if (!sent.success || sent.output.body.length > 65_536)
      return [422, { message: 'Body is too long (maximum is 65536 characters)' }]
    const old = state.comments.find((one) => asked.endsWith(`/${one.id}`))
    if (old) old.body = sent.output.body
    const added = old ?? { id, body: sent.output.body, user: bot }
    if (!old) state.comments.push(added)
    return [old ? 200 : 201, added]
  }
  if (asked === 'POST /check-runs') {
    const sent = v.safeParse(check, body)
    if (
      !sent.success ||
      sent.output.output.annotations.length > 50 ||
      sent.output.output.summary.length > 65_535
    )
      return [422, { message: 'Invalid request. No more than 50 items are allowed' }]
    const { annotations, ...rest } = sent.output.output
    state.checks.push({ ...sent.output, id, output: rest, annotations: [...annotations] })
    return [201, { ...sent.output, id }]
  }
  const run = state.checks.find((one) => asked === `PATCH /check-runs/${one.id}`)
  const sent = v.safeParse(v.object({ output, conclusion: check.entries.conclusion }), body)
  if (run && sent.success && sent.output.output.annotations.length <= 50) {
    run.annotations.push(...sent.output.output.annotations)
    run.conclusion = sent.output.conclusion ?? run.conclusion
    return [200, run]
  }
  return [run ? 422 : 404, { message: run ? 'Invalid request.' : 'Not Found' }]
}
