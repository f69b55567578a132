import type { Tick } from '../plan/plan.ts'
import { escapeMarkdown } from '../platform/platform.ts'
import {
  type Markdown,
  bounded,
  counted,
  maxMarkdownCharacters,
  section,
  someOf,
  table,
  verbatim,
} from './markdown.ts'

const signs: Record<Tick['state'], string> = {
  done: '✅',
  'in-progress': '🔄',
  waiting: '⏳',
  halted: '🛑',
  superseded: '⏭️',
}

/** What a tick found and did, for people. */
export function tickMarkdown(tick: Tick, limit: number = maxMarkdownCharacters): Markdown {
  const { counts } = tick
  const lines = [
    `### ${signs[tick.state]} ${escapeMarkdown(tick.stage)}: ${tick.state}${tick.isDryRun ? ' (dry run: nothing was written)' : ''}`,
    '',
    sentence(tick),
    ...(counts
      ? [
          '',
          ...table(
            ['in Git', 'to update', 'pending', 'there', 'blocked'],
            [
              [counts.inGit, counts.updates, counts.alreadyPending, counts.alreadyThere, counts.blocked].map(
                String,
              ),
            ],
          ),
        ]
      : []),
    ...section(
      tick.isDryRun ? 'Would order' : 'Ordered',
      table(
        ['release', 'wave', 'devices', 'such as', 'deployment'],
        tick.orders.map(({ release, wave, devices, name }) => [
          release,
          String(wave),
          String(devices.length),
          someOf(devices, 3),
          name,
        ]),
      ),
    ),
    ...section(
      'Withdrawn',
      table(
        ['older order'],
        tick.withdrawn.map((name) => [name]),
      ),
    ),
    ...section(
      'Waits',
      table(
        ['devices', 'for', 'until'],
        tick.waiting.map(({ devices, why, nextDue }) => [String(devices), why, nextDue?.toISOString() ?? '']),
      ),
    ),
    ...section(
      'Failed',
      tick.failures.flatMap(({ host, why, log }) => [
        `- **${escapeMarkdown(host)}**: ${escapeMarkdown(why)}`,
        ...(log === undefined ? [] : verbatim(log)),
      ]),
    ),
    ...section('Blocked', blocked(tick)),
  ]
  return bounded(lines, limit, (left) => `**Shortened: ${left} more lines.**`)
}

function sentence(tick: Tick): string {
  const commit = `\`${tick.commit.slice(0, 12)}\``
  switch (tick.state) {
    case 'superseded':
      return `The branch has moved on from ${commit}: nothing was done.`
    case 'halted':
      return `Nothing new starts: ${escapeMarkdown(tick.haltedBy ?? '')}.`
    case 'done':
      return `Every device runs what ${commit} says, but for those that are retired.`
    case 'in-progress':
      return `${counted(
        tick.orders.reduce((sum, { devices }) => sum + devices.length, 0),
        'device',
      )} ordered now, ${tick.pending} on their way; wave ${tick.wave} of ${tick.waves}.`
    case 'waiting':
      return `Nothing is due now; wave ${tick.wave} of ${tick.waves} has begun.`
  }
}

function blocked({ plan }: Tick): string[] {
  const changes = plan?.changes.filter((change) => change.kind === 'blocked') ?? []
  const groups = Map.groupBy(changes, ({ by }) => by)
  return table(
    ['by', 'devices', 'such as'],
    [...groups].map(([by, group]) => [by, String(group.length), someOf(group.map(({ host }) => host))]),
  )
}
