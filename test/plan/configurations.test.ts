// How configurations roll out, each rule as one small story on a server in memory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waves } from '../../src/plan/plan.ts'
import { configurationWith } from '../support/configurations.ts'
import { turn } from './histories/moves.ts'
import { runTick } from './histories/ticks.ts'
import { World, minuteMs } from './histories/world.ts'

const hourMs = 60 * minuteMs
const board = (count: number) => Array.from({ length: count }, () => 'board')
const twoWaves = 'waves: [1 per device type, 100%]\n    gate: { soak: 1h, max-failures: 0 }'

/** A stage whose devices run what they should, and have yet to be configured. */
function worldOf(stage: string, count: number, configurations: 'there' | 'to upload' = 'there'): World {
  return new World({ stage, types: board(count), configurations })
}

async function tick(world: World) {
  const run = await runTick(world, world.tip)
  if (!run.tick) throw run.error
  return run.tick
}

const ordered = ({ orders }: { orders: readonly { devices: readonly string[] }[] }) =>
  orders.flatMap(({ devices }) => devices)

const everyone = (world: World, laterMs = 0) => {
  for (let turns = 0; turns < 6; turns++) for (const device of world.devices) turn(world, device)
  world.nowMs += laterMs
  for (const device of world.devices) device.report()
}

/** Which setting each device has, by what it reports. */
const settingsOf = (world: World) =>
  world.devices.map(({ configuration }) =>
    ['x', 'y', 'z'].find(
      (setting) =>
        world.configurationOf({ ...world.tip, setting, settings: {} }, '')?.fingerprint === configuration,
    ),
  )

test('a configuration goes out wave by wave, each after the soak of the one before', async () => {
  const world = worldOf(twoWaves, 3)
  const first = await tick(world)
  assert.equal(ordered(first).length, 1)
  assert.match(
    first.orders[0]?.name ?? '',
    /^drover\/canary\/[0-9a-f]{12}\/[0-9a-f]{12}\/1\/w1\/c-[0-9a-f]{12}-[0-9a-f]{8}$/,
  )
  everyone(world)
  const soaking = await tick(world)
  assert.deepEqual([soaking.state, ordered(soaking)], ['waiting', []])
  assert.match(soaking.waiting[0]?.why ?? '', /wave 1 soaks until/)
  everyone(world, hourMs)
  assert.equal(ordered(await tick(world)).length, 2)
  everyone(world, hourMs)
  assert.equal((await tick(world)).state, 'done')
  assert.deepEqual(settingsOf(world), ['x', 'x', 'x'])
  assert.deepEqual(
    world.devices.map(({ release }) => release),
    ['a', 'a', 'a'],
  )
})

test('the waves of a template are cut of the devices that have it', async () => {
  const types = board(6)
  const first = ordered(await tick(worldOf(twoWaves, 6))).map((id) => Number(id.slice('device-'.length)))
  const world = new World({ stage: twoWaves, types, configurations: 'there', plain: first })
  const run = await tick(world)
  assert.equal(ordered(run).length, 1, 'the one that is first with the release has no configuration')
  assert.ok(!ordered(run).includes(`device-${first[0]}`))
  everyone(world)
  assert.deepEqual(ordered(await tick(world)), [])
  everyone(world, hourMs)
  assert.equal(ordered(await tick(world)).length, 4)
})

test('an order of what another key signed is neither taken back nor placed again', async () => {
  const world = worldOf(twoWaves, 3)
  const [first] = (await tick(world)).orders
  const stored = world.server.deployments.find(({ name }) => name === first?.name)
  assert.ok(first && stored)
  Object.assign(stored, { release: first.release.replace('-on-', '-by-01234567-on-') })
  const { withdrawn, orders, pending } = await tick(world)
  assert.deepEqual([withdrawn, orders, pending], [[], [], 1])
})

