import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Change, type Plan, type Tick, countsOf } from '../../src/plan/plan.ts'
import { planMarkdown, tickMarkdown } from '../../src/report/report.ts'

const update = (host: string, rest: Partial<Extract<Change, { kind: 'update' }>> = {}): Change => ({
  kind: 'update',
  device: host,
  host,
  cause: { file: 'group_vars/all.yml', line: 2 },
  deviceType: 'pi',
  site: undefined,
  from: 'r1',
  to: 'r2',
  wave: 1,
  ...rest,
})

function planOf(changes: Change[], rest: Partial<Plan> = {}): Plan {
  const updates = changes.filter(({ kind }) => kind === 'update').length
  return {
    schema: 'drover/plan/v1',
    stage: 'canary',
    branch: 'canary',
    server: 'http://127.0.0.1',
    createdAt: '2026-03-02T12:00:00.000Z',
    factsAt: '2026-03-02T12:00:00.000Z',
    digest: `sha256:${'a'.repeat(64)}`,
    counts: countsOf(changes),
    waves: [{ wave: 1, share: '100%', devices: updates, updates, begins: 'after the merge' }],
    changes,
    notInGit: [],
    ...rest,
  }
}

const tickOf = (rest: Partial<Tick>): Tick => ({
  stage: 'canary',
  commit: 'c'.repeat(40),
  state: 'done',
  isDryRun: false,
  plan: planOf([]),
  counts: planOf([]).counts,
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
})

const hostile = 'x | y\n# boo <img src=x> [a](javascript:1) @everyone `z` --> ```\u001b[31m'

test('a plan shows counts, digest, changes, reasons and waves, and the same plan is the same text', () => {
  const blocked: Change = {
    kind: 'blocked',
    device: 'b',
    host: 'b',
    cause: { file: 'host_vars/b.yml', line: 3 },
    from: 'r1',
    to: 'r2',
    by: 'busy',
    why: 'has an open order',
    until: undefined,
  }
  const plan = planOf([update('a'), blocked])
  const { text, isCut } = planMarkdown(plan, { over: ['2 devices would change; budget.devices allows 1'] })
  assert.equal(isCut, false)
  for (const expected of [
    '### Plan for canary: 1 device of 2 would change, 1 blocked',
    '| 2 | 1 | 0 | 0 | 1 |',
    '| a | r1 | r2 | pi | 1 |',
    '| b | r2 | busy | has an open order |  | host\\_vars/b.yml:3 |',
    '**Over budget:** 2 devices would change',
    'w1["wave 1, 100#37;<br/>after the merge<br/>pi – 1 to come"]:::toCome',
    '| 1 | 100% | 1 | 1 | after the merge |',
    plan.digest,
  ])
    assert.ok(text.includes(expected), `${expected} in\n${text}`)
  const later = { ...plan, createdAt: '2027-01-01T00:00:00.000Z', factsAt: '2027-01-01T00:00:00.000Z' }
  assert.equal(planMarkdown(later).text, planMarkdown(plan).text)
})

test('names from outside change nothing but their own cell', () => {
  const shown = planMarkdown(
    planOf([update(hostile, { from: hostile, to: hostile, deviceType: hostile })], {
      stage: hostile,
      waves: [{ wave: 1, share: hostile, devices: 1, updates: 1 }],
    }),
  ).text
  const tick = tickMarkdown(
    tickOf({
      stage: hostile,
      state: 'halted',
      haltedBy: hostile,
      failures: [{ device: 'a', host: hostile, why: hostile, log: hostile }],
      waiting: [{ why: hostile, devices: 1, nextDue: undefined }],
      orders: [{ name: hostile, release: hostile, wave: 1, devices: [hostile] }],
      plan: planOf([update(hostile)]),
    }),
  ).text
  for (const text of [shown, tick]) {
    // the indented block of a log shows text as it is
    const outside = text
      .split('\n')
      .filter((line) => !line.startsWith('    '))
      .join('\n')
    assert.doesNotMatch(outside, /<img|(?<!\\)\[a\]|@everyone|(?<!\\)\|\s*y|^# boo|-->/m)
    assert.ok(!text.includes('\u001b'))
    assert.equal(text.split('\n').filter((line) => line.startsWith('```')).length % 2, 0)
  }
})

test('what is too long is cut within the limit and says that it can not approve', () => {
  const changes = Array.from({ length: 190 }, (_, index) =>
    update(`device-${index}`, { from: `${index}${'x'.repeat(280)}`, to: 'y'.repeat(290) }),
  )
  const { text, isCut } = planMarkdown(planOf(changes), { limit: 20_000 })
  assert.ok(isCut && text.length <= 20_000, `${text.length} characters`)
  assert.match(
    text,
    /\*\*Shortened: \d+ more lines are in the plan file\. A shortened plan can't be used to approve\.\*\*\n$/,
  )
  const half = planMarkdown(planOf([update('a', { site: 'b' })]), { limit: 700 })
  assert.ok(half.isCut && !half.text.includes('```'), 'half a picture is none')
  const many = Array.from({ length: 900 }, (_, index) => update(`d${index}`))
  assert.match(planMarkdown(planOf(many)).text, /\| d899 \|/, 'each has a row where there is room')
  assert.match(planMarkdown(planOf(many), { limit: 20_000 }).text, /\| 900 \| r1 \| r2 \|/)
  const large = planMarkdown(planOf(Array.from({ length: 5000 }, (_, index) => update(`d${index}`))))
  assert.equal(large.isCut, false, 'equal changes of many devices share a row')
  assert.match(large.text, /\| 5000 \| r1 \| r2 \| pi \| 1 \| d0, d1, d2, d3, d4 and 4995 more \|/)
})

test('each state of a tick says what it means', () => {
  const due = new Date('2026-03-03T10:00:00Z')
  const table: [Partial<Tick>, RegExp][] = [
    [{ state: 'done' }, /✅ canary: done[\s\S]*Every device runs what `cccccccccccc` says/],
    [
      { state: 'superseded', plan: undefined, counts: undefined },
      /moved on from `cccccccccccc`: nothing was done/,
    ],
    [
      {
        state: 'halted',
        haltedBy: 'r2: 1 of 2 devices failed',
        failures: [{ device: 'a', host: 'a', why: 'the update failed', log: 'one\ntwo' }],
      },
      /Nothing new starts: r2: 1 of 2 devices failed\.[\s\S]*\*\*a\*\*: the update failed[\s\S]* {4}one\n {4}two/,
    ],
    [
      { state: 'waiting', waiting: [{ why: 'wave 1 soaks', devices: 4, nextDue: due }] },
      /\| 4 \| wave 1 soaks \| 2026-03-03T10:00:00\.000Z \|/,
    ],
    [
      {
        state: 'in-progress',
        pending: 1,
        waves: 2,
        orders: [{ name: 'n', release: 'r2', wave: 1, devices: ['a', 'b'] }],
      },
      /2 devices ordered now, 1 on their way; wave 1 of 2/,
    ],
    [
      {
        state: 'in-progress',
        isDryRun: true,
        orders: [{ name: 'n', release: 'r2', wave: 1, devices: ['a'] }],
      },
      /dry run: nothing was written[\s\S]*Would order/,
    ],
  ]
  for (const [tick, expected] of table) assert.match(tickMarkdown(tickOf(tick)).text, expected)
})
