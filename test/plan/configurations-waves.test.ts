// Who of a template's devices counts in which wave, when one is blocked, comes back or joins; each rule as one small story.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turn } from './histories/moves.ts'
import { runTick } from './histories/ticks.ts'
import { World, minuteMs } from './histories/world.ts'

const hourMs = 60 * minuteMs
const gate = 'gate: { soak: 1h, max-failures: 0 }'
const twoWaves = `waves: [1 per device type, 100%]\n    ${gate}`
/** Of a few devices the first and the second wave have one each. */
const threeWaves = `waves: [1 per device type, 1%, 100%]\n    ${gate}`

/** A stage whose devices run what they should, and have yet to be configured. */
const worldOf = (stage: string, count: number) =>
  new World({ stage, types: Array.from({ length: count }, () => 'board'), configurations: 'there' })

async function tick(world: World) {
  const run = await runTick(world, world.tip)
  if (!run.tick) throw run.error
  return run.tick
}

const ordered = ({ orders }: { orders: readonly { devices: readonly string[] }[] }) =>
  orders.flatMap(({ devices }) => devices)

const wasOrdered = ({ server }: World, id: string) =>
  server.deployments.some(({ targets }) => targets.has(id))

/** All do what they were ordered, and report again `laterMs` after that. */
function everyone(world: World, laterMs = 0): void {
  for (let turns = 0; turns < 6; turns++) for (const device of world.devices) turn(world, device)
  world.nowMs += laterMs
  for (const device of world.devices) device.report()
}

/** Its release is known to be bad, and it comes to another one by itself: from then on it is blocked for good. */
function leave(world: World, id: string): void {
  world.switches = { ...world.switches, knownBad: new Set(['a']) }
  const device = world.devices.find((one) => one.id === id)
  assert.ok(device)
  device.release = 'b'
  device.report()
}

test('where the device that showed a configuration is blocked for good, another one has to show it', async () => {
  const world = worldOf(twoWaves, 3)
  const [first = ''] = ordered(await tick(world))
  everyone(world, hourMs)
  leave(world, first)
  const next = await tick(world)
  assert.equal(next.counts?.blocked, 1)
  assert.equal(ordered(next).length, 1, 'the rest waits')
  everyone(world)
  const soaking = await tick(world)
  assert.deepEqual(ordered(soaking), [])
  assert.match(soaking.waiting.map(({ why }) => why).join(), /wave 1 soaks until/)
  everyone(world, hourMs)
  const last = ordered(await tick(world))
  assert.deepEqual([first, ...ordered(next), ...last].sort(), ['device-0', 'device-1', 'device-2'])
})

test('where the device that showed a configuration is blocked for good, one that shows it too stands in for it', async () => {
  const world = worldOf(threeWaves, 4)
  const [first = ''] = ordered(await tick(world))
  everyone(world, hourMs)
  assert.equal(ordered(await tick(world)).length, 1)
  everyone(world, hourMs)
  leave(world, first)
  assert.equal(ordered(await tick(world)).length, 1, 'the second wave has one again')
  everyone(world)
  assert.deepEqual(ordered(await tick(world)), [], 'and the last waits for it')
  everyone(world, hourMs)
  assert.equal(ordered(await tick(world)).length, 1)
})

test('a device that joins a template does not take the place of the one that showed it', async () => {
  const whole = worldOf(twoWaves, 3)
  const [joining = ''] = ordered(await tick(whole))
  const world = worldOf(twoWaves, 3)
  world.merge({ absent: new Set([joining]) })
  const [shown = ''] = ordered(await tick(world))
  everyone(world)
  everyone(world, hourMs)
  for (const one of world.devices) if (one.id === joining) one.behaviour = 'never asks'
  // it goes to another release and comes back, while one joins that is before it by now
  world.merge({ absent: new Set(), overrides: { [shown]: 'b' } })
  assert.deepEqual(ordered(await tick(world)).sort(), [joining, shown].sort())
  everyone(world)
  world.merge({ overrides: {} })
  assert.deepEqual(ordered(await tick(world)), [shown], 'where it is it shows nothing, and the last waits')
  everyone(world)
  const last = world.devices.find(({ id }) => id !== joining && id !== shown)
  assert.deepEqual(ordered(await tick(world)), [last?.id])
})

