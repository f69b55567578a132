// Who joins a stage and who leaves it: ticks on a real server, with devices that knock.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { type ScheduleOptions, makePlan, schedule, tickOutputs } from '../../src/plan/plan.ts'
import { gatherFacts } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import type { DeviceOptions, MenderDevice } from '../support/mender-device.ts'
import { type Lab, allDevices, openLab, until } from '../support/mender-lab.ts'
import { type FleetRepository, makeRepository } from './fleet-repository.ts'
import { image } from './world.ts'

interface Ground {
  lab: Lab
  repository: FleetRepository
  /** Ids by serial number. */
  ids: Map<string, string>
  devices: Map<string, MenderDevice>
  tick: (options?: ScheduleOptions) => ReturnType<typeof schedule>
  /** Changes host_vars of one host, on the stage's branch. */
  say: (host: string, text: string, policy?: string) => Promise<void>
}

interface Wish {
  policy: string
  /** What fleet.yml says beside its stages. */
  switches?: string
  /** Serial number, which is the host's name too, and whether an operator lets it in before Git is asked. */
  hosts: Record<string, { isIn?: boolean; variables?: string; device?: Partial<DeviceOptions> }>
}

/** A stage `main` with devices that asked to be let in; `policy` is what fleet.yml says of it after its branch. */
async function groundOf(t: TestContext, { policy, switches = '', hosts }: Wish): Promise<Ground> {
  const lab = await openLab(t, { accept: 'none' })
  for (const name of ['old', 'new']) await lab.server.upload(await lab.artifact(name))
  const devices = new Map<string, MenderDevice>()
  for (const [serial, { device }] of Object.entries(hosts))
    devices.set(serial, await lab.device({ serial, release: 'old', pollMs: 20, ...device }, false))
  const ids = new Map<string, string>()
  await until(async () => {
    for (const { id, identity } of await allDevices(lab.server)) ids.set(identity['serial'] ?? '', id)
    return ids.size === devices.size
  })
  for (const [serial, { isIn }] of Object.entries(hosts)) {
    const id = ids.get(serial) ?? ''
    if (isIn) await lab.server.accept(id)
    if (isIn) await until(async () => (await lab.server.device(id)).reportedAt !== undefined)
  }
  const fleetFile = (rest: string) =>
    `server: { type: mender, url: ${lab.url} }\nstages: { main: { branch: main, waves: [100%]${rest} } }\n${switches}\n`
  const varsOf = (host: string, text = '') => `device_id: ${ids.get(host)}\n${text}\n`
  const repository = await makeRepository(t, {
    'inventory.yml': `all:\n  hosts:\n${[...devices.keys()].map((host) => `    ${host}:\n`).join('')}`,
    'group_vars/all.yml': `subscribed_branch: main\n${image('new')}`,
    'fleet.yml': fleetFile(policy),
    ...Object.fromEntries(
      Object.entries(hosts).map(([host, { variables }]) => [
        `host_vars/${host}.yml`,
        varsOf(host, variables),
      ]),
    ),
  })
  return {
    lab,
    repository,
    ids,
    devices,
    tick: async (options = {}) =>
      await schedule(await loadFleet(repository.folder), 'main', lab.server, options, plainContext()),
    say: async (host, text, rest) => {
      const files = { [`host_vars/${host}.yml`]: varsOf(host, text) }
      await repository.commit(rest === undefined ? files : { ...files, 'fleet.yml': fleetFile(rest) })
      await repository.push()
    },
  }
}

const hasReported = ({ lab, ids }: Ground, serial: string) =>
  until(async () => (await lab.server.device(ids.get(serial) ?? '')).reportedAt !== undefined)

