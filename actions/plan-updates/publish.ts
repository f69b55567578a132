import {
  type Event,
  type GitHub,
  type Published,
  digestMark,
  keepComment,
  openGitHub,
  planReview,
  publishCheck,
  runPage,
  tryToPublish,
} from '../../src/github/github.ts'
import { type Change, type Plan, lacksRelease, requireReleases } from '../../src/plan/plan.ts'
import { type Context, Failure, counted, escapeMarkdown } from '../../src/platform/platform.ts'
import {
  type Markdown,
  type Remarks,
  headline,
  mayBeApproved,
  planMarkdown,
} from '../../src/report/report.ts'
import { blockedLines } from './annotate.ts'

/** GitHub takes 65,536 characters in a comment, and 65,535 in a check run; both show the same. */
const maxCharacters = 64_000

/** Publishes the plan on its pull request as a comment and a check run; what GitHub refuses is told in `note`. */
export async function publishPlan(
  plan: Plan,
  remarks: Remarks,
  { pullRequest, repository }: Event,
  { isCommentWanted, token }: { isCommentWanted: boolean; token: string | undefined },
  context: Context,
): Promise<{ note: string; hasChanged: boolean }> {
  if (!pullRequest || !repository) return { note: '', hasChanged: false }
  if (token === undefined)
    return { note: 'The plan was not published: there is no token for GitHub.\n', hasChanged: false }
  const github = openGitHub({ token, repository }, context)
  const text = planMarkdown(plan, { ...remarks, limit: maxCharacters, link: runPage() })
  const results: Published[] = []
  if (isCommentWanted) {
    const work = () => comment(github, pullRequest.number, plan, remarks, text)
    results.push(await tryToPublish('The comment', work, 'pull-requests: write'))
  }
  const work = () => check(github, pullRequest.headCommit, plan, remarks, text)
  results.push(await tryToPublish('The check run', work, 'checks: write'))
  const refused = results.flatMap((result) => (result.isDone ? [] : [result.why]))
  if (refused.length > 0 && pullRequest.isFromFork)
    refused.unshift("The token of a fork's pull request can only read, so the plan is nowhere but here.")
  for (const why of refused) context.log.info(why)
  return {
    note: refused.map((why) => `${escapeMarkdown(why)}\n`).join('\n'),
    hasChanged: results.some((result) => result.isDone && result.hasChanged),
  }
}

/** Throws `over-budget`, and `release-missing` where a device would need one that the server doesn't have. */
export function requireAcceptable(plan: Plan, over: readonly string[]): void {
  if (over.length > 0)
    throw new Failure(
      'over-budget',
      `${over.join('; ')}: split the change, or raise the budget in a reviewed change`,
    )
  requireReleases(plan)
}

async function comment(
  github: GitHub,
  pullRequest: number,
  plan: Plan,
  remarks: Remarks,
  { text, isCut }: Markdown,
): Promise<boolean> {
  // a reader of a shortened comment has not seen the plan, so it carries no digest to approve
  const mark = isCut || !mayBeApproved(remarks) ? '' : `\n${digestMark(plan.digest)}\n`
  return await keepComment(github, {
    pullRequest,
    marker: planReview(plan.stage).marker,
    body: `${text}${mark}`,
  })
}

async function check(
  github: GitHub,
  commit: string,
  plan: Plan,
  remarks: Remarks,
  { text, isCut }: Markdown,
): Promise<boolean> {
  return await publishCheck(github, {
    name: planReview(plan.stage).checkName,
    commit,
    // only a success approves, and nobody has seen the whole of a shortened plan
    conclusion:
      remarks.over.length > 0 || lacksRelease(plan)
        ? 'failure'
        : isCut || !mayBeApproved(remarks)
          ? 'neutral'
          : 'success',
    title: `${headline(plan)}${isCut ? ', shortened: it can not be used to approve' : ''}`,
    summary: text,
    externalId: plan.digest,
    annotations: [...blockedLines(plan), ...causeLines(plan)].map((problem) => ({
      file: problem.file,
      line: problem.line ?? 1,
      level: 'level' in problem ? 'notice' : 'warning',
      message: problem.message,
    })),
  })
}

/** The lines that change something for devices, each once; those that change the most come first. */
function causeLines(plan: Plan) {
  const changes = plan.changes.flatMap((change) => {
    const does = doesWhat(change)
    return does ? [{ cause: change.cause, does }] : []
  })
  const groups = Map.groupBy(changes, ({ cause, does }) => JSON.stringify([cause.file, cause.line, does]))
  const mostFirst = [...groups.values()].sort((a, b) => b.length - a.length)
  return mostFirst.flatMap(([first, ...others]) => {
    if (!first) return []
    const [verb, where] = first.does
    const message = `${verb} ${counted(others.length + 1, 'device')} ${where}`
    return [{ ...first.cause, message, level: 'notice' as const }]
  })
}

function doesWhat(change: Change): readonly [verb: string, where: string] | undefined {
  switch (change.kind) {
    case 'update':
      return ['moves', `to ${change.to}`]
    case 'configure':
      return ['configures', `with ${change.template}`]
    case 'enroll':
      return ['lets', 'in']
    case 'retire':
      return ['removes', 'from the server']
    default:
      return undefined
  }
}
