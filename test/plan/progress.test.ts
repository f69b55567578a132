import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { type GroupProgress, type Tick, schedule } from '../../src/plan/plan.ts'
import { hour, inLab, openWorld, settled } from './world.ts'

const sums = ({ progress = [] }: Tick) =>
  progress.map(({ groups }) => {
    const sum = (key: 'there' | 'pending' | 'failed' | 'toCome') =>
      groups.reduce((total, group: GroupProgress) => total + group[key], 0)
    return [sum('there'), sum('pending'), sum('failed'), sum('toCome')]
  })

test('a tick tells wave by wave what is there, on its way and to come, and which wave waits', async (t) => {
  const world = await openWorld(t, { count: 3 })
  await world.release('new')
  await inLab(world, 'new')
  const dry = await world.tick({ isDryRun: true })
  assert.deepEqual(sums(dry), [
    [0, 0, 0, 1],
    [0, 0, 0, 2],
  ])
  const first = await world.tick()
  assert.deepEqual(sums(first), [
    [0, 1, 0, 0],
    [0, 0, 0, 2],
  ])
  assert.deepEqual(
    first.waiting.map(({ waves }) => waves),
    [[2]],
  )
  await settled(world.lab)
  assert.deepEqual(sums(await world.tick())[0], [1, 0, 0, 0])
  await world.tick({}, 2 * hour)
  await settled(world.lab)
  assert.deepEqual(sums(await world.tick({}, 2 * hour)), [
    [1, 0, 0, 0],
    [2, 0, 0, 0],
  ])
})

test('a device that failed is told from those whose turn is to come', async (t) => {
  const world = await openWorld(t, { count: 2, behaviours: ['success', 'fails', 'fails'] })
  await world.release('new')
  await inLab(world, 'new')
  await world.tick()
  await settled(world.lab)
  const halted = await world.tick()
  assert.equal(halted.state, 'halted')
  assert.deepEqual(sums(halted), [
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ])
})

test('a device that fails between two looks of a tick is told as one that failed, with what it goes back to', async (t) => {
  const world = await openWorld(t, { count: 1, behaviours: ['success', 'hangs'] })
  const { lab, devices, repository } = world
  await world.release('new')
  await inLab(world, 'new')
  await world.tick()
  const failing = async () => {
    const seen = await lab.server.openDeployments()
    if (devices[1]) devices[1].behaviour = 'fails after reboot'
    await settled(lab)
    return seen
  }
  const server = new Proxy(lab.server, {
    get: (target, name, proxy) => (name === 'openDeployments' ? failing : Reflect.get(target, name, proxy)),
  })
  const halted = await schedule(await loadFleet(repository.folder), 'canary', server)
  assert.equal(halted.state, 'halted')
  assert.deepEqual(sums(halted)[0], [0, 0, 1, 0])
  assert.equal(halted.failures[0]?.from, 'old')
})
