import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Ajv } from 'ajv'
import { loadFleet } from '../../src/fleet/fleet.ts'
import type { DeviceFacts, Facts } from '../../src/ota/ota.ts'
import { type Plan, makePlan, readPlan, writePlan } from '../../src/plan/plan.ts'
import { temporaryFolder } from '../support/temporary.ts'

interface Host {
  zone?: string
  release?: string | undefined
  /** Unknown to the server. */
  isGone?: boolean
  status?: DeviceFacts['status']
  /** On the server alone. */
  isStranger?: boolean
  variables?: string
}

/** A plan of the stage canary for devices of one type; `policy` is what its stage says beside its branch. */
async function planFor(
  t: TestContext,
  hosts: Record<string, Host>,
  policy: string,
  now: Date,
): Promise<Plan> {
  const folder = await temporaryFolder(t)
  const files: Record<string, string> = {
    'inventory.yml': `all:\n  hosts:\n${Object.keys(hosts)
      .filter((host) => !hosts[host]?.isStranger)
      .map((host) => `    ${host}:\n`)
      .join('')}`,
    'group_vars/all.yml': 'subscribed_branch: canary\nos_image: r2\n',
    'fleet.yml': `stages:\n  main: { branch: main, allow-empty: true }\n  canary: { branch: canary, ${policy} }\n`,
  }
  for (const [host, { zone, isStranger, variables = '' }] of Object.entries(hosts))
    if (!isStranger)
      files[`host_vars/${host}.yml`] = `site: ${host}\n${zone ? `time_zone: ${zone}\n` : ''}${variables}`
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const devices = Object.entries(hosts).flatMap(
    ([id, { isGone, status = 'accepted', release = 'r1' }]): DeviceFacts[] =>
      isGone
        ? []
        : [
            {
              id,
              status,
              reportedAt: now.toISOString(),
              deviceType: 'pi',
              release,
              group: undefined,
              identity: {},
              attributes: {},
            },
          ],
  )
  const artifact = {
    id: 'r2',
    deviceTypes: ['pi'],
    sizeBytes: 1,
    isSigned: true,
    contentDigest: `sha256:${'2'.repeat(64)}` as const,
  }
  const facts: Facts = {
    server: 'http://127.0.0.1:1',
    gatheredAt: now.toISOString(),
    devices,
    releases: [{ name: 'r2', artifacts: [artifact] }],
    openDeployments: [],
  }
  return makePlan(await loadFleet(folder), 'canary', facts, now)
}

const times = ({ changes }: Plan) =>
  changes.map((change) => (change.kind === 'update' ? change.notBefore : change.kind))

test('a device begins no earlier than its window opens on the clocks of its place, also where they change', async (t) => {
  const window = (zone: string) =>
    `waves: [100%], window: { days: [sun], from: "02:30", to: "05:00", time-zone: ${zone} }`
  const saturday = new Date('2026-03-28T12:00:00Z')
  const hosts = {
    berlin: { zone: 'Europe/Berlin' },
    kolkata: { zone: 'Asia/Kolkata' },
    chicago: { zone: 'America/Chicago' },
  }
  // Berlin's clocks go from 02:00 to 03:00 in this night: there is no 02:30, and the window is open from 03:00
  const own = await planFor(t, hosts, window('device'), saturday)
  assert.deepEqual(times(own), [
    '2026-03-29T03:00:00+02:00',
    '2026-03-29T02:30:00+05:30',
    '2026-03-29T02:30:00-05:00',
  ])
  assert.equal(own.waves[0]?.notBefore, '2026-03-28T21:00:00.000Z')
  assert.equal(
    own.waves[0]?.begins,
    'after the merge; not before 2026-03-29 02:30 (Asia/Kolkata)',
    'the first of its devices begins a wave',
  )
  const utc = await planFor(t, { berlin: hosts.berlin }, window('UTC'), saturday)
  assert.deepEqual(times(utc), ['2026-03-29T04:30:00+02:00'], 'one window for all, told in own time')
})

test('a window is found whatever minute it opens at and however short it is', async (t) => {
  const cases: [zone: string, days: string, from: string, to: string, now: string, opens: string][] = [
    ['UTC', '', '02:05', '02:10', '2026-03-02T12:03:00Z', '2026-03-03T02:05:00.000Z'],
    ['UTC', '', '02:05', '02:06', '2026-03-02T02:04:01Z', '2026-03-02T02:05:00.000Z'],
    ['UTC', '', '02:05', '02:06', '2026-03-02T02:06:00Z', '2026-03-03T02:05:00.000Z'],
    ['UTC', '', '23:58', '00:03', '2026-03-02T12:03:30Z', '2026-03-02T23:58:00.000Z'],
    ['UTC', '', '00:00', '00:01', '2026-03-02T12:03:30Z', '2026-03-03T00:00:00.000Z'],
    ['UTC', 'mon', '02:05', '02:06', '2026-03-02T02:06:00Z', '2026-03-09T02:05:00.000Z'],
    ['Asia/Kathmandu', '', '02:07', '02:09', '2026-03-02T12:03:00Z', '2026-03-02T20:22:00.000Z'],
    // Berlin has no 02:05 in this night, so the next is a day, or a week, later
    ['Europe/Berlin', '', '02:05', '02:10', '2026-03-28T12:03:00Z', '2026-03-30T00:05:00.000Z'],
    ['Europe/Berlin', 'sun', '02:05', '02:10', '2026-03-22T12:03:00Z', '2026-04-05T00:05:00.000Z'],
    // what begins within the hour that is left out is open after it
    ['Europe/Berlin', '', '02:30', '03:04', '2026-03-28T12:03:00Z', '2026-03-29T01:00:00.000Z'],
    // and it is 02:05 twice in this one
    ['Europe/Berlin', '', '02:05', '02:10', '2026-10-24T23:40:00Z', '2026-10-25T00:05:00.000Z'],
    ['Europe/Berlin', '', '02:05', '02:10', '2026-10-25T00:10:00Z', '2026-10-25T01:05:00.000Z'],
  ]
  for (const [zone, days, from, to, now, opens] of cases) {
    const on = days ? `days: [${days}], ` : ''
    const policy = `waves: [100%], window: { ${on}from: "${from}", to: "${to}", time-zone: ${zone} }`
    const { waves } = await planFor(t, { a: {} }, policy, new Date(now))
    assert.equal(waves[0]?.notBefore, opens, `${zone} ${from}-${to} at ${now}`)
  }
})

