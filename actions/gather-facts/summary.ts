import { type DeviceFacts, type Facts, unmatched } from '../../src/ota/ota.ts'
import { escapeMarkdown } from '../../src/platform/platform.ts'

/** A row for each of so many releases and silent devices: a summary is read by people. */
const maxRows = 50

/** What the facts say at a glance, as Markdown: devices by device type and release, and who is silent. */
export function factsSummary(facts: Facts, silent: readonly DeviceFacts[]): string {
  const groups = Map.groupBy(facts.devices, ({ deviceType, release }) =>
    [deviceType ?? 'unknown', release ?? 'none reported'].map(escapeMarkdown).join(' | '),
  )
  const rows = [...groups].sort(([, a], [, b]) => b.length - a.length)
  const reported = facts.devices.flatMap(({ reportedAt }) => reportedAt ?? []).sort()
  return [
    `### ${facts.devices.length} devices, ${silent.length} silent, ${facts.openDeployments.length} open deployments`,
    '',
    '| device type | release | devices | oldest facts |',
    '|---|---|---:|---|',
    ...rows
      .slice(0, maxRows)
      .map(([name, devices]) => `| ${name} | ${devices.length} | ${oldest(devices)} |`),
    ...(rows.length > maxRows ? [`| … | ${rows.length - maxRows} more | | |`] : []),
    '',
    `Oldest facts: ${reported[0] ?? 'none'}.`,
    ...listOf(
      'Silent since:',
      silent.map(({ id, reportedAt }) => `${escapeMarkdown(id)}: ${reportedAt ?? 'never'}`),
    ),
    ...unmatchedLists(facts),
    '',
  ].join('\n')
}

function oldest(devices: readonly DeviceFacts[]): string {
  const times = devices.flatMap(({ reportedAt }) => reportedAt ?? []).sort()
  return times.length < devices.length ? 'never reported' : (times[0] ?? '')
}

function unmatchedLists(facts: Facts): string[] {
  const { missing = [], strangers = [] } = unmatched(facts)
  return [
    ...listOf(
      'In Git and not on the server:',
      missing.map(({ id, host = id }) => [host, id].map(escapeMarkdown).join(': ')),
    ),
    ...listOf('On the server and not in Git:', strangers.map(escapeMarkdown)),
  ]
}

function listOf(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return []
  const more = lines.length > maxRows ? [`- … and ${lines.length - maxRows} more`] : []
  return ['', title, '', ...lines.slice(0, maxRows).map((line) => `- ${line}`), ...more]
}
