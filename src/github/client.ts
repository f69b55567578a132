// The connection to GitHub's API. Hides Octokit, which is loaded only when something is sent, and what may be repeated.
import * as v from 'valibot'
import { type Context, Failure, messageOf, oneLine, shorten } from '../platform/platform.ts'
import type { Repository } from './event.ts'

const attempts = 4
const deadlineMs = 30_000
const maxPauseMs = 60_000
const maxPages = 50

export interface GitHubOptions {
  token: string
  repository: Repository
}

interface Request {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** A route with `{owner}` and `{repo}`, which are filled in. */
  route: string
  parameters?: Record<string, unknown>
}

/** One repository on GitHub. Throws `github-refused` with GitHub's own words, and `unreachable`. */
export interface GitHub {
  readonly repository: Repository
  send<S extends v.GenericSchema>(request: Request, schema: S): Promise<v.InferOutput<S>>
  /** All items of a list, page by page; `read` finds them in a reply. */
  list<S extends v.GenericSchema, T>(
    request: Omit<Request, 'method'>,
    schema: S,
    read: (reply: v.InferOutput<S>) => readonly T[],
  ): Promise<T[]>
}

/** Opens a repository on GitHub; nothing is sent yet. */
export function openGitHub({ token, repository }: GitHubOptions, context: Context): GitHub {
  const send: GitHub['send'] = async (request, schema) => {
    for (let attempt = 1; ; attempt++) {
      const result = await sendOnce(token, repository, request, context)
      if (!(result instanceof Refusal)) return parse(result.data, schema, request)
      // a create is never repeated blindly
      const mayRepeat = request.method !== 'POST' || result.isRateLimit
      if (attempt === attempts || !result.isPassing || !mayRepeat) throw result.failure
      const pauseMs = Math.min(result.pauseMs ?? 500 * 2 ** attempt, maxPauseMs)
      context.log.debug(`GitHub: ${result.failure.message}; trying again in ${pauseMs} ms`)
      await context.clock.sleep(pauseMs, context.signal)
    }
  }
  return {
    repository,
    send,
    list: async (request, schema, read) => {
      const items = []
      for (let page = 1; page <= maxPages; page++) {
        const parameters = { ...request.parameters, per_page: 100, page }
        const found = read(await send({ ...request, method: 'GET', parameters }, schema))
        items.push(...found)
        if (found.length < 100) break
      }
      return items
    },
  }
}

/** An answer that is none. */
class Refusal {
  readonly failure: Failure
  readonly status: number | undefined
  readonly pauseMs: number | undefined
  readonly isRateLimit: boolean

  constructor(error: unknown, { method, route }: Request) {
    const { status, headers } = statusOf(error)
    this.status = status
    const retryAfter = Number(headers['retry-after'])
    this.pauseMs = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter * 1000 : undefined
    this.isRateLimit =
      status === 429 ||
      (status === 403 && (headers['x-ratelimit-remaining'] === '0' || this.pauseMs !== undefined))
    const said = shorten(oneLine(messageOf(error)), 300)
    this.failure =
      status === undefined
        ? new Failure('unreachable', `GitHub can't be reached: ${said}`, { cause: error })
        : new Failure('github-refused', `GitHub refused ${method} ${route} (${status}): ${said}`, {
            cause: error,
          })
  }

  get isPassing(): boolean {
    return this.status === undefined || this.isRateLimit || [500, 502, 503, 504].includes(this.status)
  }
}

async function sendOnce(
  token: string,
  repository: Repository,
  request: Request,
  context: Context,
): Promise<{ data: unknown } | Refusal> {
  const { getOctokit } = await import('@actions/github')
  try {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMs)])
    const reply: { data: unknown } = await getOctokit(token, {
      userAgent: 'drover',
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    }).request(`${request.method} ${request.route}`, {
      ...repository,
      ...request.parameters,
      request: { signal },
    })
    return { data: reply.data }
  } catch (error) {
    context.signal.throwIfAborted()
    return new Refusal(error, request)
  }
}

const errorSchema = v.object({
  status: v.pipe(v.number(), v.integer()),
  response: v.object({ headers: v.record(v.string(), v.unknown()) }),
})

// without a reply Octokit makes one up with status 500, so only an error with a reply has a status
function statusOf(error: unknown): { status: number | undefined; headers: Record<string, unknown> } {
  const result = v.safeParse(errorSchema, error)
  if (!result.success) return { status: undefined, headers: {} }
  return { status: result.output.status, headers: result.output.response.headers }
}

function parse<S extends v.GenericSchema>(
  data: unknown,
  schema: S,
  { method, route }: Request,
): v.InferOutput<S> {
  const result = v.safeParse(schema, data)
  if (result.success) return result.output
  throw new Failure(
    'github-refused',
    `GitHub answered ${method} ${route} in an unknown form: ${result.issues[0].message}`,
  )
}
