// What random histories found, and what a tick takes back, each as one small story on a server in memory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextDue } from '../../src/plan/plan.ts'
import { turn } from './histories/moves.ts'
import { type Meanwhile, runTick } from './histories/ticks.ts'
import { World, minuteMs } from './histories/world.ts'

const hourMs = 60 * minuteMs
const twoWaves = 'waves: [1 per device type, 100%]\n    gate: { soak: 0s, max-failures: 0 }'
const board = (count: number) => Array.from({ length: count }, () => 'board')

function worldOf(stage: string, count: number): World {
  const world = new World({ stage, types: board(count) })
  world.nowMs += hourMs
  world.merge({ images: { board: 'b' } })
  return world
}

async function tick(world: World, meanwhile?: Meanwhile) {
  const run = await runTick(world, world.tip, meanwhile)
  if (!run.tick) throw run.error
  return { ...run.tick, calls: run.calls }
}

const ordered = ({ orders }: { orders: readonly { devices: readonly string[] }[] }) =>
  orders.flatMap(({ devices }) => devices)

const everyone = (world: World) => {
  for (let turns = 0; turns < 6; turns++) for (const device of world.devices) turn(world, device)
}

const stateIn = (world: World, name: string, device = '') =>
  world.server.deployments.find((one) => one.name === name)?.targets.get(device)?.state

test('a wave whose only device is leased holds the next wave back', async () => {
  const world = worldOf(twoWaves, 3)
  const first = ordered(await tick(worldOf(twoWaves, 3)))
  const stored = world.server.devices.get(first[0] ?? '')
  assert.ok(stored)
  stored.lease = { id: 'x', holder: 'a run', number: 1, until: new Date(world.nowMs + hourMs).toISOString() }
  const held = await tick(world)
  assert.deepEqual([held.state, ordered(held)], ['waiting', []])
  assert.match(held.waiting[0]?.why ?? '', /no device of type board in wave 1 reports the release/)
  world.nowMs += 2 * hourMs
  assert.deepEqual(ordered(await tick(world)), first)
})

test('what is merged between two writes of a tick stops the second', async () => {
  const types = ['board', 'virtual']
  const plot = { stage: 'waves: [100%]', types }
  const world = new World(plot)
  world.merge({ images: { board: 'b', virtual: 'b' } })
  const placed = () => world.server.deployments.length
  const run = await tick(world, async () => {
    if (placed() === 1 && world.branch.length === 2) world.merge({})
  })
  assert.deepEqual([run.state, ordered(run).length, placed()], ['superseded', 1, 1])
  assert.deepEqual(ordered(await tick(world)).length, 1, 'the next one does the rest')
})

test('an order that another run has just placed for other devices stays as it is', async () => {
  const world = worldOf('waves: [100%]', 3)
  const name = (await tick(worldOf('waves: [100%]', 3))).orders[0]?.name ?? ''
  const { calls } = await tick(worldOf('waves: [100%]', 3))
  const late = calls - 5
  const run = await tick(world, async (call) => {
    if (call === late) world.server.create(name, 'b', ['device-0'])
  })
  assert.deepEqual([ordered(run), world.server.deployments.length], [[], 1])
  assert.deepEqual(ordered(await tick(world)), ['device-1', 'device-2'])
})

test('over the failure limit what has not begun is taken back, and a retry orders it again', async () => {
  const world = worldOf('waves: [100%]\n    gate: { max-failures: 0 }', 3)
  const [bad, busy, idle] = world.devices
  assert.ok(bad && busy && idle)
  const name = (await tick(world)).orders[0]?.name ?? ''
  bad.behaviour = 'fails'
  idle.behaviour = 'never asks'
  for (let turns = 0; turns < 6; turns++) turn(world, bad)
  turn(world, busy)
  const halted = await tick(world)
  assert.deepEqual([halted.state, halted.withdrawn], ['halted', [name]])
  assert.deepEqual(
    [bad, busy, idle].map(({ id }) => stateIn(world, name, id)),
    ['failure', 'downloading', 'aborted'],
  )
  const rollout = name.split('/').slice(1, 4).join('/')
  world.switches = { ...world.switches, retry: new Map([[rollout, 2]]) }
  assert.deepEqual(ordered(await tick(world)), [bad.id, idle.id])
})

