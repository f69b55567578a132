import type { Change, Counts, Plan } from '../plan/plan.ts'
import { escapeMarkdown } from '../platform/platform.ts'
import { type Markdown, bounded, counted, maxMarkdownCharacters, section, someOf, table } from './markdown.ts'

/** Up to so many devices each have a row of their own; above, equal changes share one. */
const maxDeviceRows = 200

export interface PlanMarkdownOptions {
  /** What is over budget, one sentence each. */
  over?: readonly string[]
  limit?: number
}

/**
 * A plan for people: counts, digest, what changes, what is blocked and why, the waves. It has no times, so the same plan is
 * the same text. Over the limit it is cut and says so.
 */
export function planMarkdown(plan: Plan, options: PlanMarkdownOptions = {}): Markdown {
  const updates = plan.changes.filter((change) => change.kind === 'update')
  const lines = [
    `### Plan for ${escapeMarkdown(plan.stage)}: ${headline(plan)}`,
    '',
    ...countTable(plan.counts),
    ...(options.over ?? []).flatMap((sentence) => ['', `> **Over budget:** ${escapeMarkdown(sentence)}`]),
    ...section('Updates', updateTable(updates)),
    ...section('Blocked', blockedTable(plan)),
    ...section('Waves', updates.length > 0 ? picture(plan) : []),
    '',
    `Digest of what the stage should run: \`${plan.digest}\``,
  ]
  return bounded(
    lines,
    options.limit ?? maxMarkdownCharacters,
    (left) =>
      `**Shortened: ${left} more lines are in the plan file. A shortened plan can't be used to approve.**`,
  )
}

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

type Update = Extract<Change, { kind: 'update' }>

function updateTable(updates: readonly Update[]): string[] {
  if (updates.length <= maxDeviceRows) {
    return table(
      ['device', 'from', 'to', 'device type', 'wave'],
      updates.map((change) => [change.host, change.from, change.to, change.deviceType, String(change.wave)]),
    )
  }
  const groups = Map.groupBy(updates, ({ from, to, deviceType, wave }) =>
    JSON.stringify([from, to, deviceType, wave]),
  )
  return table(
    ['devices', 'from', 'to', 'device type', 'wave', 'such as'],
    [...groups.values()].flatMap((group) => {
      const [first] = group
      if (!first) return []
      const hosts = someOf(group.map(({ host }) => host))
      return [[String(group.length), first.from, first.to, first.deviceType, String(first.wave), hosts]]
    }),
  )
}

function blockedTable(plan: Plan): string[] {
  const blocked = plan.changes.filter((change) => change.kind === 'blocked')
  if (blocked.length <= maxDeviceRows) {
    return table(
      ['device', 'wanted', 'blocked by', 'why', 'until', 'line'],
      blocked.map(({ host, to, by, why, until, cause }) => [
        host,
        to ?? '',
        by,
        why,
        until ?? '',
        `${cause.file}:${cause.line}`,
      ]),
    )
  }
  return table(
    ['devices', 'blocked by', 'such as'],
    [...Map.groupBy(blocked, ({ by }) => by)].map(([by, group]) => [
      String(group.length),
      by,
      someOf(group.map(({ host }) => host)),
    ]),
  )
}

/** The waves as a Mermaid picture; its labels are made of our own words and numbers alone. */
function picture(plan: Plan): string[] {
  const waves = plan.waves.filter(({ devices }) => devices > 0)
  if (waves.length === 0) return []
  const label = (text: string) => text.replace(/[^\w %.,:]/g, ' ')
  const nodes = waves.map(
    ({ wave, share, devices, updates }) =>
      `  w${wave}["wave ${wave}: ${label(share)}<br/>${counted(devices, 'device')}, ${updates} to update"]`,
  )
  const arrows = waves.slice(1).map(({ wave }, index) => `  w${waves[index]?.wave} -- gate --> w${wave}`)
  return ['```mermaid', 'flowchart LR', ...nodes, ...arrows, '```']
}