test('a device that Git names is let in by a tick, and ordered when it has reported', async (t) => {
  const ground = await groundOf(t, {
    policy: ', enroll: in-git',
    hosts: { known: { isIn: true }, joins: {} },
  })
  const { lab, ids, tick } = ground
  const stranger = await lab.device({ serial: 'stranger', pollMs: 20 }, false)
  await until(async () => (await allDevices(lab.server)).length === 3)
  const joins = ids.get('joins') ?? ''

  const dry = await tick({ isDryRun: true })
  assert.deepEqual([dry.enrolled, (await lab.server.device(joins)).status], [[joins], 'pending'])

  const first = await tick()
  assert.deepEqual([first.enrolled, first.retired, first.state], [[joins], [], 'in-progress'])
  assert.ok(first.orders.some(({ devices }) => devices.includes(ids.get('known') ?? '')))
  await hasReported(ground, 'joins')
  await until(async () => (await tick()).state === 'done')
  const all = await allDevices(lab.server)
  assert.deepEqual(
    Object.fromEntries(all.map(({ identity, status, release }) => [identity['serial'], [status, release]])),
    {
      joins: ['accepted', 'new'],
      known: ['accepted', 'new'],
      stranger: ['pending', undefined],
    },
    'who is not in Git is left alone',
  )
  await stranger.stop()
})

test('without a word of the stage nobody is let in, and the plan says how to', async (t) => {
  const { tick, ids, lab } = await groundOf(t, { policy: '', hosts: { known: { isIn: true }, waits: {} } })
  const { enrolled, plan } = await tick()
  const waits = plan?.changes.find(({ host }) => host === 'waits')
  assert.deepEqual(enrolled, [])
  assert.ok(waits?.kind === 'blocked' && waits.by === 'not-accepted')
  assert.match(waits.why, /accept it there first, or set enroll: in-git for main in fleet.yml/)
  assert.equal((await lab.server.device(ids.get('waits') ?? '')).status, 'pending')
})

test('where several keys ask under one identity nobody is let in, and the others are served', async (t) => {
  const ground = await groundOf(t, {
    policy: ', enroll: in-git',
    hosts: { known: { isIn: true }, twice: {} },
  })
  const { lab, ids, tick } = ground
  await lab.device({ serial: 'twice', pollMs: 20 }, false)
  const twice = ids.get('twice') ?? ''
  await until(async () => {
    const reply = await lab.operate('GET', `/v2/devauth/devices/${twice}`)
    return ((await reply.json()) as { auth_sets: unknown[] }).auth_sets.length === 2
  })
  const { enrolled, waiting, orders, state } = await tick()
  assert.deepEqual([enrolled, orders.length, state], [[], 1, 'in-progress'])
  assert.match(waiting.map(({ why }) => why).join(), /could not let in twice: 2 keys wait under the identity/)
  assert.equal((await lab.server.device(twice)).status, 'pending')
})

test('a retired device is removed once, within budget.retire alone, and may be gone already', async (t) => {
  const ground = await groundOf(t, {
    policy: '',
    hosts: { stays: { isIn: true }, leaves: { isIn: true, device: { behaviour: 'never asks' } } },
  })
  const { lab, ids, tick, say, devices } = ground
  const leaves = ids.get('leaves') ?? ''
  const ordered = await tick()
  assert.ok(ordered.orders[0]?.devices.includes(leaves))

  await say('leaves', 'state: retired')
  await assert.rejects(tick(), {
    reason: 'over-budget',
    message: /1 device would be retired; budget\.retire allows 0/,
  })
  assert.equal((await lab.server.device(leaves)).status, 'accepted')

  await say('leaves', 'state: retired', ', budget: { retire: 1 }')
  const removed = await tick()
  // its order, which it never began, was taken back before
  assert.deepEqual([removed.retired, removed.withdrawn], [[leaves], [ordered.orders[0]?.name]])
  const { changed, scheduled } = tickOutputs({ ...removed, orders: [], withdrawn: [] })
  assert.deepEqual([changed, scheduled], [true, 0], 'removing alone is a change too')
  await devices.get('leaves')?.stop()
  await assert.rejects(lab.server.device(leaves), { reason: 'device-missing' })

  await until(async () => (await tick()).state === 'done')
  const after = await tick()
  assert.deepEqual([after.retired, after.counts?.alreadyRetired, after.counts?.alreadyThere], [[], 1, 1])
})

