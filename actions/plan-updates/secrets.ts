import type { Fleet } from '../../src/fleet/fleet.ts'
import type { Event } from '../../src/github/github.ts'
import { Failure, type Log } from '../../src/platform/platform.ts'
import type { Note } from '../../src/report/report.ts'

/**
 * Whether secrets that are missing are unknown, and no mistake: as the workflow says, else in a fork's pull request, which
 * GitHub gives none. Throws `bad-input`.
 */
export function hasNoSecrets(missingSecrets: string | undefined, { pullRequest }: Event): boolean {
  if (missingSecrets === undefined) return pullRequest?.isFromFork ?? false
  if (missingSecrets === 'unknown' || missingSecrets === 'fail') return missingSecrets === 'unknown'
  throw new Failure('bad-input', `missing-secrets is "${missingSecrets}"; it can be fail or unknown`)
}

/** What is not in the plan for want of secrets. */
export function unknownNotes({ unknown = [] }: Fleet): Note[] {
  if (unknown.length === 0) return []
  const [first, ...more] = unknown.map(({ file, line, message }) => `${file}:${line ?? 1} ${message}`)
  const others = more.length > 0 ? `, and ${more.length} more` : ''
  const text = `this plan was made without the secrets of the fleet's files, so it says nothing of what they are for, its digest is not that of the merge, and it can not be used to approve (${first}${others})`
  return [{ title: 'Without secrets', text, isNoApproval: true }]
}

const notPlanned = `### Not planned

The files of this pull request are valid. It is from a fork, which gets no secrets, so no server could be asked for the devices,
and nothing can be said of them. Give plan-updates \`facts\`, a facts file that a scheduled workflow publishes, or let somebody
with write access push the branch to this repository.
`

/** Ends a run that has no facts of the devices and can't get any: nobody is told that there is a plan. */
export async function nothingPlanned({
  log,
  summary,
}: {
  log: Log
  summary: (markdown: string) => Promise<void>
}): Promise<{ changed: boolean }> {
  log.warn('nothing was planned: a pull request from a fork gets no secrets, and there are no facts')
  await summary(notPlanned)
  return { changed: false }
}
