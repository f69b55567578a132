// The summary page: the closing table, the tests and the plan, for a browser.
import { existsSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { join } from 'node:path'
import { readText, writeAtomically } from '../src/platform/platform.ts'
import { type Cell, type Section, renderPage } from '../src/report/report.ts'
import { readJunit } from '../src/testing/testing.ts'
import { rolloutSections } from './page-rollout.ts'
import type { StepResult } from './progress.ts'
import type { RunFolder } from './run-folder.ts'
import type { Told } from './scene.ts'
import type { Target } from './target.ts'

/** How the demonstration ended. */
export interface Verdict {
  isGood: boolean
  text: string
  reason?: string
  /** Path of a device's log of a failed deployment. */
  log?: string | undefined
}

/** Writes the page from what the run left in its folder; returns its path. */
export async function writePage(
  run: RunFolder,
  steps: readonly StepResult[],
  verdict: Verdict,
  told: Told & { target: Target },
): Promise<string> {
  const { SUDO_UID, SUDO_GID } = process.env
  // root's folder is closed to the one who called sudo
  const folder = SUDO_UID === undefined ? join(run.path, '..') : join(import.meta.dirname, '..')
  const path = join(folder, SUDO_UID === undefined ? 'summary.html' : 'demo-summary.html')
  const sections = [
    stepTable(steps),
    timeline(steps),
    ...(await rolloutSections(run, told)),
    ...(await tests(run)),
    ...(await deviceLog(verdict)),
  ]
  const lead = [
    'One machine, real parts: an image built by mmdebstrap, devices that run Debian’s own update client and ssh server, a fleet described in Git.',
    ...(told.target.about ? [told.target.about.devices] : []),
    `Written ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC.`,
  ]
  await writeAtomically(path, renderPage({ title: 'Drover: the demonstration', verdict, lead, sections }))
  if (SUDO_UID !== undefined) await chown(path, Number(SUDO_UID), Number(SUDO_GID))
  return path
}

async function deviceLog({ log }: Verdict): Promise<Section[]> {
  if (log === undefined || !existsSync(log)) return []
  return [{ kind: 'verbatim', title: 'The device’s log of the failed update', text: await readText(log) }]
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
    readable(name),
    { text: result, look: result === 'passed' ? 'good' : result === 'skipped' ? 'quiet' : 'bad' },
    message ?? '',
    { text: `${(seconds * 1000).toFixed(0)} ms`, look: 'number' },
  ])
  return [{ kind: 'table', title: 'Tests on the device', head: ['test', 'result', '', 'time'], rows }]
}

/** `test_the_client_s_key[ssh]` → `the client’s key (ssh)` */
function readable(name: string): string {
  const words = name
    .replace(/^test_/, '')
    .replace(/_s(?=_|\b)/g, '’s')
    .replaceAll('_', ' ')
  return words.replace(/\[([^\]]*)\]$/, ' ($1)')
}
