import { escapeMarkdown, seconds, shorten } from '../platform/platform.ts'
import { measureText } from './measure.ts'
import type { ComparedMeasure } from './measurements.ts'
import { fileInReports } from './workspace.ts'
import { tally } from './test-device.ts'
import type { TestCase, TestRun } from './test-run.ts'

/** A summary is read by people: beyond so many rows the report is the better place. */
const maxRows = 200

/** A run as Markdown: the verdict, what failed, measurements, all tests with their durations, and the device. */
export function testSummary(run: TestRun): string {
  const mark = { pass: '✅', fail: '❌', infra: '⚠️' }[run.result]
  const release = run.release === undefined ? '' : `, release ${escapeMarkdown(run.release)}`
  const flaky = run.cases.filter((one) => one.flaky)
  return `${[
    `### ${mark} ${tally(run)} on ${escapeMarkdown(run.device)}${release}`,
    '',
    ...(run.result === 'infra' ? [`The device was not judged: ${escapeMarkdown(run.message)}`, ''] : []),
    ...(flaky.length > 0 ? [`Flaky, failed once and passed once: ${someNames(flaky)}`, ''] : []),
    ...measureLines(run),
    ...testLines(run.cases),
    ...deviceLines(run),
    ...collectedLines(run),
  ].join('\n')}\n`
}

const someNames = (cases: readonly TestCase[]) => {
  const names = cases.slice(0, 10).map(titleOf).join(', ')
  return cases.length > 10 ? `${names} and ${cases.length - 10} more` : names
}

function testLines(cases: readonly TestCase[]): string[] {
  if (cases.length === 0) return []
  const rows = cases.toSorted((a, b) => rankOf(a) - rankOf(b))
  const total = cases.reduce((sum, one) => sum + one.seconds, 0)
  return [
    '| | test | seconds | |',
    '|---|---|---:|---|',
    ...rows.slice(0, maxRows).map(row),
    '',
    ...(rows.length > maxRows ? [`… and ${rows.length - maxRows} more in the report`, ''] : []),
    `${cases.length} tests in ${seconds(total * 1000)}`,
    '',
  ]
}

const rankOf = ({ result, flaky }: TestCase) =>
  result === 'failed' ? 0 : flaky ? 1 : result === 'skipped' ? 2 : 3
const marks: Record<TestCase['result'], string> = { failed: '❌', skipped: '⏭️', passed: '✅' }

const titleOf = ({ suite, name }: TestCase) => escapeMarkdown(`${suite}::${name}`)

function row(one: TestCase): string {
  const { result, message, flaky } = one
  const why = flaky ? `flaky; it failed once: ${flaky.message}` : message
  const mark = flaky ? '🔁' : marks[result]
  return `| ${mark} | ${titleOf(one)} | ${one.seconds.toFixed(2)} | ${escapeMarkdown(shorten(why, 300))} |`
}

function measureLines({ measures, baselineNote }: TestRun): string[] {
  const note = baselineNote === undefined ? [] : [escapeMarkdown(baselineNote), '']
  if (measures.length === 0) return note
  const worstFirst = measures.toSorted(
    (a, b) => Number(b.problem !== undefined) - Number(a.problem !== undefined),
  )
  return [
    '| | measured | now | before | |',
    '|---|---|---:|---:|---|',
    ...worstFirst.slice(0, maxRows).map(measureRow),
    '',
    ...note,
  ]
}

function measureRow(measure: ComparedMeasure): string {
  const { name, value, unit, before, problem, fails } = measure
  const mark = problem === undefined ? '' : fails ? '❌' : '⚠️'
  const shown = (number: number | undefined) =>
    number === undefined || Number.isNaN(number) ? '' : escapeMarkdown(measureText({ value: number, unit }))
  const why = escapeMarkdown(shorten(problem ?? '', 300))
  return `| ${mark} | ${escapeMarkdown(name)} | ${shown(value)} | ${shown(before)} | ${why} |`
}

function collectedLines({ collected }: TestRun): string[] {
  if (!collected || collected.names.length === 0) return []
  return [
    '',
    `The device's own words after the tests (${collected.names.join(', ')}): ${escapeMarkdown(fileInReports(collected.folder))}`,
  ]
}

function deviceLines({ about }: TestRun): string[] {
  if (!about) return []
  const { deviceType, facts } = about
  const rows = Object.entries({
    ...(deviceType === undefined ? {} : { 'device type': deviceType }),
    ...facts,
  })
  if (rows.length === 0) return []
  return [
    '| device | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${escapeMarkdown(name)} | ${escapeMarkdown(shorten(value, 300))} |`),
  ]
}
