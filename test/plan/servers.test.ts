// One fleet repository on two kinds of server: the embedded one, and a real hawkBit where it runs.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Fleet, loadFleet } from '../../src/fleet/fleet.ts'
import { type DeviceFacts, type OtaServer, gatherFacts, reportedConfiguration } from '../../src/ota/ota.ts'
import { makePlan, schedule } from '../../src/plan/plan.ts'
import { plainContext, systemClock } from '../../src/platform/platform.ts'
import { openTenant, skip } from '../ota/hawkbit-tenant.ts'
import type { ServerLab } from '../support/lab.ts'
import { openLab } from '../support/mender-lab.ts'
import { until } from '../support/until.ts'
import { type FleetRepository, makeRepository } from './fleet-repository.ts'

const hourMs = 3_600_000
const names = ['lab-0', 'canary-1', 'canary-2', 'shop-1', 'shop-2', 'shop-3']
const stages = ['development', 'canary', 'production'] as const
const branchOf = { development: 'main', canary: 'canary', production: 'production' } as const
const stageOf = (name: string) =>
  name.startsWith('lab') ? 'development' : name.startsWith('canary') ? 'canary' : 'production'

test(
  'one fleet repository gives the same plans, waves and orders on the embedded server and on hawkBit, and both get there',
  { skip },
  async (t) => {
    const mender = await openLab(t)
    const hawkbit = await openTenant(t)
    const ids = await sameDevices(mender, hawkbit)
    for (const name of ['old', 'new']) {
      const file = await mender.artifact(name)
      for (const lab of [mender, hawkbit]) await lab.server.upload(file)
    }
    const repository = await repositoryOf(t, ids)

    const onOld = await fleetAt(repository, 'development')
    for (const { server } of [mender, hawkbit])
      for (const stage of stages)
        assert.equal((await planOn(server, onOld, stage)).counts.updates, 0, 'it begins as Git says')

    await repository.git('checkout', '--quiet', '-b', 'update', 'main')
    await repository.commit({ 'group_vars/all.yml': image('new') })
    for (const stage of stages) await repository.merge('update', branchOf[stage])

    for (const stage of stages) {
      const fleet = await fleetAt(repository, stage)
      const [one, other] = [
        await planOn(mender.server, fleet, stage),
        await planOn(hawkbit.server, fleet, stage),
      ]
      assert.ok(one.counts.updates > 0)
      assert.deepEqual(
        { digest: other.digest, counts: other.counts, waves: other.waves, changes: other.changes },
        { digest: one.digest, counts: one.counts, waves: one.waves, changes: one.changes },
      )
      const [first, second] = await Promise.all(
        [mender, hawkbit].map(({ server }) => untilDone(server, fleet, stage)),
      )
      assert.deepEqual(second, first, `the same orders for ${stage}, in the same ticks`)
    }
    for (const { server } of [mender, hawkbit]) {
      const { devices } = await gatherFacts(server, plainContext())
      assert.deepEqual([...new Set(devices.map(({ release }) => release))], ['new'])
    }
  },
)

test('the same for configurations: shared ones, and those that one device has alone', { skip }, async (t) => {
  const mender = await openLab(t)
  const hawkbit = await openTenant(t)
  const ids = await sameDevices(mender, hawkbit, { release: 'new' })
  const file = await mender.artifact('new')
  for (const lab of [mender, hawkbit]) await lab.server.upload(file)
  const repository = await repositoryOf(t, ids)
  await repository.git('checkout', '--quiet', '-b', 'configure', 'main')
  await repository.commit({
    'group_vars/all.yml': `${image('new')}url: https://shop.example\nconfiguration: { template: kiosk.json }\n`,
    'templates/kiosk.json': '{ "url": "{{ url }}" }\n',
    'host_vars/canary-2.yml': `${hostOf('canary-2', ids)}url: https://own.example\n`,
  })
  const both = ['development', 'canary'] as const
  for (const stage of both) await repository.merge('configure', branchOf[stage])
  for (const stage of both) {
    const fleet = await fleetAt(repository, stage)
    const menderPlan = await planOn(mender.server, fleet, stage)
    const hawkbitPlan = await planOn(hawkbit.server, fleet, stage)
    assert.ok(menderPlan.counts.configures > 0)
    for (const part of ['digest', 'counts', 'waves', 'changes'] as const)
      assert.deepEqual(hawkbitPlan[part], menderPlan[part], part)
    const stories = await Promise.all([mender, hawkbit].map(({ server }) => untilDone(server, fleet, stage)))
    assert.deepEqual(stories[1], stories[0], `the same orders for ${stage}, in the same ticks`)
  }
  const [one, other] = await Promise.all([mender, hawkbit].map(configurationsOf))
  assert.deepEqual(other, one)
  const has = (name: string) => one?.get(ids.get(name) ?? '')
  assert.equal(has('lab-0'), has('canary-1'))
  assert.equal(new Set([undefined, has('lab-0'), has('canary-2')]).size, 3)
})

/** What each device reports to be configured with. */
async function configurationsOf({ server }: ServerLab) {
  const { devices } = await gatherFacts(server, plainContext())
  return new Map(devices.map((device) => [device.id, reportedConfiguration(device)] as const))
}

