// How many requests a tick costs: one for all orders' counts, and one or two for each order that has moved. A configuration
// that devices have by their own word costs none.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { openServer } from '../../src/ota/ota.ts'
import { schedule } from '../../src/plan/plan.ts'
import { type Clock, plainContext, systemClock } from '../../src/platform/platform.ts'
import { startCrowd } from '../../src/simulator/simulator.ts'
import type { Behaviour } from '../support/mender-device.ts'
import { allDevices, openLab, until } from '../support/mender-lab.ts'
import { recordingProxy } from '../support/recording-proxy.ts'
import { undo } from '../support/undo.ts'
import { makeRepository } from './fleet-repository.ts'
import { type World, hour, inLab, openWorld } from './world.ts'

const waves = ['20%', '40%', '60%', '80%', '100%']

test('a tick asks for each wave once, and for no failed device by itself', async (t) => {
  const count = 12
  const behaviours = ['success', ...Array.from({ length: count }, () => 'never asks')] as Behaviour[]
  const world = await openWorld(t, { count, behaviours })
  const { lab, repository, devices } = world
  await repository.git('checkout', '--quiet', 'canary')
  await repository.commit({
    'fleet.yml': `server: { type: mender, url: ${lab.url} }
stages:
  development: { branch: main }
  canary:
    branch: canary
    after: development
    review: none
    waves: [${waves.join(', ')}]
    gate: { soak: 0s, max-failures: 100%, min-success: 0%, facts-younger-than: 1000d }
    budget: { devices: 1000 }
`,
  })
  await repository.push()
  await world.release('new')
  await inLab(world, 'new')
  const requests: string[] = []
  const url = await recordingProxy(t, lab.url, ({ method, path }) => {
    const [place = '', query = ''] = path.split('?')
    const what = query.includes('name=') ? `${place}?name` : place
    requests.push(`${method} ${what.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id')}`)
  })
  const tick = async (later: number) => {
    requests.length = 0
    const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
    const fleet = await loadFleet(repository.folder)
    return schedule(fleet, 'canary', server, {}, plainContext({ clock: ahead(later) }))
  }
  for (const wave of waves.keys()) {
    const { orders, waiting } = await tick(wave * 60_000)
    assert.equal(orders.length, 1, `wave ${wave + 1}: ${JSON.stringify(waiting)}`)
    const isLast = wave === waves.length - 1
    for (const [index, id] of orders[0]?.devices.entries() ?? []) {
      const one = devices.find(({ key }) => key === id)
      if (one) one.behaviour = isLast ? 'hangs' : index === 0 ? 'success' : 'fails'
    }
    await reported(world, orders[0]?.devices ?? [], isLast)
  }
  const { counts } = await tick(hour)
  const each = Object.entries(Object.groupBy(requests, (one) => one)).map(
    ([what, all]) => `${all?.length} ${what}`,
  )
  t.diagnostic(`${requests.length} requests, ${JSON.stringify(counts)}: ${each.sort().join(', ')}`)
  const asked = (what: RegExp) => requests.filter((one) => what.test(one)).length
  assert.equal(asked(/devices\/list$/), waves.length)
  assert.equal(asked(/device_list$/), 0, 'every device of every order has asked')
  assert.equal(asked(/\?name$/), 1, 'all orders are found by one call')
  assert.equal(asked(/deployments\/devices\/:id$/), 0, 'whom another order took shows in the orders')
  assert.ok(requests.length - asked(/\/log$/) <= waves.length + 8, each.join('\n'))
})

test('a tick asks for no configuration by itself, however many there are', async (t) => {
  const count = 9
  const lab = await openLab(t)
  await lab.server.upload(await lab.artifact('os-1'))
  const crowd = startCrowd(
    {
      url: lab.url,
      deviceTypes: { virtual: count },
      release: 'os-1',
      attributes: {},
      faults: [],
      seed: 'unique',
      pollMs: 600_000,
      speed: 6000,
    },
    plainContext(),
  )
  undo(t, () => crowd.stop())
  const known = async () =>
    (await allDevices(lab.server)).filter(({ reportedAt }) => reportedAt !== undefined)
  await until(async () => (await known()).length === count)
  const ids = (await known()).map(({ id }) => id)
  const variables = (at: number, url = `https://${at}.example`) => `device_id: ${ids[at]}\nurl: ${url}\n`
  const repository = await makeRepository(t, {
    'inventory.yml': `all:\n  hosts:\n${ids.map((_, at) => `    kiosk-${at}:\n`).join('')}`,
    'group_vars/all.yml':
      'subscribed_branch: main\nos_image: os-1\nconfiguration: { template: kiosk.json }\n',
    'templates/kiosk.json': '{ "url": "{{ url }}" }\n',
    'fleet.yml': `server: { type: mender, url: ${lab.url} }
stages: { main: { branch: main, waves: [1 per device type, 100%], gate: { soak: 0s, max-failures: 0 } } }
`,
    ...Object.fromEntries(ids.map((_, at) => [`host_vars/kiosk-${at}.yml`, variables(at)])),
  })
  const requests: string[] = []
  const url = await recordingProxy(t, lab.url, ({ method, path }) => {
    const [place = '', query = ''] = path.split('?')
    const what = query.includes('name=') ? `${place}?name` : place
    requests.push(`${method} ${what.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id')}`)
  })
  const tick = async () => {
    requests.length = 0
    const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
    return await schedule(await loadFleet(repository.folder), 'main', server, {}, plainContext())
  }
  const asked = (what: RegExp) => requests.filter((one) => what.test(one)).length
  let state = ''
  for (let round = 0; round < 20 && state !== 'done'; round++) {
    const { orders, ...rest } = await tick()
    state = rest.state
    if (round === 0) assert.equal(orders.length, 1, 'the first wave')
    assert.ok(asked(/artifacts\?name$/) <= 2 * orders.length, 'before and after it is uploaded')
    await until(async () => (await lab.server.openDeployments()).length === 0)
    const now = new Date().toISOString()
    await until(async () => (await known()).every(({ reportedAt = '' }) => reportedAt > now))
  }
  assert.equal(state, 'done')
  await repository.commit({ 'host_vars/kiosk-3.yml': variables(3, 'https://other.example') })
  await repository.push()
  const { orders } = await tick()
  assert.deepEqual(
    orders.map(({ devices }) => devices),
    [[ids[3]]],
  )
  t.diagnostic(`${requests.length} requests for one of ${count} configurations`)
  assert.equal(asked(/devices\/list$/), 1, 'of the order that was just placed')
  assert.ok(asked(/\/deployments\?name$/) <= 4, 'all orders by one call, and this one by itself')
})

const ahead = (ms: number): Clock => ({ ...systemClock, now: () => new Date(Date.now() + ms) })

/** The devices have ended their order, or begun it where they hang, and reported since. */
async function reported({ lab }: World, ids: readonly string[], hangs: boolean): Promise<void> {
  await until(async () => {
    const open = (await lab.server.openDeployments()).flatMap(({ devices }) => [...devices.values()])
    return hangs
      ? open.length === ids.length && open.every((state) => state === 'installing')
      : open.length === 0
  })
  const at = new Date().toISOString()
  if (hangs) return
  await until(async () =>
    (await allDevices(lab.server)).every((one) => !ids.includes(one.id) || (one.reportedAt ?? '') > at),
  )
}
