import * as v from 'valibot'
import { oneLine, shorten } from '../platform/platform.ts'
import type { GitHub } from './client.ts'

/** GitHub takes so many annotations in one request; more are added by updates. */
const annotationsPerRequest = 50
/** Ten requests. Nobody reads more, and a repository's token has a thousand requests an hour. */
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
  conclusion: 'success' | 'failure' | 'neutral' | 'cancelled'
  title: string
  /** Markdown, at most 65,000 characters; what is said of annotations that are not shown comes after it. */
  summary: string
  /** What a later step reads again, such as a plan's digest. */
  externalId: string
  /** The worst are shown first: failures, then warnings, then notices, each in this order. */
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
  const { annotations, summary } = shownOf(check)
  const last = await newestCheck(github, check.commit, check.name)
  const isSame =
    last?.external_id === check.externalId &&
    last.conclusion === check.conclusion &&
    last.output?.title === check.title &&
    last.output.summary === summary
  if (isSame) return false
  const output = { title: check.title, summary }
  // it is finished by the last of its requests: half a check is no approval, and a later run makes it anew
  const state = (end: number) =>
    end < annotations.length
      ? { status: 'in_progress' }
      : { status: 'completed', conclusion: check.conclusion }
  const { id } = await github.send(
    {
      method: 'POST',
      route: '/repos/{owner}/{repo}/check-runs',
      parameters: {
        name: check.name,
        head_sha: check.commit,
        ...state(annotationsPerRequest),
        external_id: check.externalId,
        output: { ...output, annotations: annotations.slice(0, annotationsPerRequest) },
      },
    },
    checkRun,
  )
  for (let start = annotationsPerRequest; start < annotations.length; start += annotationsPerRequest) {
    const end = start + annotationsPerRequest
    const more = { ...output, annotations: annotations.slice(start, end) }
    const parameters = { check_run_id: id, ...state(end), output: more }
    const route = '/repos/{owner}/{repo}/check-runs/{check_run_id}'
    await github.send({ method: 'PATCH', route, parameters }, checkRun)
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

const worstFirst = ['failure', 'warning', 'notice'] as const

/** The annotations that there is room for, and the summary, which tells of the rest. */
function shownOf({ annotations: all, summary }: Check) {
  const known = worstFirst.flatMap((level) => all.filter((one) => one.level === level && isInRepository(one)))
  const annotations = known.slice(0, maxAnnotations).map(toGitHub)
  const left = all.length - annotations.length
  if (left === 0) return { annotations, summary }
  const why = `${left} of ${all.length} annotations are not shown at their lines: GitHub gets the worst ${maxAnnotations}, and none of files outside of the repository.`
  return { annotations, summary: `${summary}\n**${why}**\n` }
}

/** A path that leaves the checkout is none that GitHub knows, and it would refuse the whole check. */
const isInRepository = ({ file }: Annotation) => file !== '' && !/^(?:\/|\.\.(?:\/|$))/.test(file)

function toGitHub({ file, line, level, message }: Annotation) {
  return {
    path: file,
    start_line: line,
    end_line: line,
    annotation_level: level,
    message: shorten(oneLine(message), 4000),
  }
}