test('of an open order only the devices that are to run something else are taken out', async () => {
  const world = worldOf('waves: [100%]', 4)
  const [changed, busy, kept, left] = world.devices
  assert.ok(changed && busy && kept && left)
  const name = (await tick(world)).orders[0]?.name ?? ''
  turn(world, busy)
  world.merge({ overrides: { [changed.id]: 'c', [busy.id]: 'c' }, absent: new Set([left.id]) })
  const run = await tick(world)
  assert.deepEqual([run.withdrawn, ordered(run)], [[name], [changed.id]])
  assert.deepEqual(
    [changed, busy, kept, left].map(({ id }) => stateIn(world, name, id)),
    ['aborted', 'downloading', 'pending', 'aborted'],
  )
  everyone(world)
  assert.equal(busy.release, 'b', 'it finishes what it has begun')
  assert.deepEqual(ordered(await tick(world)), [busy.id], 'and then gets what it is to run now')
})

test('a release that was overridden for a device for a while comes back to it without a retry', async () => {
  const world = worldOf('waves: [100%]\n    gate: { soak: 0s, max-failures: 0 }', 2)
  const [one] = world.devices
  assert.ok(one)
  const settle = async () => {
    const orders = ordered(await tick(world))
    everyone(world)
    world.nowMs += hourMs
    everyone(world)
    return orders
  }
  assert.equal((await settle()).length, 2)
  world.merge({ overrides: { [one.id]: 'c' } })
  assert.deepEqual(await settle(), [one.id])
  world.merge({ overrides: {} })
  assert.deepEqual(await settle(), [one.id])
  assert.deepEqual([one.release, (await tick(world)).state], ['b', 'done'])
})

test('a device that moves to an earlier wave counts by its newest order', async () => {
  const stage = 'waves: [1 per device type, 100%]\n    gate: { soak: 4h, min-success: 1%, max-failures: 1 }'
  const night = '\n    window: { from: "03:00", to: "14:00", time-zone: UTC }'
  const world = worldOf(stage + night, 4)
  const [first = ''] = ordered(await tick(world))
  everyone(world)
  world.nowMs += 5 * hourMs
  everyone(world)
  for (const device of world.devices) device.behaviour = 'never asks'
  assert.equal(ordered(await tick(world)).length, 3)
  world.nowMs += 6 * hourMs
  assert.equal((await tick(world)).withdrawn.length, 1, 'the window is closed')
  world.merge({ absent: new Set([first]) })
  world.nowMs += 13 * hourMs
  for (const device of world.devices) device.behaviour = 'success'
  everyone(world)
  assert.equal(ordered(await tick(world)).length, 1, 'one of the second wave is the first now')
  everyone(world)
  const soaking = await tick(world)
  assert.deepEqual([soaking.state, ordered(soaking)], ['waiting', []])
  assert.match(soaking.waiting[0]?.why ?? '', /wave 1 soaks until/)
})

test('an emergency takes a stage to its release past all but the failure limit, and is over when it ends', async () => {
  const stage = `after: development\n    waves: [50%, 100%]\n    gate: { soak: 24h, max-failures: 1 }`
  const world = worldOf(`${stage}\n    window: { from: "20:00", to: "21:00", time-zone: UTC }`, 4)
  for (const device of world.devices) {
    device.release = 'b'
    device.report()
  }
  const until = new Date(world.nowMs + 6 * hourMs)
  const emergency = { stage: 'canary', release: 'a', reason: 'b does not start', until }
  world.switches = { ...world.switches, emergency: { ...emergency, stage: 'development' } }
  assert.equal((await tick(world)).state, 'done', 'of another stage')
  world.switches = { ...world.switches, emergency }
  const first = await tick(world)
  assert.equal(ordered(first).length, 1)
  assert.equal(ordered(await tick(world)).length, 0, 'nothing shows yet that it works')
  everyone(world)
  assert.equal(ordered(await tick(world)).length, 3)
  everyone(world)
  const done = await tick(world)
  assert.deepEqual([done.state, world.devices.map(({ release }) => release)], ['done', ['a', 'a', 'a', 'a']])
  world.nowMs += 7 * hourMs
  everyone(world)
  assert.match((await tick(world)).waiting[0]?.why ?? '', /report b/, 'Git says b again')
})