test('a device in the middle of an update is removed when that is over', async (t) => {
  const ground = await groundOf(t, {
    policy: ', budget: { retire: 1 }',
    hosts: { stays: { isIn: true }, busy: { isIn: true, device: { behaviour: 'hangs' } } },
  })
  const { lab, ids, tick, say, devices } = ground
  const busy = ids.get('busy') ?? ''
  const order = (await tick()).orders[0]
  await until(async () => {
    const found = await lab.server.findDeployment(order?.name ?? '')
    return found?.devices.get(busy) === 'installing'
  })
  await say('busy', 'state: retired')
  const held = await tick()
  assert.deepEqual([held.retired, held.withdrawn], [[], []])
  const change = held.plan?.changes.find(({ device }) => device === busy)
  assert.ok(change?.kind === 'blocked' && change.by === 'busy')
  assert.match(change.why, /in the middle of new \(drover\/main\//)

  const device = devices.get('busy')
  if (device) device.behaviour = 'success'
  await until(async () => !(await lab.server.openDeployments()).some(({ devices }) => devices.has(busy)))
  assert.deepEqual((await tick()).retired, [busy])
})

test('an emergency lets nobody in and removes nobody, whatever the budget', async (t) => {
  const over = new Date(Date.now() + 3_600_000).toISOString().slice(0, 16)
  const ground = await groundOf(t, {
    policy: ', enroll: in-git',
    switches: `emergency: { stage: main, release: old, reason: x, until: "${over}Z" }`,
    hosts: { stays: { isIn: true }, joins: {}, leaves: { isIn: true, variables: 'state: retired' } },
  })
  const tick = await ground.tick()
  assert.deepEqual([tick.enrolled, tick.retired], [[], []])
  const why = new Map(
    tick.plan?.changes.map((one) => [one.host, one.kind === 'blocked' ? one.why : one.kind]),
  )
  assert.match(why.get('joins') ?? '', /it is let in after the emergency/)
  assert.match(why.get('leaves') ?? '', /it is removed after the emergency/)
})

test('a reviewed plan file allows whom it names to join and leave, and nobody else', async (t) => {
  const ground = await groundOf(t, {
    policy: ', enroll: in-git, budget: { retire: 1 }',
    hosts: {
      stays: { isIn: true },
      joins: { device: { pollMs: 3000 } },
      leaves: { isIn: true, variables: 'state: retired' },
    },
  })
  const { lab, repository, tick, ids } = ground
  const facts = await gatherFacts(lab.server, plainContext())
  const plan = makePlan(await loadFleet(repository.folder), 'main', facts, new Date())
  assert.deepEqual(plan.changes.map(({ kind }) => kind).sort(), ['enroll', 'retire', 'update'])
  for (const kind of ['enroll', 'retire'] as const) {
    const without = plan.changes.map((change) =>
      change.kind === kind ? { ...change, kind: 'no-op' as const, why: 'already-retired' as const } : change,
    )
    await assert.rejects(tick({ review: { plan: { ...plan, changes: without } } }), {
      reason: 'plan-changed',
    })
  }
  const first = await tick({ review: { plan } })
  assert.deepEqual([first.enrolled, first.retired], [[ids.get('joins')], [ids.get('leaves')]])
  await hasReported(ground, 'joins')
  // what follows from the enrolment was reviewed with it: the digest covers what the device is to run
  const second = await tick({ review: { plan } })
  const ordered = [...first.orders, ...second.orders].flatMap(({ devices }) => devices)
  assert.ok(ordered.includes(ids.get('joins') ?? ''))
})

test('where a review is asked for, it is for letting in and removing alone too', async (t) => {
  const there = { isIn: true, device: { release: 'new' } }
  for (const other of [{}, { isIn: true, variables: 'state: retired' }]) {
    const hosts = { stays: there, other }
    const { tick, lab, ids } = await groundOf(t, {
      policy: ', review: required, enroll: in-git, budget: { retire: 1 }',
      hosts,
    })
    await assert.rejects(tick(), { reason: 'not-reviewed' })
    const { status } = await lab.server.device(ids.get('other') ?? '')
    assert.equal(status, other.isIn ? 'accepted' : 'pending')
  }
})
