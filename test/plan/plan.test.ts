import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Fleet, loadFleet } from '../../src/fleet/fleet.ts'
import {
  type Deployment,
  type DeviceFacts,
  type DeviceState,
  type Facts,
  type Release,
  readFacts,
  redact,
  writeFacts,
} from '../../src/ota/ota.ts'
import { type Change, makePlan, overBudget, readPlan, stageOf, writePlan } from '../../src/plan/plan.ts'
import type { Digest } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

const now = new Date('2026-03-02T12:00:00Z')
const content = (digit: string): Digest => `sha256:${digit.repeat(64)}`

const release = (name: string, digit: string, deviceTypes = ['pi']): Release => ({
  name,
  artifacts: [{ id: name, deviceTypes, sizeBytes: 1, isSigned: true, contentDigest: content(digit) }],
})

const device = (id: string, rest: Partial<DeviceFacts> = {}): DeviceFacts => ({
  id,
  status: 'accepted',
  reportedAt: now.toISOString(),
  deviceType: 'pi',
  release: 'r1',
  group: undefined,
  identity: {},
  attributes: {},
  ...rest,
})

const facts = (devices: DeviceFacts[], rest: Partial<Facts> = {}): Facts => ({
  server: 'http://127.0.0.1:1',
  gatheredAt: now.toISOString(),
  devices,
  releases: [release('r1', '1'), release('r2', '2')],
  openDeployments: [],
  ...rest,
})

const order = (name: string, release: string, id: string): Deployment => ({
  id: name,
  name,
  release,
  createdAt: now.toISOString(),
  isFinished: false,
  devices: new Map([[id, 'pending' as const]]),
})

/** An order of ours of the stage canary for the device d. */
const ours = (release: string, state: DeviceState = 'pending'): Deployment => ({
  ...order('drover/canary/1f2e3d4c5b6a/a1b2c3d4e5f6/1/w1', release, 'd'),
  devices: new Map([['d', state]]),
})

/** The release r2 as a variant. */
function variant(name: string): Release {
  const { artifacts } = release('r2', '2')
  const provides = { 'rootfs-image.variant': name }
  return { name: 'r2', artifacts: artifacts.map((artifact) => ({ ...artifact, provides })) }
}

const enrolling = { policy: 'stages: { canary: { branch: canary, enroll: in-git } }' }
const frozen = { policy: 'stages: { canary: { branch: canary, enroll: in-git } }\nfreeze: { reason: x }' }

const lease = (until: string) => ({ holder: 'run 7', until, number: 3 })

