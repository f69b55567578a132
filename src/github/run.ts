import * as v from 'valibot'
import { type Context, messageOf } from '../platform/platform.ts'
import { openGitHub } from './client.ts'

/** The link of the run that this is, and which attempt; undefined outside of a runner. */
export function runLink(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const { GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_REPOSITORY, GITHUB_SERVER_URL } = environment
  if (!GITHUB_RUN_ID) return undefined
  return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID} attempt ${GITHUB_RUN_ATTEMPT}`
}

/** The page of the run that this is, with its summary and artifacts; undefined outside of a runner. */
export function runPage(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return runLink(environment)?.split(' ')[0]
}

/** GitHub is asked about one run no more often than this: a repository's token has a thousand requests an hour. */
const pauseMs = 60_000
const deadlineMs = 10_000

/**
 * Tells of a run's link, as `runLink` gives it, whether that run is over, all its attempts included. False where that can't
 * be known: another GitHub, a repository that the token may not read, no answer. Undefined where there is no token.
 */
export function endedRuns(
  token: string | undefined,
  context: Context,
  environment: NodeJS.ProcessEnv = process.env,
): ((link: string) => Promise<boolean>) | undefined {
  if (token === undefined) return undefined
  const asked = new Map<string, number>()
  return async (link) => {
    const { server, owner, repo, run } =
      /^(?<server>https?:\/\/[^/\s]+)\/(?<owner>[\w.-]+)\/(?<repo>[\w.-]+)\/actions\/runs\/(?<run>\d+) /.exec(
        link,
      )?.groups ?? {}
    if (owner === undefined || repo === undefined || server !== environment['GITHUB_SERVER_URL']) return false
    const now = context.clock.now().getTime()
    if (now - (asked.get(link) ?? -Infinity) < pauseMs) return false
    asked.set(link, now)
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMs)])
    try {
      const github = openGitHub({ token, repository: { owner, repo } }, { ...context, signal })
      const route = '/repos/{owner}/{repo}/actions/runs/{run_id}'
      const request = { method: 'GET', route, parameters: { run_id: Number(run) } } as const
      return (await github.send(request, v.object({ status: v.nullish(v.string()) }))).status === 'completed'
    } catch (error) {
      context.signal.throwIfAborted()
      context.log.debug(`whether ${link} is over is not known: ${messageOf(error)}`)
      return false
    }
  }
}