/** Of four the second stood in for the first, which is back and shows the configuration. `how` the order of the second went. */
async function standIn(how: 'fails' | 'never asks') {
  const lenient = 'gate: { soak: 1h, max-failures: 50%, min-success: 50% }'
  const world = worldOf(`waves: [1 per device type, 1%, 100%]\n    ${lenient}`, 4)
  const [first = ''] = ordered(await tick(world))
  everyone(world, hourMs)
  leave(world, first)
  const [second = ''] = ordered(await tick(world))
  const device = (id: string) => world.devices.find((one) => one.id === id)
  const other = device(second)
  const back = device(first)
  assert.ok(other && back)
  other.behaviour = how
  everyone(world)
  world.switches = { ...world.switches, knownBad: new Set() }
  back.release = 'a'
  everyone(world, hourMs)
  return { world, other, second }
}

test('where the device of a wave stood in for an earlier one and failed, the next wave waits for its retry', async () => {
  const { world, other, second } = await standIn('fails')
  const failed = await tick(world)
  assert.deepEqual(ordered(failed), [])
  const [, rollout = ''] =
    /set retry: \{ (\S+): 2 \}/.exec(failed.waiting.map(({ why }) => why).join('\n')) ?? []
  world.switches = { ...world.switches, retry: new Map([[rollout, 2]]) }
  other.behaviour = 'success'
  assert.deepEqual(ordered(await tick(world)), [second], 'it alone is ordered again')
  everyone(world)
  const soaking = await tick(world)
  assert.deepEqual(ordered(soaking), [])
  assert.match(soaking.waiting.map(({ why }) => why).join(), /wave 2 soaks until/)
  everyone(world, hourMs)
  assert.equal(ordered(await tick(world)).length, 2)
})

test('where the device of a wave stands in for an earlier one and is on its way, the next wave waits for it', async () => {
  const { world, other } = await standIn('never asks')
  const waits = await tick(world)
  assert.deepEqual(ordered(waits), [])
  assert.match(waits.waiting.map(({ why }) => why).join(), /no device of type board in wave 2 reports/)
  other.behaviour = 'success'
  everyone(world, hourMs)
  assert.equal(ordered(await tick(world)).length, 2)
})

test('where a device failed as a stand-in, left and is ordered in its own wave, the next wave waits for it', async () => {
  const { world, other, second } = await standIn('fails')
  // the rest is leased, so that nobody takes its place meanwhile
  const until = new Date(world.nowMs + hourMs).toISOString()
  const rest = world.devices.filter(({ id }) => !wasOrdered(world, id))
  for (const { id } of rest) {
    const stored = world.server.devices.get(id)
    if (stored) stored.lease = { id: 'x', holder: 'a run', number: 1, until }
  }
  other.behaviour = 'success'
  world.merge({ overrides: { [second]: 'b' } })
  assert.deepEqual(ordered(await tick(world)), [second], 'another release')
  everyone(world)
  world.merge({ overrides: {} })
  assert.deepEqual(ordered(await tick(world)), [second], 'its release again')
  everyone(world)
  other.behaviour = 'never asks'
  const { orders } = await tick(world)
  assert.deepEqual(
    orders.map(({ wave, devices }) => [wave, devices]),
    [[2, [second]]],
    'its configuration',
  )
  everyone(world, hourMs)
  assert.equal(rest.length, 2)
  const waits = await tick(world)
  assert.deepEqual(ordered(waits), [])
  assert.match(waits.waiting.map(({ why }) => why).join(), /no device of type board in wave 2 reports/)
  other.behaviour = 'success'
  everyone(world, hourMs)
  assert.equal(ordered(await tick(world)).length, 2)
})
