// What a plan says of configurations: for which device which change, by what they are equal, and what it shows.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Ajv } from 'ajv'
import { type Fleet, loadFleet } from '../../src/fleet/fleet.ts'
import {
  type DeviceFacts,
  type Facts,
  configurationName,
  readFacts,
  redact,
  writeFacts,
} from '../../src/ota/ota.ts'
import { type Change, makePlan, overBudget, readPlan, stageOf, writePlan } from '../../src/plan/plan.ts'
import { planMarkdown } from '../../src/report/report.ts'
import { canonicalJson, digestOf } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const now = new Date('2026-03-02T12:00:00Z')
const release = (name: string, isSigned = false) => ({
  name,
  artifacts: [
    { id: name, deviceTypes: ['pi'], sizeBytes: 1, isSigned, contentDigest: digestOf(`${name} content`) },
  ],
})

/** Facts of the device `a`, which runs r1 and reports what is given. */
function facts(
  attributes: Record<string, string> = {},
  rest: Partial<DeviceFacts> = {},
  more: Partial<Facts> = {},
): Facts {
  const device: DeviceFacts = {
    id: 'a',
    status: 'accepted',
    reportedAt: now.toISOString(),
    deviceType: 'pi',
    release: 'r1',
    group: undefined,
    identity: {},
    ...rest,
    attributes: { 'rootfs-image.version': rest.release ?? 'r1', ...attributes },
  }
  return {
    server: 'http://127.0.0.1:1',
    gatheredAt: now.toISOString(),
    devices: [device],
    releases: [release('r1'), release('r2')],
    openDeployments: [],
    ...more,
  }
}

interface Wish {
  template?: string
  image?: string
  variables?: string
  policy?: string
}

