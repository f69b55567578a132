import { type Tick, whyFailed } from '../plan/plan.ts'
import { counted, escapeMarkdown, shorten } from '../platform/platform.ts'
import { wavesMermaid } from './mermaid.ts'
import { tickPicture } from './picture.ts'
import { countTable } from './plan-markdown.ts'
import {
  type Markdown,
  bounded,
  maxMarkdownCharacters,
  section,
  someOf,
  table,
  verbatim,
} from './markdown.ts'

const maxMembers = 100

const signs: Record<Tick['state'], string> = {
  done: '✅',
  'in-progress': '🔄',
  waiting: '⏳',
  halted: '🛑',
  superseded: '⏭️',
}

/** What a tick found and did, for people. */
export function tickMarkdown(tick: Tick, limit: number = maxMarkdownCharacters): Markdown {
  const picture = tickPicture(tick)
  const lines = [
    `### ${signs[tick.state]} ${escapeMarkdown(shorten(tick.stage, 100))}: ${tick.state}${tick.isDryRun ? ' (dry run: nothing was written)' : ''}`,
    '',
    sentence(tick),
    ...windowEnd(tick),
    ...(tick.counts ? ['', ...countTable(tick.counts)] : []),
    ...section('Waves', picture ? wavesMermaid(picture) : []),
    ...section(tick.isDryRun ? 'Would order' : 'Ordered', orderTable(tick)),
    ...section(
      'Withdrawn',
      table(
        ['older order'],
        tick.withdrawn.map((name) => [name]),
      ),
    ),
    ...section(tick.isDryRun ? 'Would enroll' : 'Enrolled', memberTable(tick, tick.enrolled)),
    ...section(tick.isDryRun ? 'Would retire' : 'Retired', memberTable(tick, tick.retired)),
    ...section('Waits', waitingTable(tick)),
    ...section('Failed', failed(tick)),
    ...section('Blocked', blocked(tick)),
  ]
  return bounded(lines, limit, (left) => `**Shortened: ${left} more lines.**`)
}

function sentence(tick: Tick): string {
  const commit = `\`${tick.commit.slice(0, 12)}\``
  switch (tick.state) {
    case 'superseded':
      return `The branch has moved on from ${commit}: ${hasWritten(tick) ? 'nothing more' : 'nothing'} was done.`
    case 'halted':
      return `Nothing new starts: ${escapeMarkdown(shorten(tick.haltedBy ?? '', 500))}.`
    case 'done':
      return `Every device runs what ${commit} says, but for those that are retired.`
    case 'in-progress':
      return `${counted(
        tick.orders.reduce((sum, { devices }) => sum + devices.length, 0),
        'device',
      )} ordered now, ${members(tick)}${tick.pending} on their way; wave ${tick.wave} of ${tick.waves}.`
    case 'waiting':
      return `Nothing is due now; wave ${tick.wave} of ${tick.waves} has begun.`
  }
}

function hasWritten({ orders, withdrawn, enrolled, retired }: Tick): boolean {
  return orders.length + withdrawn.length + enrolled.length + retired.length > 0
}

function members({ enrolled, retired }: Tick): string {
  const joined = enrolled.length > 0 ? `${enrolled.length} let in, ` : ''
  return `${joined}${retired.length > 0 ? `${retired.length} removed, ` : ''}`
}

function windowEnd({ windowEnd: end }: Tick): string[] {
  if (!end) return []
  const time = end.toISOString()
  return [
    '',
    `The window closes at ${time}: a run after that takes back the orders that no device has begun.`,
  ]
}

function orderTable({ orders }: Tick): string[] {
  return table(
    ['release', 'wave', 'devices', 'such as', 'deployment'],
    orders.map(({ release, wave, devices, name }) => [
      release,
      String(wave),
      String(devices.length),
      someOf(devices, 3),
      name,
    ]),
  )
}

function memberTable({ plan }: Tick, devices: readonly string[]): string[] {
  const hosts = new Map(plan?.changes.map(({ device, host }) => [device, host]))
  const rows = devices.slice(0, maxMembers).map((device) => [hosts.get(device) ?? device, device])
  const more = devices.length - rows.length
  return [...table(['device', 'id'], rows), ...(more > 0 ? ['', `And ${counted(more, 'more device')}.`] : [])]
}

function waitingTable({ waiting }: Tick): string[] {
  return table(
    ['devices', 'for', 'until'],
    waiting.map(({ devices, why, nextDue }) => [String(devices), why, nextDue?.toISOString() ?? '']),
  )
}

function failed({ failures }: Tick): string[] {
  return failures.flatMap((device) => [
    `- **${escapeMarkdown(shorten(device.host, 100))}**: ${escapeMarkdown(shorten(whyFailed(device), 500))}`,
    ...(device.log === undefined ? [] : verbatim(device.log)),
  ])
}

function blocked({ plan }: Tick): string[] {
  const changes = plan?.changes.filter((change) => change.kind === 'blocked') ?? []
  const groups = Map.groupBy(changes, ({ by }) => by)
  return table(
    ['by', 'devices', 'such as'],
    [...groups].map(([by, group]) => [by, String(group.length), someOf(group.map(({ host }) => host))]),
  )
}
