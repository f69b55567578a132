import type { Counts, Plan } from '../plan/plan.ts'
import { escapeMarkdown, shorten } from '../platform/platform.ts'
import { type Markdown, bounded, counted, maxMarkdownCharacters, section, table } from './markdown.ts'
import { wavesMermaid } from './mermaid.ts'
import { planPicture } from './picture.ts'
import { type Rows, blockedOf, blockedRows, updateRows, updatesOf, waveRows } from './plan-tables.ts'

/** Up to so many devices each have a row of their own, where there is room; above, equal changes share one. */
const maxDeviceRows = 1000

export interface PlanMarkdownOptions {
  /** What is over budget, one sentence each. */
  over?: readonly string[]
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
  const isLarge = Math.max(updatesOf(plan).length, blockedOf(plan).length) > maxDeviceRows
  if (!isLarge || limit === Infinity) {
    const whole = render(plan, options, false, limit)
    if (!whole.isCut) return whole
  }
  return render(plan, options, true, limit)
}

function render(plan: Plan, options: PlanMarkdownOptions, isGrouped: boolean, limit: number): Markdown {
  const hasUpdates = plan.counts.updates > 0
  const lines = [
    `### Plan for ${escapeMarkdown(shorten(plan.stage, 100))}: ${headline(plan)}`,
    '',
    ...countTable(plan.counts),
    ...(options.over ?? []).flatMap((sentence) => [
      '',
      `> **Over budget:** ${escapeMarkdown(shorten(sentence, 500))}`,
    ]),
    '',
    `Digest of what the stage should run: \`${plan.digest}\``,
    ...(options.link === undefined ? [] : ['', wholePlan(encodeURI(options.link))]),
    ...section(
      'Waves',
      hasUpdates ? [...markdownTable(waveRows(plan)), '', ...wavesMermaid(planPicture(plan))] : [],
    ),
    ...section('Blocked', markdownTable(blockedRows(plan, isGrouped))),
    ...section('Updates', markdownTable(updateRows(plan, isGrouped))),
  ]
  return bounded(
    lines,
    limit,
    (left) =>
      `**Shortened: ${left} more lines are in the plan file. A shortened plan can't be used to approve.**`,
  )
}

const wholePlan = (run: string) => `[The whole plan](${run}), and [its files](${run}#artifacts)`

const markdownTable = ({ head, rows }: Rows) => table(head, rows)

/** In how many ways the devices of a stage stand. */
export function countTable({ inGit, updates, alreadyPending, alreadyThere, blocked }: Counts): string[] {
  return table(
    ['in Git', 'to update', 'already pending', 'already there', 'blocked'],
    [[inGit, updates, alreadyPending, alreadyThere, blocked].map(String)],
  )
}

/** A plan in one line, without markup. */
export function headline({ counts }: Plan): string {
  const rest = [
    counts.alreadyPending > 0 ? `${counts.alreadyPending} pending` : '',
    counts.blocked > 0 ? `${counts.blocked} blocked` : '',
  ].filter(Boolean)
  const first =
    counts.updates === 0
      ? 'no changes'
      : `${counted(counts.updates, 'device')} of ${counts.inGit} would change`
  return [first, ...rest].join(', ')
}
