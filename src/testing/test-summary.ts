import { escapeMarkdown, shorten } from '../platform/platform.ts'
import { tally } from './test-device.ts'
import type { TestCase, TestRun } from './test-run.ts'

/** A summary is read by people: beyond so many rows the report is the better place. */
const maxRows = 200

/** A run as Markdown: the verdict, and a table of all tests with what failed on top. */
export function testSummary(run: TestRun): string {
  const mark = { pass: '✅', fail: '❌', infra: '⚠️' }[run.result]
  const release = run.release === undefined ? '' : `, release ${escapeMarkdown(run.release)}`
  const lines = [`### ${mark} ${tally(run)} on ${escapeMarkdown(run.device)}${release}`, '']
  if (run.result === 'infra') lines.push(`The device was not judged: ${escapeMarkdown(run.message)}`, '')
  if (run.cases.length > 0) lines.push('| | test | seconds | |', '|---|---|---:|---|')
  const rows = run.cases.toSorted((a, b) => rank[a.result] - rank[b.result])
  lines.push(...rows.slice(0, maxRows).map(row))
  if (rows.length > maxRows) lines.push('', `… and ${rows.length - maxRows} more in the report`)
  return `${lines.join('\n')}\n`
}

const rank: Record<TestCase['result'], number> = { failed: 0, skipped: 1, passed: 2 }
const marks: Record<TestCase['result'], string> = { failed: '❌', skipped: '⏭️', passed: '✅' }

function row({ suite, name, result, message, seconds }: TestCase): string {
  const title = escapeMarkdown(`${suite}::${name}`)
  return `| ${marks[result]} | ${title} | ${seconds.toFixed(2)} | ${escapeMarkdown(shorten(message, 300))} |`
}