test('a setting that changes for one device starts nothing for the others', async () => {
  const world = await configured(twoWaves, 4)
  const last = world.devices.find(({ id }) => !firstOf(world).includes(id))
  assert.ok(last)
  world.merge({ settings: { [last.id]: 'z' } })
  assert.deepEqual(ordered(await tick(world)), [last.id])
  everyone(world)
  assert.equal((await tick(world)).state, 'done')
})

test('a setting that changes for all goes through the waves again, and back again too', async () => {
  const world = await configured(twoWaves, 3)
  const first = firstOf(world)
  for (const setting of ['y', 'x', 'y']) {
    world.merge({ setting })
    assert.deepEqual(ordered(await tick(world)), first, setting)
    everyone(world)
    assert.deepEqual(ordered(await tick(world)), [], 'it soaks')
    everyone(world, hourMs)
    assert.equal(ordered(await tick(world)).length, 2, setting)
    everyone(world, hourMs)
    assert.equal((await tick(world)).state, 'done')
    assert.deepEqual(settingsOf(world), [setting, setting, setting])
  }
})

test('a configuration follows the release that it is for, at a later tick', async () => {
  const world = await configured('waves: [100%]\n    gate: { soak: 0s, max-failures: 0 }', 2)
  world.merge({ images: { board: 'b' }, setting: 'y' })
  const first = await tick(world)
  assert.deepEqual(
    first.orders.map(({ release }) => release),
    ['b'],
  )
  const [change] = first.plan?.changes ?? []
  assert.equal(change?.kind === 'update' && change.configuration?.template, 'kiosk.json')
  const [one, two] = world.devices
  assert.ok(one && two)
  for (let turns = 0; turns < 6; turns++) turn(world, one)
  const second = await tick(world)
  assert.deepEqual(ordered(second), [one.id])
  assert.match(second.orders[0]?.release ?? '', /-on-b$/)
  everyone(world)
  assert.deepEqual(ordered(await tick(world)), [two.id])
  everyone(world)
  assert.equal((await tick(world)).state, 'done')
  assert.deepEqual(settingsOf(world), ['y', 'y'])
})

test('the same setting outlasts an update: nothing is ordered for it', async () => {
  const world = await configured('waves: [100%]\n    gate: { soak: 0s, max-failures: 0 }', 2)
  world.merge({ images: { board: 'b' } })
  await tick(world)
  everyone(world)
  const run = await tick(world)
  assert.deepEqual([run.state, ordered(run)], ['done', []])
})

test('a configuration for the release before is taken back when the release changes', async () => {
  const world = await configured('waves: [100%]\n    gate: { soak: 0s, max-failures: 100% }', 2)
  const [one] = world.devices
  assert.ok(one)
  world.merge({ setting: 'y' })
  for (const device of world.devices) device.behaviour = 'never asks'
  const name = (await tick(world)).orders[0]?.name ?? ''
  world.merge({ images: { board: 'b' } })
  const run = await tick(world)
  assert.deepEqual(run.withdrawn, [name], 'it is for the old release')
  assert.deepEqual(
    run.orders.map(({ release }) => release),
    ['b'],
  )
})

test('a device that goes back to its old release loses the order of a configuration for the new one', async () => {
  const world = await configured('waves: [100%]\n    gate: { soak: 0s, max-failures: 1 }', 2)
  const [one] = world.devices
  assert.ok(one)
  world.merge({ images: { board: 'b' } })
  await tick(world)
  everyone(world)
  world.merge({ settings: { [one.id]: 'y' } })
  one.behaviour = 'never asks'
  const name = (await tick(world)).orders[0]?.name ?? ''
  assert.match(name, /\/c-/)
  one.release = 'a'
  world.nowMs += hourMs
  one.report()
  const run = await tick(world)
  assert.deepEqual([run.withdrawn, ordered(run)], [[name], []])
  assert.match(run.failures[0]?.why ?? '', /but the device reports a/)
})