test('an emergency stops at the failure limit, and never goes to what is known to be bad', async () => {
  const world = worldOf('waves: [100%]\n    gate: { max-failures: 0 }', 3)
  const emergency = { stage: 'canary', release: 'c', reason: 'b', until: new Date(world.nowMs + 24 * hourMs) }
  world.switches = { ...world.switches, emergency, knownBad: new Set(['c']) }
  assert.deepEqual(ordered(await tick(world)), [])
  world.switches = { ...world.switches, knownBad: new Set() }
  for (const device of world.devices) device.behaviour = 'fails'
  assert.equal(ordered(await tick(world)).length, 1)
  everyone(world)
  const halted = await tick(world)
  assert.deepEqual([halted.state, ordered(halted)], ['halted', []])
})

const nightly = 'waves: [100%]\n    window: { from: "03:00", to: "05:00", time-zone: UTC }'

test('when a window closes, orders that have not begun are taken back, and come again when it opens', async () => {
  const world = worldOf(nightly, 3)
  const [done, busy, late] = world.devices
  assert.ok(done && busy && late)
  const placing = await tick(world)
  const name = placing.orders[0]?.name ?? ''
  assert.equal(nextDue(placing)?.toISOString(), '2026-03-02T05:00:00.000Z', 'a run is to take orders back')
  for (let turns = 0; turns < 6; turns++) turn(world, done)
  turn(world, busy)
  world.nowMs += 2 * hourMs
  const closing = await tick(world)
  assert.deepEqual([closing.withdrawn, closing.windowEnd], [[name], undefined])
  assert.deepEqual(
    [done, busy, late].map(({ id }) => stateIn(world, name, id)),
    ['success', 'downloading', 'aborted'],
  )
  world.nowMs += minuteMs
  everyone(world)
  const closed = await tick(world)
  assert.deepEqual([closed.state, closed.withdrawn, ordered(closed)], ['waiting', [], []])
  const opens = nextDue(closed)
  assert.equal(opens?.toISOString(), '2026-03-03T03:00:00.000Z')
  world.nowMs = opens.getTime()
  everyone(world)
  const again = await tick(world)
  assert.deepEqual([ordered(again), again.orders[0]?.name], [[late.id], `${name}.2`])
  everyone(world)
  assert.equal((await tick(world)).state, 'done')
})

test('a device that was off since its window closed gets no order each night, but one when it is back', async () => {
  const world = worldOf(nightly, 2)
  const [here, off] = world.devices
  assert.ok(here && off)
  await tick(world)
  for (let night = 0; night < 4; night++) {
    for (let turns = 0; turns < 6; turns++) turn(world, here)
    world.nowMs += 12 * hourMs
    await tick(world)
    world.nowMs += 12 * hourMs
    const open = await tick(world)
    assert.deepEqual(ordered(open), [])
    assert.match(open.waiting[0]?.why ?? '', /once it has reported/)
  }
  off.report()
  assert.deepEqual(ordered(await tick(world)), [off.id])
})

test('an order that a person aborted inside its window stays aborted', async () => {
  const world = worldOf(nightly, 2)
  await tick(world)
  world.server.abort('deployment-1')
  everyone(world)
  world.nowMs += 24 * hourMs
  everyone(world)
  const run = await tick(world)
  assert.deepEqual([run.state, ordered(run)], ['waiting', []])
  assert.match(run.waiting[0]?.why ?? '', /the order was aborted: set retry/)
})
