import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Change, type Plan, type Tick, countsOf, progressOf } from '../../src/plan/plan.ts'
import {
  headline,
  planMarkdown,
  planPage,
  planPicture,
  tickMarkdown,
  wavesMermaid,
  wavesSvg,
} from '../../src/report/report.ts'

const about = (host: string) => ({
  device: `id-${host}`,
  host,
  cause: { file: 'inventory.yml', line: host.length },
})
const moving = { deviceType: 'pi', site: undefined, to: 'r2', wave: 1 }
const enroll: Change = { kind: 'enroll', ...about('new'), deviceType: 'pi', to: 'r2' }
const retire: Change = { kind: 'retire', ...about('old'), deviceType: 'bone', from: 'r0' }
const there: Change = { kind: 'no-op', ...about('there'), ...moving, why: 'already-there' }
const gone: Change = { kind: 'no-op', ...about('gone'), why: 'already-retired' }
const update: Change = { kind: 'update', ...about('moves'), ...moving, from: 'r1' }

const planOf = (changes: Change[], notInGit: Plan['notInGit'] = []): Plan => ({
  schema: 'drover/plan/v1',
  stage: 'canary',
  branch: 'canary',
  server: 'http://127.0.0.1',
  createdAt: '2026-03-02T12:00:00.000Z',
  factsAt: '2026-03-02T12:00:00.000Z',
  digest: `sha256:${'a'.repeat(64)}`,
  counts: countsOf(changes),
  waves: [{ wave: 1, share: '100%', devices: 2, updates: 1 }],
  changes,
  notInGit,
})

test('who joins and who leaves is in the headline, the counts, a table, and both pictures', () => {
  const plan = planOf([enroll, retire, there, gone, update])
  assert.equal(headline(plan), '1 device of 5 would change, 1 to enroll, 1 to retire')
  assert.equal(headline(planOf([enroll, there])), 'no updates, 1 to enroll')
  const { text } = planMarkdown(plan)
  for (const expected of [
    '| in Git | to update | to enroll | to retire | already pending | already there | already retired | blocked |',
    '| 5 | 1 | 1 | 1 | 0 | 1 | 1 | 0 |',
    '| new | enroll | pi |  | r2 | inventory.yml:3 |',
    '| old | retire | bone | r0 |  | inventory.yml:3 |',
    'm["joins and leaves, 2<br/>to enroll – 1<br/>to retire – 1"]:::toCome',
  ])
    assert.ok(text.includes(expected), `${expected} in\n${text}`)
  const picture = planPicture(plan)
  assert.match(wavesSvg(picture), /Joins and leaves: 2.*1 to enroll · 1 to retire/)
  assert.match(wavesSvg(picture), /<desc[^>]*>[^<]*Joins and leaves: 1 to enroll, 1 to retire\./)
  assert.match(planPage(plan), /<h2>Joins and leaves<\/h2>/)
})

test('a stage that nobody joins or leaves shows nothing of it', () => {
  const plan = planOf([there, update])
  const all = planMarkdown(plan).text + planPage(plan) + wavesMermaid(planPicture(plan)).join('\n')
  assert.doesNotMatch(all, /oins|enroll|retire/)
  assert.ok(all.includes('| 2 | 1 | 0 | 1 | 0 |'))
})

test('devices that no stage has are named, and of very many the first', () => {
  const strangers = Array.from({ length: 3000 }, (_, index) => ({
    device: `s-${index}`,
    status: 'pending' as const,
  }))
  const { text } = planMarkdown(planOf([there], strangers))
  assert.ok(text.includes('| s-0 | pending |  |') && text.includes('| s-19 | pending |  |'))
  assert.ok(!text.includes('s-20') && text.includes('And 2980 more devices.'))
  const page = planPage(planOf([there], strangers))
  assert.ok(page.includes('the first 1000 of 3000') && page.includes('s-999<') && !page.includes('s-1000<'))
})

test('a tick says whom it let in and whom it removed, also before it was superseded', () => {
  const plan = planOf([enroll, retire, there])
  const tick: Tick = {
    stage: 'canary',
    commit: 'c'.repeat(40),
    state: 'in-progress',
    isDryRun: false,
    plan,
    counts: plan.counts,
    progress: progressOf(plan),
    orders: [],
    withdrawn: [],
    enrolled: ['id-new'],
    retired: ['id-old'],
    pending: 0,
    wave: 0,
    waves: 1,
    haltedBy: undefined,
    failures: [],
    waiting: [],
  }
  const { text } = tickMarkdown(tick)
  assert.match(text, /0 devices ordered now, 1 let in, 1 removed, 0 on their way/)
  assert.match(text, /#### Enrolled\n\n.*\n.*\n\| new \| id-new \|/)
  assert.match(text, /#### Retired\n\n.*\n.*\n\| old \| id-old \|/)
  assert.match(tickMarkdown({ ...tick, isDryRun: true }).text, /#### Would retire\n/)
  const superseded = tickMarkdown({ ...tick, state: 'superseded', plan: undefined, counts: undefined })
  assert.match(superseded.text, /nothing more was done/)
})
