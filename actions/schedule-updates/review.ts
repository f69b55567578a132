import type { Fleet } from '../../src/fleet/fleet.ts'
import { type Repository, openGitHub, planReview, reviewedDigest } from '../../src/github/github.ts'
import { type Plan, readPlan, stageOf } from '../../src/plan/plan.ts'
import type { Context, Digest } from '../../src/platform/platform.ts'

/** Looks the digest of a stage's reviewed plan up on GitHub; undefined where there is no token or no repository to ask. */
export function reviewOnGitHub(
  fleet: Fleet,
  stage: string,
  repository: Repository | undefined,
  token: string | undefined,
  context: Context,
): ((commit: string) => Promise<Digest | undefined>) | undefined {
  if (token === undefined || !repository) return undefined
  const github = openGitHub({ token, repository }, context)
  const { branch } = stageOf(fleet, stage)
  return async (commit) => await reviewedDigest(github, branch, commit, planReview(stage))
}

/** The reviewed plan that was handed over as a file, if one was. Throws `file-missing` and `invalid-file`. */
export async function givenPlan(file: string | undefined): Promise<Plan | undefined> {
  return file === undefined ? undefined : await readPlan(file)
}
