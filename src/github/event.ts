import * as v from 'valibot'
import { Failure, messageOf, readText } from '../platform/platform.ts'

export interface Repository {
  owner: string
  repo: string
}

export interface PullRequest {
  number: number
  /** The branch that it would be merged into. */
  target: string
  /** The commit of the target branch that it was compared with. */
  targetCommit: string
  /** Its newest commit, which checks belong to; not the merge commit that is checked out. */
  headCommit: string
  /** From another repository: its jobs get no secrets, and a token that can only read. */
  isFromFork: boolean
}

/** What started the job. */
export interface Event {
  repository: Repository | undefined
  pullRequest: PullRequest | undefined
  /** The branch that would get what is checked out: a pull request's or a merge queue's target. */
  target: string | undefined
  /** The repository's default branch, as far as the event tells. */
  defaultBranch: string | undefined
  /** The branch that the job runs for; undefined for tags and pull requests. */
  branch: string | undefined
}

const maxEventBytes = 30 << 20

const eventFile = v.object({
  pull_request: v.optional(
    v.object({
      number: v.pipe(v.number(), v.integer()),
      base: v.object({
        ref: v.string(),
        sha: v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/)),
        repo: v.optional(v.object({ full_name: v.string() })),
      }),
      // null where the fork is gone
      head: v.object({ sha: v.string(), repo: v.nullish(v.object({ full_name: v.string() })) }),
    }),
  ),
  repository: v.optional(v.object({ default_branch: v.optional(v.string()) })),
  // null where the fork is gone
  workflow_run: v.optional(
    v.object({ head_repository: v.nullish(v.object({ full_name: v.optional(v.string()) })) }),
  ),
  merge_group: v.optional(v.object({ base_ref: v.string() })),
})

/** Reads the event of the job from the runner's environment; outside of a runner everything is undefined. Throws `invalid-file`. */
export async function readEvent(environment: NodeJS.ProcessEnv = process.env): Promise<Event> {
  const [owner, repo] = (environment['GITHUB_REPOSITORY'] ?? '').split('/')
  const ref = environment['GITHUB_REF'] ?? ''
  const event = await readFile(environment['GITHUB_EVENT_PATH'])
  const pullRequest = event.pull_request && {
    number: event.pull_request.number,
    target: event.pull_request.base.ref,
    targetCommit: event.pull_request.base.sha,
    headCommit: event.pull_request.head.sha,
    isFromFork: isFromFork(event.pull_request),
  }
  return {
    repository: owner && repo ? { owner, repo } : undefined,
    pullRequest,
    target: pullRequest?.target ?? event.merge_group?.base_ref.replace(/^refs\/heads\//, ''),
    defaultBranch: event.repository?.default_branch,
    branch: ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined,
  }
}

/**
 * Whether a fork's pull request started the job, itself (`pull_request`, `pull_request_target`) or by a workflow that it ran
 * (`workflow_run`). True also where such an event doesn't tell. Throws `invalid-file`.
 */
export async function isOfFork(environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const event = await readFile(environment['GITHUB_EVENT_PATH'])
  const own = environment['GITHUB_REPOSITORY']
  const name = environment['GITHUB_EVENT_NAME'] ?? ''
  const isOther = (of: string | undefined) => own === undefined || of?.toLowerCase() !== own.toLowerCase()
  if (event.workflow_run || name === 'workflow_run')
    return isOther(event.workflow_run?.head_repository?.full_name)
  if (event.pull_request || name.startsWith('pull_request'))
    return isOther(event.pull_request?.head.repo?.full_name)
  return false
}

function isFromFork({ base, head }: NonNullable<v.InferOutput<typeof eventFile>['pull_request']>): boolean {
  return base.repo !== undefined && head.repo?.full_name !== base.repo.full_name
}

async function readFile(path: string | undefined): Promise<v.InferOutput<typeof eventFile>> {
  if (!path) return {}
  const text = await readText(path, maxEventBytes, 'GITHUB_EVENT_PATH')
  try {
    return v.parse(eventFile, JSON.parse(text))
  } catch (error) {
    throw new Failure('invalid-file', `the file of GITHUB_EVENT_PATH is no event: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
