import { type Fleet, warningsFor } from '../../src/fleet/fleet.ts'
import type { Change, Plan } from '../../src/plan/plan.ts'
import { type Log, type Problem, oneLine, shorten } from '../../src/platform/platform.ts'

/** The runner shows ten annotations of a kind for a step. */
const maxAnnotations = 9

/** Warns on the lines of files: what is blocked and why, and what a valid fleet still asks a person to look at. */
export function annotatePlan(
  plan: Plan,
  fleet: Fleet,
  { annotate, log }: { annotate: (problem: Problem) => void; log: Log },
): void {
  const warnings = [...blockedLines(plan), ...warningsFor(fleet, plan.stage)]
  for (const warning of warnings.slice(0, maxAnnotations)) annotate(warning)
  for (const { file, line, message } of warnings.slice(maxAnnotations))
    log.info(`warning: ${file}:${line ?? 1}: ${message}`)
}

/** One problem for each line and reason, however many devices it holds back; those that hold back the most come first. */
export function blockedLines(plan: Plan): Problem[] {
  const blocked = plan.changes.filter((change) => change.kind === 'blocked')
  const groups = Map.groupBy(blocked, ({ cause, why }) => JSON.stringify([cause.file, cause.line, why]))
  const mostFirst = [...groups.values()].sort((a, b) => b.length - a.length)
  return mostFirst.flatMap((changes) => {
    const [first] = changes
    return first ? [{ ...first.cause, message: blockedMessage(first, changes.length) }] : []
  })
}

function blockedMessage({ host, by, why }: Extract<Change, { kind: 'blocked' }>, count: number): string {
  const others = count > 1 ? ` and ${count - 1} more` : ''
  return shorten(oneLine(`${by}: ${host}${others} ${why}`), 2000)
}
