import * as v from 'valibot'
import { oneLine, shorten } from '../platform/platform.ts'
import type { GitHub } from './client.ts'

/** GitHub takes so many annotations in one request; more are added by updates. */
const annotationsPerRequest = 50
const maxAnnotations = 500

export interface Annotation {
  file: string
  line: number
  level: 'notice' | 'warning' | 'failure'
  message: string
}

export interface Check {
  name: string
  commit: string
  conclusion: 'success' | 'failure' | 'neutral'
  title: string
  /** Markdown, at most 65,000 characters. */
  summary: string
  /** What a later step reads again, such as a plan's digest. */
  externalId: string
  annotations: readonly Annotation[]
}

const checkRun = v.object({
  id: v.number(),
  external_id: v.nullish(v.string()),
  conclusion: v.nullish(v.string()),
  output: v.optional(v.object({ title: v.nullish(v.string()), summary: v.nullish(v.string()) })),
})
const checkRuns = v.object({ check_runs: v.array(checkRun) })

/** Publishes a finished check run on a commit, unless the newest one says the same; returns whether it wrote. Throws `github-refused`. */
export async function publishCheck(github: GitHub, check: Check): Promise<boolean> {
  const last = await newestCheck(github, check.commit, check.name)
  const isSame =
    last?.external_id === check.externalId &&
    last.conclusion === check.conclusion &&
    last.output?.title === check.title &&
    last.output.summary === check.summary
  if (isSame) return false
  const annotations = check.annotations.slice(0, maxAnnotations).map(toGitHub)
  const output = { title: check.title, summary: check.summary }
  const { id } = await github.send(
    {
      method: 'POST',
      route: '/repos/{owner}/{repo}/check-runs',
      parameters: {
        name: check.name,
        head_sha: check.commit,
        status: 'completed',
        conclusion: check.conclusion,
        external_id: check.externalId,
        output: { ...output, annotations: annotations.slice(0, annotationsPerRequest) },
      },
    },
    checkRun,
  )
  for (let start = annotationsPerRequest; start < annotations.length; start += annotationsPerRequest) {
    const more = annotations.slice(start, start + annotationsPerRequest)
    await github.send(
      {
        method: 'PATCH',
        route: '/repos/{owner}/{repo}/check-runs/{check_run_id}',
        parameters: { check_run_id: id, output: { ...output, annotations: more } },
      },
      checkRun,
    )
  }
  return true
}

/** The newest check run of this name on a commit, or undefined. */
export async function newestCheck(
  github: GitHub,
  commit: string,
  name: string,
): Promise<v.InferOutput<typeof checkRun> | undefined> {
  const request = {
    route: '/repos/{owner}/{repo}/commits/{ref}/check-runs',
    parameters: { ref: commit, check_name: name, filter: 'latest' },
  }
  const runs = await github.list(request, checkRuns, (page) => page.check_runs)
  return runs.reduce<(typeof runs)[number] | undefined>((a, b) => (a && a.id > b.id ? a : b), undefined)
}

function toGitHub({ file, line, level, message }: Annotation) {
  return {
    path: file,
    start_line: line,
    end_line: line,
    annotation_level: level,
    message: shorten(oneLine(message), 4000),
  }
}