test('a wave begins after the soak of the one before, and the words for it stay while time passes', async (t) => {
  const hosts = Object.fromEntries(Array.from('abcdefgh', (host) => [host, {}]))
  const policy = 'after: main, waves: [1 per device type, 50%, 100%], gate: { soak: 36h }'
  const now = new Date('2026-03-02T12:00:00Z')
  const plan = await planFor(t, hosts, policy, now)
  assert.deepEqual(
    plan.waves.map(({ begins, notBefore }) => [begins, notBefore]),
    [
      ['after the merge, once main runs it', '2026-03-02T12:00:00.000Z'],
      ['36 h after wave 1 runs it', '2026-03-04T00:00:00.000Z'],
      ['36 h after wave 2 runs it', '2026-03-05T12:00:00.000Z'],
    ],
  )
  const later = await planFor(t, hosts, policy, new Date('2026-03-02T13:07:00Z'))
  assert.deepEqual(
    later.waves.map(({ begins }) => begins),
    plan.waves.map(({ begins }) => begins),
  )
  const first = plan.changes.find((change) => change.kind === 'update' && change.wave === 1)?.host ?? ''
  const resumed = await planFor(t, { ...hosts, [first]: { release: 'r2' } }, policy, now)
  assert.deepEqual(
    resumed.waves.map(({ notBefore }) => notBefore),
    [undefined, '2026-03-02T12:00:00.000Z', '2026-03-04T00:00:00.000Z'],
    'a wave that is there may have soaked for long',
  )
})

test('a soak that ends while the window is shut waits for the next one', async (t) => {
  const policy =
    'waves: [1 per device type, 100%], gate: { soak: 24h }, window: { days: [mon, wed], from: "02:00", to: "04:00", time-zone: UTC }'
  const plan = await planFor(t, { a: {}, b: {} }, policy, new Date('2026-03-02T03:00:00Z'))
  assert.deepEqual(
    plan.waves.map(({ begins, notBefore }) => [begins, notBefore]),
    [
      ['after the merge; the window is open', '2026-03-02T03:00:00.000Z'],
      ['24 h after wave 1 runs it; not before 2026-03-04 02:00 (UTC)', '2026-03-04T02:00:00.000Z'],
    ],
  )
})

test('a plan that was written fits the published schema, and is the same when it is read', async (t) => {
  const schema: unknown = JSON.parse(
    await readFile(join(import.meta.dirname, '../../schemas/plan.json'), 'utf8'),
  )
  const isTime = (text: string) => /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text)
  const fits = new Ajv({ formats: { 'date-time': isTime }, strict: true }).compile(Object(schema))
  const file = join(await temporaryFolder(t), 'plan.json')
  const now = new Date('2026-03-02T03:00:00Z')
  const hosts: Record<string, Host> = {
    update: { zone: 'Asia/Kolkata' },
    there: { release: 'r2' },
    gone: { isGone: true },
    retired: { variables: 'state: retired\n' },
    retiredBefore: { isGone: true, variables: 'state: retired\n' },
    waits: { status: 'pending' },
    stranger: { isStranger: true, status: 'pending' },
  }
  for (const policy of ['waves: [1 per device type, 100%]', 'waves: [100%], review: none']) {
    const plan = await planFor(t, hosts, `${policy}, enroll: in-git`, now)
    const kinds = ['2026-03-02T08:30:00+05:30', 'no-op', 'blocked', 'retire', 'no-op', 'enroll']
    assert.deepEqual(new Set(times(plan)), new Set(kinds))
    assert.deepEqual(plan.notInGit, [{ device: 'stranger', status: 'pending', deviceType: 'pi' }])
    await writePlan(file, plan)
    const written: unknown = JSON.parse(await readFile(file, 'utf8'))
    assert.ok(fits(written), JSON.stringify(fits.errors))
    assert.deepEqual(JSON.parse(JSON.stringify(await readPlan(file))), written)
    assert.ok(!fits({ ...Object(written), colour: 'red' }), 'a key that nobody knows')
    const [change] = plan.changes
    assert.ok(!fits({ ...Object(written), changes: [{ ...change, kind: 'explode' }] }), 'a change unknown')
  }
})
