// How configurations roll out, each rule as one small story on a server in memory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
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
