import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFleetPolicy } from '../../src/fleet/fleet.ts'
import { type Change, type Plan, type Tick, countsOf, progressOf } from '../../src/plan/plan.ts'
import { haltMarkdown, tickHeadline } from '../../src/report/report.ts'

type Standing = 'there' | 'pending' | 'update' | 'failed' | 'blocked' | 'enroll' | 'retire' | 'retired'

/** A tick of a stage whose devices stand like this. */
function tickOf(standings: readonly Standing[], to = 'X', rest: Partial<Tick> = {}): Tick {
  const changes = standings.map((standing, index): Change => {
    const host = `d${index}`
    const about = { device: host, host, cause: { file: 'f', line: 1 } }
    const moving = { ...about, deviceType: 'pi', site: undefined, to, wave: 1 }
    if (standing === 'enroll' || standing === 'retire') return { kind: standing, ...about }
    if (standing === 'retired') return { kind: 'no-op', ...about, why: 'already-retired' }
    if (standing === 'blocked')
      return { kind: 'blocked', ...about, from: 'old', to, by: 'busy', why: '', until: undefined }
    if (standing === 'there') return { kind: 'no-op', ...moving, why: 'already-there' }
    if (standing === 'pending') return { kind: 'no-op', ...moving, why: 'already-pending' }
    return { kind: 'update', from: 'old', ...moving }
  })
  const plan: Plan = {
    schema: 'drover/plan/v1',
    stage: 's',
    branch: 's',
    server: 'x',
    createdAt: '',
    factsAt: '',
    digest: `sha256:${'a'.repeat(64)}`,
    counts: countsOf(changes),
    waves: [{ wave: 1, share: '100%', devices: 1, updates: 1 }],
    changes,
    notInGit: [],
  }
  const members = standings.flatMap((standing, index) =>
    standing === 'failed'
      ? [{ device: `d${index}`, wave: 1, outcome: { kind: 'failure', why: '', deployment: 'o' } as const }]
      : [],
  )
  return {
    stage: 's',
    commit: 'c'.repeat(40),
    state: 'in-progress',
    isDryRun: false,
    plan,
    counts: plan.counts,
    progress: progressOf(plan, members),
    orders: [],
    withdrawn: [],
    enrolled: [],
    retired: [],
    pending: 0,
    wave: 1,
    waves: 1,
    haltedBy: undefined,
    failures: [],
    waiting: [],
    ...rest,
  }
}

const many = (count: number, standing: Standing) => Array.from({ length: count }, () => standing)

test('a stage is told in one line: where it is, what is on its way, what went wrong', () => {
  const due = { why: 'x', devices: 1, nextDue: new Date('2026-03-03T02:00:00Z') }
  const table: [Tick, string][] = [
    [
      tickOf([...many(17, 'there'), ...many(2, 'pending'), 'failed']),
      '17 of 20 on X, 2 pending, 1 rolled back',
    ],
    [tickOf(['there', 'update', 'update', 'blocked', 'retired']), '1 of 4 on X, 2 to come, 1 blocked'],
    [
      tickOf(['there', 'update'], 'X', { state: 'waiting', waiting: [due] }),
      '1 of 2 on X, 1 to come; next 2026-03-03 02:00 UTC',
    ],
    [
      tickOf(['there', 'pending'], 'X', { windowEnd: new Date('2026-03-03T05:00:00Z') }),
      '1 of 2 on X, 1 pending; the window closes 2026-03-03 05:00 UTC',
    ],
    [tickOf(['there', 'there']), '2 of 2 on X'],
    [tickOf(['there', 'enroll', 'retire', 'retired']), '1 of 2 on X, 1 to enroll'],
    [tickOf(['retire']), 'no devices'],
    [tickOf([]), 'no devices'],
    [tickOf(['retired']), 'no devices'],
    [tickOf(['blocked']), '0 of 1 on their release, 1 blocked'],
    [tickOf(['there'], 'a\nb\u202e'), '1 of 1 on a b'],
  ]
  for (const [tick, expected] of table) assert.equal(tickHeadline(tick), expected)
  const long = tickHeadline(tickOf(['there', 'pending', 'failed', 'update', 'blocked'], 'x'.repeat(500)))
  assert.ok(long.length <= 140, 'the numbers must not be what is cut')
})

test('the way back that a halted stage offers is a fleet.yml that is read', () => {
  const failure = { device: 'd', host: 'd', why: 'w', log: 'one\ntwo' }
  const failures = ['r1', 'r1 ``` "x"\n', 'r1'].map((from) => ({ ...failure, release: 'r2', from }))
  const tick = tickOf(['failed'], 'r2', { state: 'halted', haltedBy: 'rule', failures })
  const { text } = haltMarkdown(tick, new Date('2026-03-03T12:00:00Z'))
  const snippet = /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
  const { emergency } = parseFleetPolicy(snippet, 'fleet.yml').switches
  assert.deepEqual(
    [emergency?.stage, emergency?.release, emergency?.until.toISOString()],
    ['s', 'r1', '2026-03-03T12:00:00.000Z'],
    'what most of them ran before',
  )
  assert.match(text, /#### End of the log of d\n\n\n? {4}one\n {4}two/)
})