test('over the failure limit of a configuration nothing new starts, whatever it is', async () => {
  const world = await configured(twoWaves, 3)
  world.merge({ setting: 'y' })
  for (const device of world.devices) device.behaviour = 'fails'
  assert.equal(ordered(await tick(world)).length, 1)
  everyone(world)
  const [last] = world.devices.filter(({ id }) => !firstOf(world).includes(id))
  world.merge({ overrides: { [last?.id ?? '']: 'c' } })
  const halted = await tick(world)
  assert.deepEqual([halted.state, ordered(halted)], ['halted', []])
  assert.match(halted.haltedBy ?? '', /^configurations of kiosk\.json: 1 of 3 devices failed/)
  const [failed] = halted.failures
  assert.ok(failed?.retry)
  assert.equal(failed.from, undefined, 'no release is the way back')
  for (const device of world.devices) device.behaviour = 'success'
  const { rollout, attempt } = failed.retry
  world.switches = { ...world.switches, retry: new Map([[rollout, attempt]]) }
  assert.ok(ordered(await tick(world)).includes(failed.device))
})

test('another setting is the way out of one that failed', async () => {
  const world = await configured(
    'waves: [1 per device type, 100%]\n    gate: { soak: 0s, max-failures: 0 }',
    3,
  )
  world.merge({ setting: 'y' })
  for (const device of world.devices) device.behaviour = 'fails'
  await tick(world)
  everyone(world)
  assert.equal((await tick(world)).state, 'halted')
  for (const device of world.devices) device.behaviour = 'success'
  world.merge({ setting: 'z' })
  assert.deepEqual(ordered(await tick(world)), firstOf(world))
  everyone(world)
  assert.equal(ordered(await tick(world)).length, 2)
})

test('a configuration that is known to be bad is blocked, and taken back where nobody has begun', async () => {
  const world = await configured('waves: [100%]', 2)
  world.merge({ setting: 'y' })
  for (const device of world.devices) device.behaviour = 'never asks'
  const before = await tick(world)
  const bad = world.configurationOf(world.tip, '')?.fingerprint ?? ''
  world.switches = { ...world.switches, knownBad: new Set([bad]) }
  const run = await tick(world)
  assert.deepEqual([run.withdrawn, ordered(run)], [[before.orders[0]?.name], []])
  const blocked = run.plan?.changes.flatMap((change) => (change.kind === 'blocked' ? [change.by] : []))
  assert.deepEqual(blocked, ['known-bad', 'known-bad'])
})

test('a device whose configuration is held back still shows that its release works', async () => {
  const world = await configured('waves: [1 per device type, 100%]\n    gate: { soak: 0s }', 3)
  const bad = world.configurationOf({ ...world.tip, setting: 'y' }, '')?.fingerprint ?? ''
  world.switches = { ...world.switches, knownBad: new Set([bad]) }
  world.merge({ images: { board: 'b' }, setting: 'y' })
  assert.equal(ordered(await tick(world)).length, 1)
  everyone(world)
  assert.equal(ordered(await tick(world)).length, 2)
})

test('a release with a configuration in the way is taken back, and comes first', async () => {
  const world = await configured('waves: [100%]\n    gate: { soak: 0s, max-failures: 0 }', 1)
  const [one] = world.devices
  assert.ok(one)
  world.merge({ setting: 'y' })
  await tick(world)
  turn(world, one)
  world.merge({ images: { board: 'b' } })
  const busy = await tick(world)
  assert.deepEqual([busy.withdrawn, ordered(busy)], [[], []], 'it finishes what it has begun')
  everyone(world)
  assert.deepEqual(
    (await tick(world)).orders.map(({ release }) => release),
    ['b'],
  )
  everyone(world)
  assert.equal((await tick(world)).state, 'done')
  assert.deepEqual([one.release, settingsOf(world)], ['b', ['y']])
})

