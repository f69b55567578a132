import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextDue } from '../../src/plan/plan.ts'
import { image, inLab, openWorld, ordered, settled, stages, type World } from './world.ts'

const gateLine = 'gate: { soak: 1h, max-failures: 0 }'
const wavesLine = 'waves: [1 per device type, 100%]'

/** Changes the policy on canary, and commits the release `new` there. */
async function begin(world: World, change: (policy: string) => string): Promise<void> {
  await world.repository.git('checkout', '--quiet', 'canary')
  await world.repository.commit({ 'fleet.yml': change(stages(world.lab)) })
  await world.release('new')
  await inLab(world, 'new')
}

test('outside of its window a stage waits until it opens, in the zone of each device', async (t) => {
  const world = await openWorld(t, { count: 2 })
  const { repository, devices } = world
  const hours = new Date().getUTCHours()
  const pad = (hour: number) => String(hour % 24).padStart(2, '0')
  // open now in UTC, and two hours from now three hours further west
  const [from, to] = [`"${pad(hours + 23)}:00"`, `"${pad(hours + 2)}:00"`]
  await repository.git('checkout', '--quiet', 'canary')
  const host = (index: number, zone: string) =>
    `device_id: ${devices[index]?.key}\nsubscribed_branch: canary\ntime_zone: ${zone}\n`
  await repository.commit({
    'host_vars/device-1.yml': host(1, 'Etc/GMT+3'),
    'host_vars/device-2.yml': host(2, 'UTC'),
  })
  await begin(world, (policy) =>
    policy.replace(wavesLine, `waves: [100%]\n    window: { from: ${from}, to: ${to}, time-zone: device }`),
  )
  const tick = await world.tick()
  assert.deepEqual(ordered(tick), [devices[2]?.key])
  assert.match(tick.waiting[0]?.why ?? '', /the window in Etc\/GMT\+3 opens at /)
  const due = nextDue(tick)?.getTime() ?? 0
  assert.ok(due > Date.now() && due < Date.now() + 24 * 3_600_000)
  await settled(world.lab)
  const later = await world.tick({}, due - Date.now() + 1000)
  assert.deepEqual(ordered(later), [devices[1]?.key])
  assert.match(later.orders[0]?.name ?? '', /\/w1\.2$/, 'the same wave has a second order')
})

test('of a site no more than its share is on its way at once', async (t) => {
  const world = await openWorld(t, { count: 4 })
  await world.repository.git('checkout', '--quiet', 'canary')
  await world.repository.commit({ 'group_vars/all.yml': `site: shop\n${image('old')}` })
  await begin(world, (policy) => policy.replace(wavesLine, 'waves: [100%]\n    budget: { per-site: 40% }'))
  await world.repository.commit({ 'group_vars/all.yml': `site: shop\n${image('new')}` })
  await world.repository.push()
  const first = await world.tick()
  assert.equal(ordered(first).length, 2, '40 % of the five devices of the site')
  assert.match(
    first.waiting[0]?.why ?? '',
    /site shop has 2 devices on their way, all that budget\.per-site allows/,
  )
  await settled(world.lab)
  assert.equal(ordered(await world.tick()).length, 2)
  await settled(world.lab)
  assert.equal((await world.tick()).state, 'done')
})

test('a device that joins later gets an order of its own and starts nothing for the others', async (t) => {
  const world = await openWorld(t, { count: 2 })
  const { repository, devices, lab } = world
  const file = 'host_vars/device-2.yml'
  await repository.git('checkout', '--quiet', 'canary')
  const hosts = (names: string[]) => `all:\n  hosts:\n${names.map((name) => `    ${name}:\n`).join('')}`
  await repository.commit({ [file]: undefined, 'inventory.yml': hosts(['lab-0', 'device-1']) })
  await begin(world, (policy) => policy.replace(gateLine, 'gate: { soak: 0s, max-failures: 0 }'))
  const first = await world.tick()
  assert.deepEqual(ordered(first), [devices[1]?.key])
  await settled(lab)
  assert.equal((await world.tick()).state, 'done')
  await repository.commit({
    [file]: `device_id: ${devices[2]?.key}\nsubscribed_branch: canary\n`,
    'inventory.yml': hosts(['lab-0', 'device-1', 'device-2']),
  })
  await repository.push()
  const second = await world.tick()
  assert.deepEqual(ordered(second), [devices[2]?.key])
  const rollout = (name = '') => name.split('/').slice(0, 5).join('/')
  assert.equal(
    rollout(second.orders[0]?.name),
    rollout(first.orders[0]?.name),
    'it joins the rollout that there is',
  )
})

