// The summary page: the closing table, the tests and the plan, for a browser.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { readText, readYaml, writeAtomically } from '../src/platform/platform.ts'
import { type Cell, type Section, renderPage } from '../src/report/report.ts'
import { readJunit } from '../src/testing/testing.ts'
import type { StepResult } from './progress.ts'
import type { RunFolder } from './run-folder.ts'

/** Writes the page from what the run left in its folder; returns its path. */
export async function writePage(
  run: RunFolder,
  steps: readonly StepResult[],
  verdict: { isGood: boolean; text: string },
): Promise<string> {
  const path = join(run.path, '..', 'summary.html')
  const sections = [stepTable(steps), timeline(steps), ...(await tests(run)), ...(await plan(run))]
  const lead = [
    'One machine, real parts: an image built by mmdebstrap, devices that run Debian’s own update client and ssh server, a fleet described in Git.',
    `Written ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC.`,
  ]
  await writeAtomically(path, renderPage({ title: 'Drover: the demonstration', verdict, lead, sections }))
  return path
}

function stepTable(steps: readonly StepResult[]): Section {
  const rows = steps.map(({ title, state, result, seconds }): Cell[] => [
    title,
    state === 'passed' ? { text: '✔', look: 'good' } : { text: '✖', look: 'bad' },
    result,
    { text: `${seconds.toFixed(1)} s`, look: 'number' },
  ])
  return { kind: 'table', title: 'Steps', head: ['step', '', 'result', 'time'], rows }
}

function timeline(steps: readonly StepResult[]): Section {
  const bars = steps.map(({ title, state, seconds }) => ({
    label: title,
    seconds,
    isBad: state === 'failed',
  }))
  return { kind: 'timeline', title: 'Where the time went', bars }
}

async function tests(run: RunFolder): Promise<Section[]> {
  const file = join(run.path, 'test-results', 'junit.xml')
  if (!existsSync(file)) return []
  const rows = readJunit(await readText(file)).map(({ name, result, seconds, message }): Cell[] => [
    name.replaceAll('_', ' '),
    { text: result, look: result === 'passed' ? 'good' : result === 'skipped' ? 'quiet' : 'bad' },
    message ?? '',
    { text: `${(seconds * 1000).toFixed(0)} ms`, look: 'number' },
  ])
  return [{ kind: 'table', title: 'Tests on the device', head: ['test', 'result', '', 'time'], rows }]
}

const planSchema = v.object({
  changes: v.array(
    v.object({
      kind: v.string(),
      host: v.string(),
      from: v.optional(v.string()),
      to: v.optional(v.string()),
    }),
  ),
})

async function plan(run: RunFolder): Promise<Section[]> {
  const file = join(run.path, 'plan.json')
  if (!existsSync(file)) return []
  const { changes } = (await readYaml(file, planSchema)).value
  const rows = changes.map(({ kind, host, from, to }): Cell[] => [host, kind, from ?? '', to ?? ''])
  const page: Section[] = [
    { kind: 'table', title: 'The plan that was reviewed', head: ['device', 'change', 'from', 'to'], rows },
  ]
  const markdown = join(run.path, 'plan.md')
  if (existsSync(markdown)) {
    page.push({
      kind: 'verbatim',
      title: 'The plan as the pull request shows it',
      text: await readText(markdown),
    })
  }
  return page
}