async function fleetOf(
  t: TestContext,
  { template, image = 'r1', variables = '', policy = '' }: Wish = {},
): Promise<Fleet> {
  const folder = await temporaryFolder(t)
  const files = {
    'inventory.yml': 'all: { hosts: { a: } }\n',
    'host_vars/a.yml': `subscribed_branch: canary\nos_image: ${image}\nconfiguration:\n  template: kiosk.json\n${variables}`,
    'templates/kiosk.json': template ?? '{ "flag": true, "level": 5 }',
    'fleet.yml': `stages: { canary: { branch: canary } }\n${policy}`,
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return await loadFleet(folder)
}

const planOf = (fleet: Fleet, given: Facts) => makePlan(fleet, 'canary', given, now)

async function changeOf(t: TestContext, wish: Wish, given: Facts): Promise<Change> {
  const [change] = planOf(await fleetOf(t, wish), given).changes
  assert.ok(change)
  return change
}

const digest = digestOf(canonicalJson({ flag: 'true', level: '5' }))
const openOrder = (ordered: string) => ({
  openDeployments: [
    {
      id: 'o',
      name: 'drover/canary/123456789012/123456789012/1/w1',
      release: ordered,
      createdAt: now.toISOString(),
      isFinished: false,
      devices: new Map([['a', 'pending' as const]]),
    },
  ],
})

test('a device is configured on its release, after it, or not at all, each with a reason', async (t) => {
  const artifact = configurationName('kiosk.json', digest, 'r1')
  const signed = configurationName('kiosk.json', digest, 'r1', digestOf('a key'))
  const table: [string, Wish, Facts][] = [
    ['configure', {}, facts()],
    ['configure', {}, facts({ configuration: 'none' })],
    ['configure', {}, facts({ configuration: 'not-applied' })],
    ['configure', {}, facts({ configuration: digestOf('another') })],
    ['already-there', {}, facts({ configuration: digest })],
    ['already-there', {}, facts({ 'data-partition.mender-configure.version': digest })],
    ['configure', {}, facts({ configuration: 'none', 'data-partition.mender-configure.version': digest })],
    [
      'already-there',
      {},
      facts({ configuration: 'of another kind', 'data-partition.mender-configure.version': digest }),
    ],
    ['update', { image: 'r2' }, facts()],
    ['update', { image: 'r2' }, facts({ configuration: digest })],
    ['already-pending', {}, facts({}, {}, openOrder(artifact))],
    ['already-pending', {}, facts({}, {}, openOrder(signed))],
    ['already-pending', {}, facts({}, {}, openOrder('r1'))],
    ['busy', {}, facts({}, {}, openOrder('r2'))],
    ['busy', { image: 'r2' }, facts({}, {}, openOrder(artifact))],
    ['busy', {}, facts({ configuration: digest }, {}, openOrder('r2'))],
    ['frozen', { policy: 'freeze: { reason: fair }' }, facts()],
    ['leased', {}, facts({}, { lease: { holder: 'run', number: 1, until: '2026-03-02T13:00:00.000Z' } })],
    ['known-bad', { policy: `known-bad: ["${digest}"]` }, facts()],
    ['known-bad', { policy: `known-bad: ["${artifact}"]` }, facts({}, {}, openOrder(artifact))],
    ['known-bad', { policy: `known-bad: ["${signed}"]` }, facts()],
    ['already-there', { policy: `known-bad: ["${digest}"]` }, facts({ configuration: digest })],
    ['no-release-fact', {}, facts({ 'rootfs-image.version': '' })],
    ['not-on-server', {}, { ...facts(), devices: facts({}, { id: 'b' }).devices }],
  ]
  for (const [expected, wish, given] of table) {
    const found = await changeOf(t, wish, given).catch((error: Error) => {
      if (expected === 'not-on-server' && /knows none/.test(error.message)) return undefined
      throw error
    })
    const said = found?.kind === 'blocked' ? found.by : found?.kind === 'no-op' ? found.why : found?.kind
    assert.equal(said ?? 'not-on-server', expected, JSON.stringify([wish, given.devices[0]?.attributes]))
  }
})

test('key order, numbers and truth values spelt as text make no difference; a flag that is off is one', async (t) => {
  const there = facts({ configuration: digest })
  for (const [template, expected] of [
    ['{ "level": "5", "flag": "true" }', 'no-op'],
    ['{"flag":true,"level":5.0}', 'no-op'],
    ['{ "flag": false, "level": 5 }', 'configure'],
    ['{ "level": 5 }', 'configure'],
  ] as const) {
    const change = await changeOf(t, { template }, there)
    assert.equal(change.kind, expected, template)
  }
  const off = digestOf(canonicalJson({ flag: 'false', level: '5' }))
  const stays = await changeOf(
    t,
    { template: '{ "flag": false, "level": 5 }' },
    facts({ configuration: off }),
  )
  assert.equal(stays.kind, 'no-op')
})

test('a change says what is configured on which release, from which line, and what comes of an update', async (t) => {
  const change = await changeOf(t, {}, facts({ configuration: 'none' }))
  assert.ok(change.kind === 'configure')
  const { template, from, to, on, cause, wave } = change
  assert.deepEqual([template, from, to, on, wave], ['kiosk.json', 'none', digest, 'r1', 1])
  assert.deepEqual([cause.file.endsWith('host_vars/a.yml'), cause.line], [true, 4])
  const update = await changeOf(t, { image: 'r2' }, facts())
  assert.ok(update.kind === 'update')
  assert.deepEqual(update.configuration, { template: 'kiosk.json', to: digest, wave: 1 })
})

test('the digest covers configurations, and neither what devices report nor how values are spelt', async (t) => {
  const digestWith = async (wish: Wish, given = facts()) => planOf(await fleetOf(t, wish), given).digest
  const one = await digestWith({})
  assert.equal(await digestWith({ template: '{ "level": "5", "flag": "true" }' }), one)
  assert.equal(await digestWith({}, facts({ configuration: digest })), one)
  assert.notEqual(await digestWith({ template: '{ "flag": false, "level": 5 }' }), one)
  assert.notEqual(await digestWith({ variables: '  parameters: {}\n', template: '{}' }), one)
})

test('a configuration counts in counts, waves and budgets, and has a time', async (t) => {
  const fleet = await fleetOf(t, { policy: '' })
  const plan = planOf(fleet, facts())
  assert.deepEqual([plan.counts.configures, plan.counts.updates, plan.waves[0]?.updates], [1, 0, 1])
  assert.equal(plan.waves[0]?.begins, 'after the merge')
  const stage = stageOf(fleet, 'canary')
  assert.deepEqual(overBudget(plan, { ...stage, budget: { ...stage.budget, devices: 0 } }), [
    '1 device would change; budget.devices allows 0',
  ])
})

function setSecret(t: TestContext, values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    const former = process.env[name]
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
    undo(t, () => {
      if (former === undefined) delete process.env[name]
      else process.env[name] = former
    })
  }
}

