import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { gatherFacts } from '../../src/ota/ota.ts'
import { type ScheduleOptions, makePlan, schedule } from '../../src/plan/plan.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { runGit } from './fleet-repository.ts'
import { image, inLab, openWorld, ordered, stages } from './world.ts'

test('a review is required where the stage asks for one, and must be of the same plan', async (t) => {
  const world = await openWorld(t, { count: 1 })
  await world.repository.git('checkout', '--quiet', 'canary')
  await world.repository.commit({
    'fleet.yml': stages(world.lab).replace('review: none', 'review: required'),
  })
  await world.release('new')
  await inLab(world, 'new')
  const reason = async (options: ScheduleOptions) => {
    try {
      return (await world.tick(options)).state
    } catch (error) {
      return error instanceof Failure ? error.reason : String(error)
    }
  }
  assert.equal(await reason({}), 'not-reviewed')
  const facts = await gatherFacts(world.lab.server, plainContext())
  const plan = makePlan(await loadFleet(world.repository.folder), 'canary', facts, new Date())
  const other = `sha256:${'0'.repeat(64)}` as const
  assert.equal(await reason({ review: { digestFor: async () => other } }), 'plan-changed')
  assert.equal(await reason({ review: { plan: { ...plan, digest: other } } }), 'plan-changed')
  assert.equal(await reason({ review: { plan: { ...plan, changes: [] } } }), 'plan-changed')
  assert.equal((await world.lab.server.openDeployments()).length, 0, 'nothing was written')
  assert.equal(await reason({ review: { plan }, isDryRun: true }), 'in-progress')
  assert.equal((await world.lab.server.openDeployments()).length, 0, 'a dry run writes nothing')
  assert.equal(await reason({ review: { digestFor: async () => plan.digest } }), 'in-progress')
})

test('a lab device that a run holds gets no order, also where it was taken a moment ago', async (t) => {
  const world = await openWorld(t, { count: 1 })
  const { lab, devices } = world
  await world.release('new')
  await inLab(world, 'new')
  const id = devices[1]?.key ?? ''
  await lab.operate('PUT', `/v1/inventory/devices/${id}/group`, { group: 'lab' })
  const lease = () => ({ id: 'a', holder: 'run 7', until: new Date(Date.now() + 60_000).toISOString() })
  const fleet = await loadFleet(world.repository.folder)
  const server = {
    ...lab.server,
    findDeployments: async (names: readonly string[]) => {
      await lab.server.takeLease(id, lease())
      return await lab.server.findDeployments(names)
    },
  }
  for (const tick of [await schedule(fleet, 'canary', server), await world.tick()]) {
    assert.equal(tick.state, 'waiting')
    assert.deepEqual(ordered(tick), [])
    assert.match(tick.waiting[0]?.why ?? '', /leased to run 7/)
    assert.ok((tick.waiting[0]?.nextDue ?? 0) > new Date())
  }
  assert.deepEqual(await lab.server.openDeployments(), [])
  await lab.server.returnLease(id, 'a')
  assert.deepEqual(ordered(await world.tick()), [id])
})

test('what a tick can not trust is refused before anything is written', async (t) => {
  const world = await openWorld(t, { count: 1 })
  await world.release('new')
  await inLab(world, 'new')
  const { repository } = world
  await writeFile(join(repository.folder, 'group_vars/all.yml'), image('old'))
  await assert.rejects(world.tick(), {
    reason: 'bad-input',
    message: /not committed \(group_vars\/all\.yml\)/,
  })
  await repository.git('checkout', '--quiet', '.')
  // what Git ignores is read all the same
  const ignored = join(repository.folder, 'host_vars/device-1')
  await writeFile(ignored, 'device_id: another\nsubscribed_branch: canary\n')
  await writeFile(`${ignored}.yml~`, 'of an editor\n')
  await writeFile(join(repository.folder, '.git/info/exclude'), 'host_vars/device-1\n*~\n')
  await assert.rejects(world.tick(), {
    reason: 'bad-input',
    message: /not committed \(host_vars\/device-1\)/,
  })
  await rm(ignored)

  const shallow = `${repository.folder}-shallow`
  await runGit(repository.folder, [
    'clone',
    '--quiet',
    '--depth=1',
    '--branch=canary',
    `file://${repository.remote}`,
    shallow,
  ])
  await assert.rejects(schedule(await loadFleet(shallow), 'canary', world.lab.server), {
    reason: 'shallow-clone',
  })
  await assert.rejects(schedule(await loadFleet(repository.folder), 'nowhere', world.lab.server), {
    reason: 'not-a-stage',
    message: /the fleet has development, canary/,
  })
  await rm(repository.remote, { recursive: true })
  await assert.rejects(world.tick(), { reason: 'unreachable' })
  assert.equal((await world.lab.server.openDeployments()).length, 0)
})

test('no file that a fleet can be read from passes where it is not committed', async (t) => {
  const world = await openWorld(t, { count: 1 })
  const { folder } = world.repository
  await world.release('old')
  const fleet = await loadFleet(folder)
  await writeFile(join(folder, '.git/info/exclude'), '*~\n.cache\nhosts/\ninventory.ini\n')
  for (const [file, named = file] of [
    ['inventory.ini'],
    ['inventory'],
    ['inventory.json'],
    ['hosts'],
    ['hosts.yaml'],
    ['hosts/static', 'hosts/'],
    ['group_vars/canary/os.yml'],
    ['templates/kiosk.json'],
  ] as const) {
    const path = join(folder, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, '')
    await assert.rejects(schedule(fleet, 'canary', world.lab.server), {
      reason: 'bad-input',
      message: new RegExp(`not committed \\(${named}\\)`),
    })
    await rm(named === file ? path : dirname(path), { recursive: true })
  }
  for (const file of ['group_vars/all.yml~', 'group_vars/.cache', 'report.html'])
    await writeFile(join(folder, file), '')
  assert.equal((await schedule(fleet, 'canary', world.lab.server)).state, 'done')
})

test('a stage of which the server knows no device is a failure, not a success', async (t) => {
  const world = await openWorld(t, { count: 1 })
  await world.repository.git('checkout', '--quiet', 'canary')
  await world.repository.commit({ 'host_vars/device-1.yml': 'device_id: ghost\nsubscribed_branch: canary\n' })
  await world.repository.push()
  await assert.rejects(world.tick(), { reason: 'no-device-matched', message: /device-1 \(ghost\)/ })
})

test('a tick on a commit that is not the tip is superseded and writes nothing', async (t) => {
  const world = await openWorld(t, { count: 1 })
  await world.release('new')
  await inLab(world, 'new')
  const old = (await world.repository.git('rev-parse', 'HEAD')).trim()
  await world.repository.commit({ 'README.md': 'newer' })
  await world.repository.push()
  await world.repository.git('checkout', '--quiet', old)
  const tick = await world.tick()
  assert.deepEqual([tick.state, ordered(tick)], ['superseded', []])
  assert.equal((await world.lab.server.openDeployments()).length, 0)
})
