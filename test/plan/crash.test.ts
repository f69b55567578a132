// The process ends at each thing that it asks of the server or of Git, in turn, and is started again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOpenState } from '../../src/ota/ota.ts'
import { knock } from './histories/members.ts'
import { turn } from './histories/moves.ts'
import { Killed, runTick } from './histories/ticks.ts'
import { World, minuteMs } from './histories/world.ts'

const plot = {
  stage:
    'waves: [1 per device type, 30%, 100%]\n    gate: { soak: 1h, max-failures: 2, min-success: 90% }\n    window: { from: "02:00", to: "23:00", time-zone: UTC }',
  types: Array.from({ length: 40 }, (_, index) => (index % 3 === 0 ? 'board' : 'virtual')),
}

/** The stage goes from a to b, and on the way to c; one device fails, one is off, one is taken out of an open order. */
async function rollout(killAt: number): Promise<{ world: World; calls: number; restarts: number }> {
  const world = new World(plot)
  const [failing, off] = world.devices
  assert.ok(failing && off)
  failing.behaviour = 'fails'
  off.behaviour = 'never asks'
  world.merge({ images: { board: 'b', virtual: 'b' } })
  return await play(world, killAt, 14, (round) => {
    if (round === 5) world.merge({ overrides: { [off.id]: 'c' } })
    if (round === 6) world.merge({ images: { board: 'c', virtual: 'c' } })
  })
}

/** Rounds of a tick, which is killed at one of all its calls and started again, and of what devices do after it. */
async function play(world: World, killAt: number, rounds: number, happen: (round: number) => void) {
  let calls = 0
  let restarts = 0
  for (let round = 0; round < rounds; round++) {
    happen(round)
    const meanwhile = async () => {
      calls += 1
      if (calls === killAt) throw new Killed()
    }
    const run = await runTick(world, world.tip, meanwhile)
    const again = run.error instanceof Killed ? await runTick(world, world.tip) : run
    restarts += again === run ? 0 : 1
    if (again.error !== undefined) throw again.error
    for (let turns = 0; turns < 6; turns++) for (const device of world.devices) turn(world, device)
    world.nowMs += 70 * minuteMs
    for (const device of world.devices) device.report()
  }
  return { world, calls, restarts }
}

/** A small stage goes from one setting to another, with a release on the way; one device has a setting of its own. */
async function settings(killAt: number): Promise<{ world: World; calls: number; restarts: number }> {
  const world = new World({
    stage: 'waves: [1 per device type, 100%]\n    gate: { soak: 1h, max-failures: 1, min-success: 50% }',
    types: ['board', 'board', 'board', 'virtual', 'virtual'],
    configurations: 'to upload',
  })
  const [failing, own] = world.devices
  assert.ok(failing && own)
  world.merge({ settings: { [own.id]: 'y' } })
  return await play(world, killAt, 9, (round) => {
    if (round === 3) world.merge({ setting: 'z' })
    if (round === 4) failing.behaviour = 'fails'
    if (round === 5) world.merge({ images: { board: 'b', virtual: 'b' } })
    if (round === 7) failing.behaviour = 'success'
  })
}

/** One device waits at the door, one is retired while it has an order, one is removed by hand and asks again. */
async function membership(killAt: number): Promise<{ world: World; calls: number; restarts: number }> {
  const world = new World({
    stage:
      'waves: [1 per device type, 100%]\n    gate: { soak: 1h, max-failures: 0, min-success: 50% }\n    enroll: in-git\n    budget: { retire: 1 }',
    types: ['board', 'board', 'board', 'board', 'board', 'board'],
  })
  const [joins, leaves, returns] = world.devices
  assert.ok(joins && leaves && returns)
  leaves.behaviour = 'never asks'
  const atTheDoor = (device: typeof joins) => {
    world.server.abortAllOf(device.id, 'decommissioned')
    world.server.devices.delete(device.id)
    knock(world, device)
  }
  atTheDoor(joins)
  world.merge({ images: { board: 'b', virtual: 'b' } })
  return await play(world, killAt, 9, (round) => {
    if (round === 4) world.merge({ retired: new Set([leaves.id]) })
    if (round === 5) atTheDoor(returns)
    if (round === 6) world.merge({ images: { board: 'c', virtual: 'c' } })
  })
}