const secret = { template: `{ "pin": "{{ lookup('env', 'FLEET_PIN') }}" }` }
const key = 'a key that is long enough'

test('of secrets a plan shows what nobody can compare a guess with', async (t) => {
  setSecret(t, { FLEET_PIN: '4711', DROVER_CONFIGURATION_KEY: key })
  const plain = digestOf(canonicalJson({ pin: '4711' }))
  const plan = planOf(await fleetOf(t, secret), facts({ configuration: plain }))
  const [change] = plan.changes
  assert.ok(change?.kind === 'configure')
  assert.match(change.to, /^hmac-sha256:/)
  assert.equal(change.from, 'sha256:…')
  const published = JSON.stringify(plan) + planMarkdown(plan).text
  for (const told of ['4711', plain.slice(7, 19)]) assert.ok(!published.includes(told), told)
  const there = await changeOf(t, secret, facts({ configuration: change.to }))
  assert.equal(there.kind, 'no-op')
})

test('without the key that secrets are compared with there is no plan', async (t) => {
  setSecret(t, { FLEET_PIN: '4711', DROVER_CONFIGURATION_KEY: undefined })
  const fleet = await fleetOf(t, secret)
  assert.throws(() => planOf(fleet, facts()), { reason: 'bad-input', message: /DROVER_CONFIGURATION_KEY/ })
})

test('a plan with configurations fits the published schema, and is the same when it is read', async (t) => {
  const schema: unknown = JSON.parse(
    await readFile(join(import.meta.dirname, '../../schemas/plan.json'), 'utf8'),
  )
  const fits = new Ajv({ formats: { 'date-time': true } }).compile(Object(schema))
  const file = join(await temporaryFolder(t), 'plan.json')
  const cases: [Wish, Facts][] = [
    [{}, facts()],
    [{ image: 'r2' }, facts()],
    [{}, facts({ configuration: digest })],
    [{ policy: 'freeze: { reason: fair }' }, facts()],
  ]
  for (const [wish, given] of cases) {
    const plan = planOf(await fleetOf(t, wish), given)
    await writePlan(file, plan)
    assert.ok(fits(JSON.parse(await readFile(file, 'utf8'))), JSON.stringify(fits.errors))
    assert.deepEqual(await readPlan(file), plan)
  }
})

test('a plan from the redacted facts is the same, and these have no digest that secrets could be guessed from', async (t) => {
  const file = join(await temporaryFolder(t), 'facts.json')
  const byHand = digestOf('a map that somebody made')
  for (const [configuration, shown] of [
    ['none', 'none'],
    ['not-applied', 'not-applied'],
    [byHand, 'other'],
    [`hmac-sha256:${'1'.repeat(64)}`, `hmac-sha256:${'1'.repeat(64)}`],
  ] as const) {
    const given = facts({ configuration, address: '10.0.0.1' })
    await writeFacts(file, redact(given))
    const copy = await readFacts(file)
    assert.deepEqual(copy.devices[0]?.attributes['configuration'], shown)
    const fleet = await fleetOf(t)
    const kinds = [given, copy].map((all) => planOf(fleet, all).changes.map(({ kind }) => kind))
    assert.deepEqual(kinds[0], kinds[1])
  }
})

test('tables show a configuration by its template and release, and what follows an update', async (t) => {
  const text = async (wish: Wish) =>
    planMarkdown(planOf(await fleetOf(t, wish), facts({ configuration: 'none' }))).text
  const configured = await text({})
  assert.match(configured, /1 device of 1 would change/)
  assert.match(
    configured,
    new RegExp(`\\| a \\| none \\| kiosk\\.json \\\\\\(${digest.slice(7, 19)}\\\\\\) on r1 \\| pi \\| 1 \\|`),
  )
  assert.match(configured, /to configure/)
  assert.match(await text({ image: 'r2' }), /\| a \| r1 \| r2, then kiosk\.json \| pi \| 1 \|/)
})
