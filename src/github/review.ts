import * as v from 'valibot'
import { type Digest, isDigest } from '../platform/platform.ts'
import { newestCheck } from './check.ts'
import type { GitHub } from './client.ts'
import { findComment } from './comment.ts'

const pullRequest = v.object({
  number: v.number(),
  merged_at: v.nullish(v.string()),
  merge_commit_sha: v.nullish(v.string()),
  base: v.object({ ref: v.string() }),
  head: v.object({ sha: v.string() }),
})

/** What the review of one stage's plan is found by. */
export interface PlanReview {
  checkName: string
  marker: string
}

/** The names under which a stage's plan is published, and looked up again after the merge. */
export function planReview(stage: string): PlanReview {
  return { checkName: `drover plan: ${stage}`, marker: `drover-plan-${markerWord(stage)}` }
}

/** A word for each stage, no two the same: what may not stand in a marker is written as its code. */
function markerWord(stage: string): string {
  // "--" would end the HTML comment that a marker stands in
  return stage.replace(
    /(?<=^|-)-|[^\w.-]/gu,
    (character) => `%${(character.codePointAt(0) ?? 0).toString(16)};`,
  )
}

/** The hidden line that carries a plan's digest in its comment. */
export function digestMark(digest: Digest): string {
  return `<!-- drover-digest ${digest} -->`
}

/**
 * The plan digest that was approved by merging the pull request that made `commit` the tip of `branch`: in its check run,
 * which only apps can write; where it has none, in the comment of an app. Undefined where no pull request made it or it
 * has no plan. Throws `github-refused`, `unreachable`.
 */
export async function reviewedDigest(
  github: GitHub,
  branch: string,
  commit: string,
  review: PlanReview,
): Promise<Digest | undefined> {
  const request = {
    route: '/repos/{owner}/{repo}/commits/{commit_sha}/pulls',
    parameters: { commit_sha: commit },
  }
  const pullRequests = await github.list(request, v.array(pullRequest), (page) => page)
  const merged = pullRequests.find(
    ({ merged_at, merge_commit_sha, base }) =>
      merged_at && merge_commit_sha === commit && base.ref === branch,
  )
  if (!merged) return undefined
  const check = await newestCheck(github, merged.head.sha, review.checkName)
  if (check)
    return isDigest(check.external_id ?? '') && check.conclusion === 'success'
      ? digestOf(check.external_id)
      : undefined
  const comment = await findComment(github, merged.number, review.marker)
  return digestOf(/<!-- drover-digest (sha256:[0-9a-f]{64}) -->/.exec(comment?.body ?? '')?.[1])
}

function digestOf(text: string | null | undefined): Digest | undefined {
  return text && isDigest(text) ? text : undefined
}