const endOf = ({ server, devices }: World) => ({
  releases: devices.map(({ id, release, configuration }) => `${id} ${release} ${configuration}`),
  uploaded: [...server.releases.keys()],
  members: [...server.devices].map(([id, { facts }]) => `${id} ${facts.status}`),
  begun: devices.map(({ id, begun }) => `${id} ${begun.map(({ release }) => release).join(' ')}`),
  deployments: server.deployments.map(({ name, release, targets }) => ({
    name,
    release,
    devices: [...targets].map(([id, { state }]) => `${id} ${state}`),
  })),
})

test('a rollout that is killed at any call ends as one that is not', async (t) => {
  const { world, calls } = await rollout(0)
  const whole = endOf(world)
  const waves = new Set(whole.deployments.map(({ name }) => /\/w(\d+)/.exec(name)?.[1] ?? ''))
  assert.deepEqual([...waves].toSorted(), ['1', '2', '3'])
  assert.ok(
    world.server.deployments.some(({ targets }) =>
      [...targets.values()].some(({ state }) => state === 'aborted'),
    ),
  )
  assert.equal(
    world.devices.filter(({ release }) => release === 'c').length,
    38,
    'all but the one that fails and the one that is off',
  )
  for (let at = 1; at <= calls; at++) {
    const killed = await rollout(at)
    assert.equal(killed.restarts, 1)
    assert.deepEqual(endOf(killed.world), whole, `killed at call ${at}`)
    for (const device of killed.world.devices) {
      const open = killed.world.server.deployments.filter(({ targets }) =>
        isOpenState(targets.get(device.id)?.state ?? 'success'),
      )
      assert.ok(open.length <= 1, device.id)
    }
  }
  t.diagnostic(`${calls} calls, killed at each of them`)
})

test('a rollout of configurations that is killed at any call ends as one that is not', async (t) => {
  const { world, calls } = await settings(0)
  const whole = endOf(world)
  const configured = world.devices.map(({ id, configuration }) => [
    configuration === world.configurationOf(world.tip, id)?.fingerprint,
    id,
  ])
  assert.deepEqual(
    configured,
    world.devices.map(({ id }) => [true, id]),
  )
  assert.ok(whole.uploaded.filter((name) => name.startsWith('configuration-')).length >= 3)
  for (let at = 1; at <= calls; at++) {
    const killed = await settings(at)
    assert.equal(killed.restarts, 1)
    assert.deepEqual(endOf(killed.world), whole, `killed at call ${at}`)
  }
  t.diagnostic(`${calls} calls, killed at each of them`)
})

test('a stage that devices join and leave ends the same, killed at any call', async (t) => {
  const { world, calls } = await membership(0)
  const whole = endOf(world)
  const [, leaves] = world.devices
  const status = (id = '') => world.server.devices.get(id)?.facts.status
  assert.deepEqual(
    world.devices.map(({ id, release }) => [status(id), release]),
    world.devices.map((one) => (one === leaves ? [undefined, 'a'] : ['accepted', 'c'])),
  )
  const states = world.server.deployments.map(({ targets }) => targets.get(leaves?.id ?? '')?.state)
  assert.ok(states.includes('aborted'), 'what it had not begun was taken back before')
  for (let at = 1; at <= calls; at++) {
    const killed = await membership(at)
    assert.equal(killed.restarts, 1)
    assert.deepEqual(endOf(killed.world), whole, `killed at call ${at}`)
  }
  t.diagnostic(`${calls} calls, killed at each of them`)
})
