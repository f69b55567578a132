import type { Stage } from '../fleet/fleet.ts'
import { type Digest, Failure, counted } from '../platform/platform.ts'
import { type Change, type Plan, configurationOf, hasTurn, releaseOf } from './model.ts'

/** Where a review is found: a plan file that was handed over, or whoever can look one up for a commit. */
export interface Review {
  plan?: Plan | undefined
  /** The digest that was approved for a commit; undefined where there is none. */
  digestFor?: ((commit: string) => Promise<Digest | undefined>) | undefined
}

/**
 * Checks that what is due is what was reviewed. Throws `not-reviewed` where a stage asks for a review and there is none,
 * `plan-changed` where the reviewed plan is another one.
 */
export async function requireReview(plan: Plan, stage: Stage, commit: string, review: Review): Promise<void> {
  if (review.plan) return requireSame(plan, review.plan)
  if (!stage.needsReview) return
  const digest = await review.digestFor?.(commit)
  if (digest === plan.digest) return
  if (digest === undefined)
    throw new Failure(
      'not-reviewed',
      `stage ${stage.name} needs a review, and no merged pull request of ${commit.slice(0, 12)} has a plan: merge a pull request with a plan, or hand over the reviewed plan file as \`plan\``,
    )
  throw new Failure(
    'plan-changed',
    `the plan that was reviewed for ${commit.slice(0, 12)} has the digest ${digest}, this one ${plan.digest}: plan again and have it reviewed`,
  )
}

function requireSame(plan: Plan, reviewed: Plan): void {
  if (reviewed.stage !== plan.stage)
    throw new Failure('plan-changed', `the plan file is for stage ${reviewed.stage}, not ${plan.stage}`)
  const known = new Map(reviewed.changes.map((change) => [change.device, change]))
  const changed = plan.changes.filter((change) => !isApproved(change, known.get(change.device)))
  if (changed.length === 0 && reviewed.digest === plan.digest) return
  const what =
    changed.length > 0
      ? `${counted(changed.length, 'device')} changed (${changed
          .slice(0, 5)
          .map(({ host }) => host)
          .join(', ')}${changed.length > 5 ? ', …' : ''})`
      : 'what the stage should run changed'
  throw new Failure('plan-changed', `${what} since ${reviewed.createdAt}: plan again and have it reviewed`)
}

/** Whether what is due for a device now stands in the reviewed plan, or follows from what stands there. */
function isApproved(change: Change, reviewed: Change | undefined): boolean {
  switch (change.kind) {
    case 'update':
      // once it is let in it gets its release, which the digest covers
      return reviewed?.kind === 'enroll' || runsThen(reviewed) === change.to
    case 'configure':
      return (
        reviewed?.kind === 'enroll' ||
        (runsThen(reviewed) === change.on &&
          reviewed !== undefined &&
          configurationOf(reviewed)?.to === change.to)
      )
    case 'enroll':
    case 'retire':
      return reviewed?.kind === change.kind
    default:
      return true
  }
}

const runsThen = (reviewed: Change | undefined) =>
  reviewed !== undefined && hasTurn(reviewed) ? releaseOf(reviewed) : undefined