test('a budget that is too small stops a tick before it writes', async (t) => {
  const world = await openWorld(t, { count: 2 })
  await begin(world, (policy) => policy.replace(wavesLine, 'budget: { devices: 1 }'))
  await assert.rejects(world.tick(), {
    reason: 'over-budget',
    message: /2 devices would change; budget\.devices allows 1/,
  })
  assert.equal((await world.lab.server.openDeployments()).length, 0)
})

test('a device that somebody else updates is left alone until that is over', async (t) => {
  const world = await openWorld(t, { count: 1, behaviours: ['success', 'never asks'] })
  await world.lab.server.upload(await world.lab.artifact('other'))
  await begin(world, (policy) => policy)
  const by = await world.lab.server.deploy({
    name: 'by hand',
    release: 'other',
    devices: [world.devices[1]?.key ?? ''],
  })
  const tick = await world.tick()
  assert.deepEqual([tick.state, ordered(tick), tick.withdrawn], ['waiting', [], []])
  assert.match(tick.waiting[0]?.why ?? '', /has an open order of other \(by hand\)/)
  await world.lab.server.withdraw(by.id)
  assert.equal(ordered(await world.tick()).length, 1)
})

test('nothing is ordered while a release that part of the stage needs is missing', async (t) => {
  const world = await openWorld(t, { count: 3 })
  await world.release('new')
  const about = `device_id: ${world.devices[2]?.key ?? ''}\nsubscribed_branch: canary\n`
  await world.repository.commit({ 'host_vars/device-2.yml': `${about}os_image: never-uploaded\n` })
  await world.repository.push()
  await assert.rejects(world.tick(), { reason: 'release-missing', message: /device-2 can't be updated/ })
  assert.deepEqual(await world.lab.server.openDeployments(), [])
})

test('a release that does not exist is a failure, and a stage with a blocked device is not done', async (t) => {
  const world = await openWorld(t, { count: 2 })
  await world.release('never-uploaded')
  await assert.rejects(world.tick(), {
    reason: 'release-missing',
    message: /canary: device-1 and 1 more device can't be updated: the server has no release never-uploaded/,
  })
  await world.repository.commit({
    'group_vars/all.yml': image('old'),
    'host_vars/device-2.yml': 'device_id: gone-away\nsubscribed_branch: canary\n',
  })
  await world.repository.push()
  const tick = await world.tick()
  assert.equal(tick.state, 'waiting')
  assert.match(tick.waiting[0]?.why ?? '', /is not on the server/)
})

test('a device that failed halts its stage also after it left the server', async (t) => {
  const world = await openWorld(t, { count: 3, behaviours: ['success', 'fails', 'fails', 'fails'] })
  await begin(world, (policy) => policy)
  const [failed = ''] = ordered(await world.tick())
  await settled(world.lab)
  assert.equal((await world.tick()).state, 'halted')
  await world.lab.server.retire(failed)
  const tick = await world.tick({}, 3 * 3_600_000)
  assert.deepEqual([tick.state, ordered(tick)], ['halted', []])
})

test('facts from the future open no gate', async (t) => {
  const world = await openWorld(t, { count: 2 })
  await begin(world, (policy) => policy)
  const tick = await world.tick({}, -2 * 3_600_000)
  assert.deepEqual([tick.state, ordered(tick)], ['waiting', []])
  assert.match(tick.waiting[0]?.why ?? '', /stage development has no device of type virtual with fresh facts/)
  assert.equal(ordered(await world.tick({}, -60_000)).length, 1, 'clocks differ by a little')
})
