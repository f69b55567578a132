// The part of the summary page on the rollout: how each stage stands, tick by tick how it came to that, what was planned.
import { existsSync } from 'node:fs'
import { type Plan, progressOf, readPlan } from '../src/plan/plan.ts'
import { type Cell, type Section, tickPicture } from '../src/report/report.ts'
import { type StageName, endFile, planFile, reviewedStages, stages } from './fleet.ts'
import type { RunFolder } from './run-folder.ts'
import type { Told } from './scene.ts'
import { type TickSeen, details } from './ticks.ts'

/** Nothing where it did not come to a rollout. */
export async function rolloutSections(run: RunFolder, { ticks, pullRequests }: Told): Promise<Section[]> {
  if (ticks.length === 0) return []
  const pictures = await Promise.all(stages.map((stage) => picture(run, stage, ticks)))
  return [...pictures.flat(), tickTable(ticks), ...proposals(pullRequests), ...(await plans(run))]
}

async function picture(run: RunFolder, stage: StageName, ticks: readonly TickSeen[]): Promise<Section[]> {
  const file = endFile({ run }, stage)
  if (!existsSync(file)) return []
  const plan = await readPlan(file)
  const last = ticks.findLast((tick) => tick.stage === stage && tick.state !== 'not-reviewed')
  const drawn = tickPicture({
    stage,
    plan,
    progress: progressOf(plan, last?.haltedBy ? failed(plan) : []),
    waiting: waitingOf(plan, last),
  })
  return drawn ? [{ kind: 'waves', title: `The stage ${stage} at the end`, picture: drawn }] : []
}

/** In a halted stage, what still differs from the plan is what failed: there was one wave with one device. */
function failed(plan: Plan) {
  const outcome = { kind: 'failure', why: '', deployment: undefined } as const
  return plan.changes.flatMap((change) =>
    change.kind === 'update' ? [{ device: change.device, wave: change.wave, outcome }] : [],
  )
}

function waitingOf({ waves }: Plan, last: TickSeen | undefined) {
  return (last?.waits ?? []).map((why) => ({
    why: why.replace(/^\d+ devices?: /, ''),
    devices: 0,
    nextDue: undefined,
    waves: waves.flatMap(({ wave, updates }) => (updates > 0 ? [wave] : [])),
  }))
}

function tickTable(ticks: readonly TickSeen[]): Section {
  const rows = ticks.map((tick): Cell[] => [
    { text: `${tick.stage}: ${tick.state}`, look: lookOf(tick) },
    details(tick),
    { text: `${tick.at.toFixed(1)} s`, look: 'number' },
  ])
  const lead =
    'Ticks end within a second and are started again and again, as cron would; those that found nothing new are left out.'
  return {
    kind: 'table',
    title: 'The schedule, tick by tick',
    lead,
    head: ['stage', 'found and did', 'after'],
    rows,
  }
}

function lookOf({ state }: TickSeen): 'good' | 'bad' | 'quiet' {
  if (state === 'done') return 'good'
  return state === 'halted' || state === 'not-reviewed' ? 'bad' : 'quiet'
}

function proposals(pullRequests: Told['pullRequests']): Section[] {
  return pullRequests.map(({ title, head, base, body, change }) => ({
    kind: 'verbatim',
    title: `The pull request that was opened: ${title}`,
    lead: `From ${head} to ${base}, for a person to read and merge.`,
    text: `${change}\n\n${body}`,
  }))
}

async function plans(run: RunFolder): Promise<Section[]> {
  const rows: Cell[][] = []
  for (const stage of reviewedStages) {
    const file = planFile({ run }, stage)
    if (!existsSync(file)) continue
    for (const change of (await readPlan(file)).changes) {
      const { from, to, wave } = { from: '', to: '', wave: undefined, ...change }
      rows.push([
        stage,
        change.host,
        change.kind,
        wave === undefined ? '' : String(wave),
        from ?? '',
        to ?? '',
      ])
    }
  }
  const head = ['stage', 'device', 'change', 'wave', 'from', 'to']
  return [{ kind: 'table', title: 'The plans that were reviewed', head, rows }]
}