test('a success that its own facts contradict is a failure of the configuration', async () => {
  const world = await configured(twoWaves, 3)
  world.merge({ setting: 'y' })
  for (const device of world.devices) device.behaviour = 'lies'
  assert.equal(ordered(await tick(world)).length, 1)
  everyone(world, 10 * minuteMs)
  const halted = await tick(world)
  assert.equal(halted.state, 'halted')
  assert.match(
    halted.failures[0]?.why ?? '',
    /ended with success, but the device reports another configuration/,
  )
})

test('a configuration on another release than it is for is no evidence', async () => {
  const world = await configured('waves: [1 per device type, 100%]\n    gate: { soak: 0s }', 3)
  world.merge({ setting: 'y' })
  const [first = ''] = ordered(await tick(world))
  everyone(world)
  const device = world.devices.find(({ id }) => id === first)
  assert.ok(device)
  const { configuration } = device
  device.release = 'c'
  device.configuration = configuration
  device.report()
  const run = await tick(world)
  assert.deepEqual(
    run.orders.map(({ release, devices }) => [release, devices]),
    [['a', [first]]],
  )
  assert.match(run.waiting[0]?.why ?? '', /no device of type board in wave 1 reports its configuration/)
})

test('a configuration that failed does not keep a device from coming back to its release', async () => {
  const world = await configured(twoWaves, 3)
  world.merge({ setting: 'y' })
  const [first = ''] = ordered(await tick(world))
  const device = world.devices.find(({ id }) => id === first)
  assert.ok(device)
  device.behaviour = 'fails'
  everyone(world)
  assert.equal((await tick(world)).state, 'halted')
  device.behaviour = 'success'
  device.release = 'c'
  device.report()
  const back = await tick(world)
  assert.deepEqual(
    back.orders.map(({ release, devices }) => [release, devices]),
    [['a', [first]]],
  )
  everyone(world)
  const again = await tick(world)
  assert.deepEqual([ordered(again), again.orders[0]?.release.endsWith('-on-a')], [[first], true])
})

test('the log of a device that failed is shown without the secrets of its configuration', async () => {
  const world = worldOf('waves: [100%]\n    gate: { max-failures: 0 }', 1, 'to upload')
  const values = { pin: 'Zq7"!', url: 'x' }
  const secret = configurationWith(values, { text: 't', secrets: ['pin'], key: 'a key that is long enough' })
  world.configurationOf = () => secret
  const [device] = world.devices
  assert.ok(device)
  device.behaviour = 'fails'
  await tick(world)
  everyone(world)
  const log = 'error: 10-kiosk: Zq7"! is no pin, nor is "Zq7\\"!"\n'
  world.server.logs.set(`${world.server.deployments[0]?.id} ${device.id}`, log)
  const [failed] = (await tick(world)).failures
  assert.equal(failed?.log, 'error: 10-kiosk: (secret) is no pin, nor is "(secret)"')
  assert.ok(!JSON.stringify(failed).includes('Zq7'))
})

test('the earlier stage has to report what this branch would give it', async () => {
  const world = worldOf(`after: development\n    ${twoWaves}`, 2)
  const held = await tick(world)
  assert.deepEqual([held.state, ordered(held)], ['waiting', []])
  assert.match(
    held.waiting[0]?.why ?? '',
    /0 of 1 devices of type board in stage development report what kiosk\.json gives them/,
  )
  for (const one of world.lab) {
    one.configuration = world.configurationOf(world.tip, one.id)?.fingerprint
    one.report()
  }
  assert.equal(ordered(await tick(world)).length, 1)
})

test('an emergency moves releases alone', async () => {
  const world = await configured('waves: [100%]\n    gate: { max-failures: 1 }', 2)
  world.merge({ setting: 'y' })
  const until = new Date(world.nowMs + hourMs)
  const emergency = { stage: 'canary', release: 'a', reason: 'b is bad', until }
  world.switches = { ...world.switches, emergency }
  const run = await tick(world)
  assert.deepEqual([run.state, ordered(run)], ['done', []])
  world.nowMs += 2 * hourMs
  everyone(world)
  assert.equal(ordered(await tick(world)).length, 2)
})