test('a retired device is removed from hawkBit, and its open order before', { skip }, async (t) => {
  const lab = await openTenant(t)
  await lab.server.upload(await lab.artifact('new'))
  const stays = await lab.device({ serial: 'stays', release: 'old' })
  const leaves = await lab.device({ serial: 'leaves', release: 'old', behaviour: 'never asks' })
  const leaving = (text: string) => `device_id: ${leaves.key}\n${text}`
  const repository = await makeRepository(t, {
    'inventory.yml': 'all:\n  hosts:\n    stays:\n    leaves:\n',
    'group_vars/all.yml': `subscribed_branch: main\n${image('new')}`,
    'fleet.yml': 'stages: { main: { branch: main, waves: [100%], budget: { retire: 1 } } }\n',
    'host_vars/stays.yml': `device_id: ${stays.key}\n`,
    'host_vars/leaves.yml': leaving(''),
  })
  const tick = async () =>
    await schedule(await loadFleet(repository.folder), 'main', lab.server, {}, plainContext())
  const [order] = (await tick()).orders
  assert.deepEqual(order?.devices.toSorted(), [stays.key, leaves.key].toSorted())

  await repository.commit({ 'host_vars/leaves.yml': leaving('state: retired\n') })
  await repository.push()
  await leaves.stop()
  const removed = await tick()
  assert.deepEqual([removed.withdrawn, removed.retired], [[order?.name], [leaves.key]])
  await assert.rejects(lab.server.device(leaves.key), { reason: 'device-missing' })
  await until('the other is there', async () => (await tick()).state === 'done', 60_000)
  const { retired, counts } = await tick()
  assert.deepEqual([retired, counts?.alreadyRetired, counts?.alreadyThere], [[], 1, 1])
})

/** Devices with the same ids on both servers, all on one release; returns the ids by name. */
async function sameDevices(
  mender: ServerLab,
  hawkbit: Awaited<ReturnType<typeof openTenant>>,
  { release = 'old' } = {},
): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>()
  for (const name of names) {
    const { key } = await mender.device({ serial: name, release })
    // Mender's server makes the ids, hawkBit takes any
    await hawkbit.device({ serial: key, release })
    ids.set(name, key)
  }
  return ids
}

const image = (release: string) => `os_image:\n  - device_type: virtual\n    image_name: ${release}\n`

async function repositoryOf(t: TestContext, ids: ReadonlyMap<string, string>): Promise<FleetRepository> {
  const repository = await makeRepository(t, {
    'inventory.yml': `all:\n  hosts:\n${names.map((name) => `    ${name}:\n`).join('')}`,
    'group_vars/all.yml': image('old'),
    'fleet.yml': `stages:
  development: { branch: main, waves: [100%] }
  canary:
    branch: canary
    after: development
    review: none
    waves: [1 per device type, 100%]
    gate: { soak: 1h, max-failures: 0 }
  production:
    branch: production
    after: canary
    review: none
    waves: [25%, 60%, 100%]
    gate: { soak: 2h, max-failures: 25%, min-success: 75% }
`,
    ...Object.fromEntries(names.map((name) => [`host_vars/${name}.yml`, hostOf(name, ids)])),
  })
  for (const stage of stages.slice(1)) await repository.git('branch', branchOf[stage])
  await repository.push()
  return repository
}

const hostOf = (name: string, ids: ReadonlyMap<string, string>) =>
  `device_id: ${ids.get(name)}\nsubscribed_branch: ${branchOf[stageOf(name)]}\n`

async function fleetAt(repository: FleetRepository, stage: (typeof stages)[number]): Promise<Fleet> {
  await repository.git('checkout', '--quiet', branchOf[stage])
  return await loadFleet(repository.folder)
}

async function planOn(server: OtaServer, fleet: Fleet, stage: string) {
  return makePlan(fleet, stage, await gatherFacts(server, plainContext()), new Date(planTime))
}
const planTime = Date.now()

/** Ticks, each three hours after the one before and when all orders are done; what each ordered, wave by wave. */
async function untilDone(server: OtaServer, fleet: Fleet, stage: string) {
  const story: { wave: number; devices: readonly string[] }[][] = []
  for (let laterMs = 0; laterMs <= 8 * 3 * hourMs; laterMs += 3 * hourMs) {
    const clock = { ...systemClock, now: () => new Date(Date.now() + laterMs) }
    const tick = await schedule(fleet, stage, server, {}, plainContext({ clock }))
    story.push(tick.orders.map(({ wave, devices }) => ({ wave, devices })))
    if (tick.state === 'done') return story
    const wanted = new Map(fleet.devices.map(({ id, configuration }) => [id, configuration?.fingerprint]))
    const isWanted = (device: DeviceFacts) =>
      wanted.get(device.id) === undefined || reportedConfiguration(device) === wanted.get(device.id)
    const areThere = async () => {
      if ((await server.openDeployments()).length > 0) return false
      const { devices } = await gatherFacts(server, plainContext())
      const ordered = new Set(story.flat().flatMap((order) => order.devices))
      return devices.every(
        (device) => !ordered.has(device.id) || (device.release === 'new' && isWanted(device)),
      )
    }
    await until(`the orders of ${stage} end, and the devices say so`, areThere, 60_000)
  }
  throw new Error(`${stage} is not done: ${JSON.stringify(story)}`)
}