async function fleetOf(
  t: TestContext,
  hosts: Record<string, string>,
  { policy = 'stages: { canary: { branch: canary } }', image = 'r2' } = {},
): Promise<Fleet> {
  const folder = await temporaryFolder(t)
  const files: Record<string, string> = {
    'inventory.yml': `all:\n  hosts:\n${Object.keys(hosts)
      .map((host) => `    ${host}:\n`)
      .join('')}`,
    'group_vars/all.yml': `subscribed_branch: canary\nos_image: ${image}\n`,
    'fleet.yml': policy,
    ...Object.fromEntries(Object.entries(hosts).map(([host, text]) => [`host_vars/${host}.yml`, text])),
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return await loadFleet(folder)
}

const said = (change: Change | undefined) =>
  change?.kind === 'blocked' ? change.by : change?.kind === 'no-op' ? change.why : change?.kind

test('each device of a stage is ordered, there already, or blocked with a reason', async (t) => {
  const table: [
    string,
    string,
    DeviceFacts | undefined,
    Partial<Facts>,
    { policy?: string; image?: string },
  ][] = [
    ['update', '', device('d'), {}, {}],
    ['already-there', '', device('d', { release: 'r2' }), {}, {}],
    ['already-pending', '', device('d'), { openDeployments: [order('mine', 'r2', 'd')] }, {}],
    ['busy', '', device('d'), { openDeployments: [order('other', 'r3', 'd')] }, {}],
    ['not-on-server', '', undefined, {}, {}],
    ['not-accepted', '', device('d', { status: 'pending' }), {}, {}],
    ['enroll', '', device('d', { status: 'pending' }), {}, enrolling],
    ['not-accepted', '', device('d', { status: 'rejected' }), {}, enrolling],
    ['not-accepted', '', device('d', { status: 'preauthorized' }), {}, enrolling],
    ['not-accepted', '', device('d', { status: 'noauth' }), {}, enrolling],
    ['frozen', '', device('d', { status: 'pending' }), {}, frozen],
    ['no-release-fact', '', device('d', { release: undefined }), {}, {}],
    ['no-release-fact', '', device('d', { deviceType: undefined, release: undefined }), {}, {}],
    ['wrong-device-type', 'device_type: bone', device('d'), {}, {}],
    ['no-image', '', device('d'), {}, { image: '[{ device_type: bone, image_name: r2 }]' }],
    ['release-missing', '', device('d'), {}, { image: 'r9' }],
    ['release-missing', '', device('d'), { releases: [release('r2', '2', ['bone'])] }, {}],
    ['already-there', '', device('d'), { releases: [] }, { image: 'r1' }],
    ['known-bad', '', device('d'), {}, { policy: 'known-bad: [r2]' }],
    ['known-bad', '', device('d'), {}, { policy: `known-bad: ["${content('2')}"]` }],
    ['frozen', '', device('d'), {}, { policy: 'freeze: { reason: x }' }],
    ['update', '', device('d'), {}, { policy: 'freeze: { reason: x, until: 2026-03-01 }' }],
    ['leased', '', device('d', { lease: lease('2026-03-02T13:00:00Z') }), {}, {}],
    ['update', '', device('d', { lease: lease('2026-03-02T12:00:00Z') }), {}, {}],
    ['lab-artifact', '', device('d'), { releases: [variant('lab')] }, {}],
    ['update', 'lab: true', device('d'), { releases: [variant('lab')] }, {}],
    ['update', '', device('d'), { releases: [variant('field')] }, {}],
    ['already-there', '', device('d', { release: 'r2' }), { releases: [variant('lab')] }, {}],
    ['retire', 'state: retired', device('d'), {}, {}],
    ['retire', 'state: retired', device('d', { status: 'preauthorized' }), {}, {}],
    ['already-retired', 'state: retired', undefined, {}, {}],
    ['already-retired', 'state: retired', device('d', { status: 'pending' }), {}, enrolling],
    ['already-retired', 'state: retired', device('d', { status: 'rejected' }), {}, {}],
    ['frozen', 'state: retired', device('d'), {}, frozen],
    ['leased', 'state: retired', device('d', { lease: lease('2026-03-02T13:00:00Z') }), {}, {}],
    ['retire', 'state: retired', device('d'), { openDeployments: [ours('r2')] }, {}],
    ['busy', 'state: retired', device('d'), { openDeployments: [ours('r2', 'downloading')] }, {}],
    ['busy', 'state: retired', device('d'), { openDeployments: [order('by hand', 'r2', 'd')] }, {}],
  ]
  for (const [expected, variables, reported, rest, options] of table) {
    const fleet = await fleetOf(t, { d: variables, other: '' }, options)
    const known = [device('other'), ...(reported ? [reported] : [])]
    const plan = makePlan(fleet, 'canary', facts(known, rest), now)
    assert.equal(said(plan.changes[0]), expected, JSON.stringify(plan.changes[0]))
    const { inGit, ...others } = plan.counts
    assert.equal(
      Object.values(others).reduce((sum, count) => sum + count, 0),
      inGit,
    )
    assert.deepEqual([plan.changes.length, inGit], [2, 2])
  }
})

test('a leased device keeps its place, and the plan says who has it and until when', async (t) => {
  const fleet = await fleetOf(t, { d: '', e: '' })
  const until = '2026-03-02T13:00:00Z'
  const plan = makePlan(fleet, 'canary', facts([device('d', { lease: lease(until) }), device('e')]), now)
  const [change] = plan.changes
  assert.ok(change?.kind === 'blocked')
  assert.deepEqual([change.by, change.until, change.from, change.to], ['leased', until, 'r1', 'r2'])
  assert.match(change.why, /leased to run 7/)
})

test('a change names the line that it comes from', async (t) => {
  const fleet = await fleetOf(t, { d: 'lab: true\nos_image: r2\n' })
  const [change] = makePlan(fleet, 'canary', facts([device('d')]), now).changes
  assert.match(change?.cause.file ?? '', /host_vars\/d\.yml$/)
  assert.equal(change?.cause.line, 2)
})

test('the digest covers what devices should run, not facts, times or names', async (t) => {
  const fleet = await fleetOf(t, { d: '', e: '' })
  const digest = (of: Fleet, given: Facts, at = now) => makePlan(of, 'canary', given, at).digest
  const base = digest(fleet, facts([device('d')]))
  const later = new Date(now.getTime() + 1e9)
  assert.equal(digest(fleet, facts([device('d', { release: 'r2' }), device('e')]), later), base)
  const renamed = await fleetOf(t, { d: '', e: '' }, { image: 'again' })
  assert.equal(digest(renamed, facts([device('d')], { releases: [release('again', '2')] })), base)
  assert.notEqual(digest(await fleetOf(t, { d: '', e: '' }, { image: 'r1' }), facts([device('d')])), base)
  assert.notEqual(digest(await fleetOf(t, { d: '' }), facts([device('d')])), base)
  const other = await fleetOf(t, { d: '', e: '' }, { policy: 'stages: { other: { branch: canary } }' })
  assert.notEqual(makePlan(other, 'other', facts([device('d')]), now).digest, base, 'another stage')
  assert.notEqual(digest(fleet, facts([device('d')], { releases: [release('r2', '3')] })), base)
})

test('a plan over its budget says by how much', async (t) => {
  const policy = `stages: { canary: { branch: canary, budget: { devices: 1, device-types: 1, missing: 10% } } }`
  const fleet = await fleetOf(t, { a: '', b: '', c: '' }, { policy })
  const both = [release('r2', '2', ['pi', 'bone'])]
  const given = facts([device('a'), device('b', { deviceType: 'bone' })], { releases: both })
  const plan = makePlan(fleet, 'canary', given, now)
  assert.deepEqual(overBudget(plan, stageOf(fleet, 'canary')), [
    '2 devices would change; budget.devices allows 1',
    '2 device types would change; budget.device-types allows 1',
    '1 of 3 devices are not on the server; budget.missing allows 0',
  ])
})

test('a stage without devices is a failure, unless it may be empty', async (t) => {
  const policy = (rest: string) => `stages: { canary: { branch: canary }, next: { branch: next${rest} } }`
  const fleet = await fleetOf(t, { a: '' }, { policy: policy(', allow-empty: true') })
  assert.equal(makePlan(fleet, 'next', facts([device('a')]), now).counts.inGit, 0)
  assert.throws(() => makePlan(fleet, 'canary', facts([]), now), { reason: 'no-device-matched' })
  await assert.rejects(fleetOf(t, { a: '' }, { policy: policy('') }), {
    reason: 'invalid-file',
    message: /no device subscribes to next/,
  })
})

test('a plan made of the redacted copy of facts is the same', async (t) => {
  const fleet = await fleetOf(t, { a: '', b: '', c: 'site: x', d: 'lab: true' })
  const claims = { ipv4_eth0: '10.1.2.3', 'rootfs-image.version': 'r1', serial: 'S1' }
  const given = facts(
    [
      device('a', { identity: { mac: '00:16:3e:00:00:01' }, attributes: claims }),
      device('b', { release: 'r2' }),
      device('c', { lease: lease('2026-03-02T13:00:00.000Z') }),
    ],
    { openDeployments: [order('other', 'r3', 'd'), order('mine', 'r2', 'a')] },
  )
  const file = join(await temporaryFolder(t), 'facts.redacted.json')
  await writeFacts(file, redact(given))
  const copy = await readFacts(file)
  assert.notDeepEqual(copy.devices, given.devices)
  const plan = makePlan(fleet, 'canary', given, now)
  assert.deepEqual(makePlan(fleet, 'canary', copy, now), plan)
  assert.deepEqual(plan.changes.map(said), ['already-pending', 'already-there', 'leased', 'not-on-server'])
})

test('a plan file read again is the plan that was written', async (t) => {
  const fleet = await fleetOf(t, { a: 'site: x', b: '', c: '' })
  const plan = makePlan(fleet, 'canary', facts([device('a'), device('b', { release: 'r2' })]), now)
  const file = join(await temporaryFolder(t), 'plan.json')
  await writePlan(file, plan)
  assert.deepEqual(await readPlan(file), plan)
})

test('a plan file that was tampered with, cut short or of another version is refused', async (t) => {
  const fleet = await fleetOf(t, { a: '', b: '' })
  const file = join(await temporaryFolder(t), 'plan.json')
  await writePlan(file, makePlan(fleet, 'canary', facts([device('a'), device('b')]), now))
  const text = await readFile(file, 'utf8')
  const table: [string, RegExp][] = [
    [text.slice(0, 200), /it is not JSON/],
    [text.replace('plan/v1', 'plan/v2'), /plan\.json:2/],
    [text.replace('"kind": "update"', '"kind": "destroy"'), /plan\.json:\d+/],
    [text.replace('"updates": 2', '"updates": 1'), /counts don't add up/],
    [text.replace('"schema"', '"extra": 1, "schema"'), /plan\.json:2/],
    [text.replace(/sha256:./, 'sha256:x'), /plan\.json:\d+/],
  ]
  for (const [wrong, message] of table) {
    await writeFile(file, wrong)
    await assert.rejects(readPlan(file), { reason: 'invalid-file', message })
  }
  await assert.rejects(readPlan(`${file}.not`), { reason: 'file-missing' })
})