test('two devices with the same setting have one order in a wave, and each of another type its own', async () => {
  const world = new World({
    stage: 'waves: [100%]',
    types: ['board', 'board', 'virtual', 'board'],
    configurations: 'there',
  })
  const [first, , , last] = world.devices
  assert.ok(first && last)
  world.merge({ settings: { [last.id]: 'z' } })
  const { orders } = await tick(world)
  assert.deepEqual(
    orders.map(({ devices }) => devices.length).toSorted((a, b) => a - b),
    [1, 1, 2],
  )
  assert.equal(new Set(orders.map(({ name }) => name)).size, 3)
})

test('an artifact is uploaded once, before its first order, and not again', async () => {
  const world = worldOf(twoWaves, 3, 'to upload')
  const names = () => [...world.server.releases.keys()].filter((name) => name.startsWith('configuration-'))
  assert.deepEqual(names(), [])
  const first = await tick(world)
  assert.deepEqual(
    names(),
    first.orders.map(({ release }) => release),
  )
  everyone(world, hourMs)
  assert.equal(ordered(await tick(world)).length, 2)
  assert.equal(names().length, 1)
})

test('of configurations that only one device has at most 200 orders are open', async () => {
  const world = new World({ stage: 'waves: [100%]', types: board(230), configurations: 'there' })
  world.storeConfigurations(world.devices.map(({ id }) => `own ${id}`))
  world.merge({ settings: Object.fromEntries(world.devices.map(({ id }) => [id, `own ${id}`])) })
  const first = await tick(world)
  assert.equal(ordered(first).length, 200)
  assert.match(
    first.waiting[0]?.why ?? '',
    /200 orders of a configuration for one device may be open at once/,
  )
  assert.equal(ordered(await tick(world)).length, 0)
  everyone(world)
  assert.equal(ordered(await tick(world)).length, 30)
})

test('without a key for configurations on a signed release nothing is ordered, and what is bad is taken back', async () => {
  const world = await configured('waves: [100%]', 2)
  const [one] = world.devices
  for (const device of world.devices) device.behaviour = 'never asks'
  world.merge({ overrides: { [one?.id ?? '']: 'b' } })
  const name = (await tick(world)).orders[0]?.name
  world.switches = { ...world.switches, knownBad: new Set(['b']) }
  world.merge({ setting: 'y' })
  const release = world.server.releases.get('a')
  assert.ok(release)
  const artifacts = release.artifacts.map((artifact) => ({ ...artifact, isSigned: true }))
  world.server.releases.set('a', { ...release, artifacts })
  await assert.rejects(tick(world), { reason: 'artifact-unsigned', message: /DROVER_SIGNING_KEY/ })
  assert.deepEqual(
    world.server.deployments.map((order) => [order.name, order.targets.get(one?.id ?? '')?.state]),
    [[name, 'aborted']],
  )
})

/** A stage of which all devices have the setting `x`, long since. */
async function configured(stage: string, count: number): Promise<World> {
  const world = worldOf(stage, count)
  for (const device of [...world.devices, ...world.lab]) {
    device.configuration = world.configurationOf(world.tip, device.id)?.fingerprint
    device.report()
  }
  world.nowMs += 24 * hourMs
  for (const device of world.devices) device.report()
  assert.equal((await tick(world)).state, 'done')
  return world
}

/** The devices of the first wave. */
function firstOf(world: World): string[] {
  const release = world.tip.images['board'] ?? ''
  const members = world.devices.map(({ id, deviceType }) => ({ device: id, deviceType }))
  const places = waves(members, release, world.stage.waves)
  return [...places].flatMap(([device, wave]) => (wave === 1 ? [device] : []))
}
