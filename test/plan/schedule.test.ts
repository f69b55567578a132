import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { nextDue } from '../../src/plan/plan.ts'
import { until } from '../support/mender-lab.ts'
import { hour, inLab, openWorld, ordered, releaseOf, settled, stages } from './world.ts'

test('a rollout goes from wave to wave on evidence alone, and a tick after the last writes nothing', async (t) => {
  const world = await openWorld(t, { count: 3 })
  await world.release('new')
  const early = await world.tick()
  assert.equal(early.state, 'waiting')
  assert.match(early.waiting[0]?.why ?? '', /0 of 1 devices of type virtual in stage development report new/)

  await inLab(world, 'new')
  const first = await world.tick()
  assert.deepEqual([first.state, ordered(first).length, first.wave, first.waves], ['in-progress', 1, 1, 2])
  assert.match(first.orders[0]?.name ?? '', /^drover\/canary\/[0-9a-f]{12}\/[0-9a-f]{12}\/1\/w1$/)
  await settled(world.lab)

  const soaking = await world.tick()
  assert.deepEqual([soaking.state, ordered(soaking).length], ['waiting', 0])
  const due = nextDue(soaking)?.getTime() ?? 0
  assert.ok(Math.abs(due - Date.now() - hour) < 60_000, 'due an hour after the first device was done')

  const second = await world.tick({}, hour + 1000)
  assert.deepEqual([second.state, ordered(second).length, second.wave], ['in-progress', 2, 2])
  assert.ok(!ordered(second).includes(ordered(first)[0] ?? ''), 'the device of wave 1 is not ordered again')
  await settled(world.lab)
  const last = await world.tick({}, 2 * hour)
  assert.deepEqual([last.state, ordered(last).length, last.counts?.alreadyThere], ['done', 0, 3])
})

test('the same tick twice is one deployment', async (t) => {
  const world = await openWorld(t, { count: 1, behaviours: ['success', 'never asks'] })
  await world.release('new')
  await inLab(world, 'new')
  const first = await world.tick()
  const second = await world.tick()
  assert.deepEqual([ordered(first).length, ordered(second).length, second.state], [1, 0, 'in-progress'])
  assert.equal(second.pending, 1)
  assert.equal((await world.lab.server.openDeployments()).length, 1)
})

test('failures over the limit halt the stage with the end of the log, and a retry orders again', async (t) => {
  const world = await openWorld(t, { count: 2, behaviours: ['success', 'fails', 'fails'] })
  await world.release('new')
  await inLab(world, 'new')
  const first = await world.tick()
  await settled(world.lab)
  const halted = await world.tick({}, 3 * hour)
  assert.equal(halted.state, 'halted')
  assert.match(halted.haltedBy ?? '', /new: 1 of 2 devices failed; max-failures allows 0/)
  assert.equal(halted.failures.length, 1)
  assert.ok(halted.failures[0]?.log, 'the log of the device')
  assert.equal(ordered(halted).length, 0)

  for (const device of world.devices) device.behaviour = 'success'
  const rollout = (first.orders[0]?.name ?? '').split('/').slice(1, 4).join('/')
  await world.repository.git('checkout', '--quiet', 'main')
  await world.repository.commit({ 'fleet.yml': stages(world.lab, `retry: { ${rollout}: 2 }`) })
  await world.repository.push()
  await world.repository.git('checkout', '--quiet', 'canary')
  const again = await world.tick()
  assert.deepEqual([again.state, ordered(again)], ['in-progress', ordered(first)])
  assert.match(again.orders[0]?.name ?? '', /\/2\/w1$/)
})

test('a device that says success and reports something else is a failure', async (t) => {
  const world = await openWorld(t, { count: 1, behaviours: ['success', 'lies'] })
  await world.release('new')
  await inLab(world, 'new')
  await world.tick()
  await settled(world.lab)
  const soon = await world.tick()
  assert.equal(soon.state, 'in-progress', 'its facts may still be from before')
  assert.equal(ordered(soon).length, 0)
})

test('freeze and known-bad are read from the default branch, whatever the stage', async (t) => {
  const world = await openWorld(t, { count: 1 })
  await world.release('new')
  await inLab(world, 'new')
  const onMain = async (policy: string) => {
    await world.repository.git('checkout', '--quiet', 'main')
    await world.repository.commit({ 'fleet.yml': stages(world.lab, policy) })
    await world.repository.push()
    await world.repository.git('checkout', '--quiet', 'canary')
  }
  await onMain('freeze: { reason: trade fair, until: 2999-01-01 }')
  const frozen = await world.tick()
  assert.deepEqual([frozen.state, ordered(frozen)], ['waiting', []])
  assert.match(frozen.waiting[0]?.why ?? '', /frozen: trade fair/)
  assert.equal(nextDue(frozen)?.getUTCFullYear(), 2999)
  await onMain('known-bad: [new]')
  const bad = await world.tick()
  assert.deepEqual([ordered(bad), bad.plan?.changes[0]?.kind], [[], 'blocked'])
  await onMain('')
  assert.equal(ordered(await world.tick()).length, 1)
})

test('a freeze that can not be read is not taken for none', async (t) => {
  const world = await openWorld(t, { count: 1 })
  const { repository } = world
  await world.release('new')
  await inLab(world, 'new')
  await repository.git('checkout', '--quiet', 'main')
  await repository.commit({ 'fleet.yml': stages(world.lab, 'freeze: { reason: trade fair }') })
  await repository.push()
  const blob = (await repository.git('rev-parse', 'HEAD:fleet.yml')).trim()
  await repository.git('checkout', '--quiet', 'canary')
  await rm(join(repository.folder, '.git', 'objects', blob.slice(0, 2), blob.slice(2)))
  await assert.rejects(world.tick(), { reason: 'bad-input', message: /can't read fleet\.yml/ })
  assert.deepEqual(await world.lab.server.openDeployments(), [])
})

test('from A to B and back to A are three rollouts, and an unrelated commit starts none', async (t) => {
  const world = await openWorld(t, { count: 1, policy: '' })
  const names: string[] = []
  for (const release of ['new', 'old', 'new']) {
    await world.release(release)
    await inLab(world, release)
    const tick = await world.tick()
    names.push(...tick.orders.map(({ name }) => name))
    await settled(world.lab)
    await until(async () => (await releaseOf(world, 1)) === release)
    await world.repository.commit({ 'README.md': `after ${names.length}` })
    await world.repository.push()
    assert.equal((await world.tick()).state, 'done')
  }
  assert.equal(new Set(names).size, 3, names.join('\n'))
})

test('an older order is taken back where the device has not begun', async (t) => {
  const world = await openWorld(t, { count: 1, behaviours: ['success', 'never asks'] })
  await world.lab.server.upload(await world.lab.artifact('newer'))
  await world.release('new')
  await inLab(world, 'new')
  const first = await world.tick()
  await world.release('newer')
  await inLab(world, 'newer')
  const second = await world.tick()
  assert.deepEqual(second.withdrawn, [first.orders[0]?.name])
  assert.equal(second.orders[0]?.release, 'newer')
  const open = await world.lab.server.openDeployments()
  assert.deepEqual(
    open.map(({ release }) => release),
    ['newer'],
  )
})
