import { type Counts, type Plan, changesIn } from '../plan/plan.ts'
import { counted, escapeMarkdown, shorten } from '../platform/platform.ts'
import { countRows } from './count-rows.ts'
import { type Markdown, bounded, maxMarkdownCharacters, section, table } from './markdown.ts'
import { wavesMermaid } from './mermaid.ts'
import { type Remarks, remarkLines } from './notes.ts'
import { planPicture } from './picture.ts'
import {
  type Rows,
  blockedOf,
  blockedRows,
  memberRows,
  membersOf,
  strangerRows,
  updateRows,
  updatesOf,
  waveRows,
} from './plan-tables.ts'

/** Up to so many devices each have a row of their own, where there is room; above, equal changes share one. */
const maxDeviceRows = 1000

/** Of the devices that are none of the stage's business a few say enough. */
const maxStrangers = 20

export interface PlanMarkdownOptions extends Partial<Remarks> {
  limit?: number
  /** The page of the run that has the whole plan in its summary, and its files among the artifacts. */
  link?: string | undefined
}

/**
 * A plan for people: counts, digest, what changes, what is blocked and why, the waves and when they begin. The same plan is
 * the same text, whenever it is made: no time that is only "now" is in it. Over the limit first equal changes share a row;
 * where that is too long as well, it is cut and says so.
 */
export function planMarkdown(plan: Plan, options: PlanMarkdownOptions = {}): Markdown {
  const limit = options.limit ?? maxMarkdownCharacters
  const isLarge =
    Math.max(updatesOf(plan).length, blockedOf(plan).length, membersOf(plan).length) > maxDeviceRows
  if (!isLarge || limit === Infinity) {
    const whole = render(plan, options, false, limit)
    if (!whole.isCut) return whole
  }
  return render(plan, options, true, limit)
}

function render(plan: Plan, options: PlanMarkdownOptions, isGrouped: boolean, limit: number): Markdown {
  const hasUpdates = plan.counts.updates + plan.counts.configures > 0
  const lines = [
    `### Plan for ${escapeMarkdown(shorten(plan.stage, 100))}: ${headline(plan)}`,
    '',
    ...countTable(plan.counts),
    ...remarkLines({ over: [], notes: [], ...options }),
    '',
    `Digest of what the stage should run: \`${plan.digest}\``,
    ...(options.link === undefined ? [] : ['', wholePlan(encodeURI(options.link))]),
    ...section(
      'Waves',
      hasUpdates ? [...markdownTable(waveRows(plan)), '', ...wavesMermaid(planPicture(plan))] : [],
    ),
    ...section('Blocked', markdownTable(blockedRows(plan, isGrouped))),
    ...section('Joins and leaves', markdownTable(memberRows(plan, isGrouped))),
    ...section('Updates', markdownTable(updateRows(plan, isGrouped))),
    ...section('On the server, and in no stage', strangers(plan)),
  ]
  return bounded(
    lines,
    limit,
    (left) =>
      `**Shortened: ${left} more lines are in the plan file. A shortened plan can't be used to approve.**`,
  )
}

const strangers = (plan: Plan) => {
  const { rows, head } = strangerRows(plan, maxStrangers)
  const more = plan.notInGit.length - rows.length
  return [...table(head, rows), ...(more > 0 ? ['', `And ${counted(more, 'more device')}.`] : [])]
}

const wholePlan = (run: string) => `[The whole plan](${run}), and [its files](${run}#artifacts)`

const markdownTable = ({ head, rows }: Rows) => table(head, rows)

/** In how many ways the devices of a stage stand. */
export const countTable = (counts: Counts): string[] => markdownTable(countRows(counts))

/** A plan in one line, without markup. */
export function headline({ counts }: Plan): string {
  const rest = [
    counts.enrolls > 0 ? `${counts.enrolls} to enroll` : '',
    counts.retires > 0 ? `${counts.retires} to retire` : '',
    counts.alreadyPending > 0 ? `${counts.alreadyPending} pending` : '',
    counts.blocked > 0 ? `${counts.blocked} blocked` : '',
  ].filter(Boolean)
  const ordered = counts.updates + counts.configures
  const first =
    ordered > 0
      ? `${counted(ordered, 'device')} of ${counts.inGit} would change`
      : changesIn(counts) === 0
        ? 'no changes'
        : 'no updates'
  return [first, ...rest].join(', ')
}
