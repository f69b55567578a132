import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import {
  type Deployment,
  type DeploymentDevice,
  type Lab,
  acceptedDevice,
  moduleArtifact,
  startLab,
} from './lab.ts'

const skip = needs('mender-artifact')
const provides = { artifact_name: 'old', device_type: 'testdev' }

async function upload(lab: Lab, name: string, options?: Parameters<typeof moduleArtifact>[2]): Promise<void> {
  const reply = await lab.upload(await moduleArtifact(lab.folder, name, options))
  assert.equal(reply.status, 201, await reply.text())
}

async function order(lab: Lab, name: string, release: string, devices: string[]): Promise<string> {
  const reply = await lab.call('POST', 'v1/deployments/deployments', {
    name,
    artifact_name: release,
    devices,
    retries: 1, // a field of the commercial server: ignored
  })
  assert.equal(reply.status, 201, await reply.text())
  const id = /^\/api\/management\/v1\/deployments\/deployments\/(.+)$/.exec(
    reply.headers.get('location') ?? '',
  )?.[1]
  assert.ok(id)
  return id
}

const read = (lab: Lab, id: string) => lab.expect<Deployment>(200, 'GET', `v1/deployments/deployments/${id}`)
const devicesOf = (lab: Lab, id: string, query = '') =>
  lab.expect<DeploymentDevice[]>(200, 'GET', `v1/deployments/deployments/${id}/devices/list${query}`)

test('a deployment goes from pending over inprogress to finished with its device', { skip }, async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await upload(lab, 'release-1')
  const id = await order(lab, 'first', 'release-1', [device.id])
  const fresh = await read(lab, id)
  assert.deepEqual([fresh.status, fresh.device_count, fresh.max_devices], ['pending', 0, 1])
  assert.deepEqual(await devicesOf(lab, id), [], 'a device is listed from its first poll on')
  assert.deepEqual(await lab.expect(200, 'GET', `v1/deployments/deployments/${id}/device_list`), [device.id])

  const { status, offer } = await device.next(provides)
  assert.equal(status, 200)
  assert.equal(offer?.id, id)
  assert.equal(offer.artifact.artifact_name, 'release-1')
  assert.deepEqual(offer.artifact.device_types_compatible, ['testdev'])
  assert.ok(Date.parse(offer.artifact.source.expire) > Date.now() + 23 * 3600 * 1000)
  assert.equal((await read(lab, id)).status, 'pending')

  for (const [status, substate] of [
    ['downloading'],
    ['downloading'],
    ['installing', 'Executing script: ArtifactInstall_Enter_00'],
    ['rebooting'],
    ['installing'],
  ] as const)
    assert.equal(await device.status(id, status, substate), 204)
  assert.equal((await read(lab, id)).status, 'inprogress')
  assert.deepEqual(
    (await devicesOf(lab, id, '?status=active')).map((entry) => entry.status),
    ['installing'],
  )
  assert.equal(await device.status(id, 'success'), 204)
  const done = await read(lab, id)
  assert.equal(done.status, 'finished')
  assert.ok(done.finished)
  assert.equal(done.statistics.status['success'], 1)
  assert.equal((await device.next({ ...provides, artifact_name: 'release-1' })).status, 204)
})

test('a repeated status changes nothing, and what has ended stays ended', { skip }, async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await upload(lab, 'release-1')
  const id = await order(lab, 'first', 'release-1', [device.id])
  await device.next(provides)
  await device.status(id, 'success')
  const [before] = await devicesOf(lab, id)
  for (let i = 0; i < 3; i++) assert.equal(await device.status(id, 'success'), 204)
  assert.deepEqual((await devicesOf(lab, id))[0], before)
  assert.equal(await device.status(id, 'downloading'), 409, 'a late duplicate brings nothing back')
  assert.equal(await device.status(id, 'failure'), 409)
  assert.deepEqual((await devicesOf(lab, id))[0], before)
  for (const wrong of ['aborted', 'decommissioned', 'noartifact', 'nonsense', ''])
    assert.equal(await device.status(id, wrong), 400, wrong)
  assert.equal(await device.status('0e5c5cd4-0000-4000-8000-000000000000', 'success'), 404)
})

test('an aborted deployment is 409 for ever, and keeps the log that comes after', { skip }, async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await upload(lab, 'release-1')
  const id = await order(lab, 'first', 'release-1', [device.id])
  await device.next(provides)
  await device.status(id, 'downloading')
  await lab.expect(204, 'PUT', `v1/deployments/deployments/${id}/status`, { status: 'aborted' })
  await lab.expect(422, 'PUT', `v1/deployments/deployments/${id}/status`, { status: 'aborted' })
  for (const status of ['installing', 'failure', 'success', 'downloading'])
    assert.equal(await device.status(id, status), 409, status)
  const log = {
    messages: [{ timestamp: '2026-01-01T00:00:00Z', level: 'error', message: 'went back\nwhole' }],
  }
  const reply = await device.call('PUT', `v1/deployments/device/deployments/${id}/log`, log)
  assert.equal(reply.status, 204)
  const { statistics, status } = await read(lab, id)
  assert.deepEqual([status, statistics.status['aborted']], ['finished', 1])
  const text = await lab.expect(200, 'GET', `v1/deployments/deployments/${id}/devices/${device.id}/log`)
  assert.equal(text, '2026-01-01T00:00:00Z error: went back\nwhole\n')
  assert.equal((await device.next(provides)).status, 204)
})

test('a device gets its oldest open order, and none from before its last ended one', { skip }, async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  for (const name of ['release-1', 'release-2', 'release-3']) await upload(lab, name)
  const first = await order(lab, 'first', 'release-1', [device.id])
  const second = await order(lab, 'second', 'release-2', [device.id])
  const third = await order(lab, 'third', 'release-3', [device.id])
  assert.equal((await device.next(provides)).offer?.id, first)
  assert.equal((await device.next(provides)).offer?.id, first, 'the same until it ends')
  await device.status(first, 'success')
  assert.equal((await device.next(provides)).offer?.id, second)
  await device.status(third, 'failure')
  assert.equal((await device.next(provides)).status, 204, 'the second was ordered before the third ended')
  assert.equal((await read(lab, second)).status, 'pending')

  await lab.expect(204, 'DELETE', `v1/deployments/deployments/devices/${device.id}/history`)
  assert.equal((await device.next(provides)).offer?.id, second, 'without its history it may again')
})

test('aborting for one device ends all of its open orders and nobody else’s', { skip }, async (t) => {
  const lab = await startLab(t)
  const [one, two] = [await acceptedDevice(lab, 'one'), await acceptedDevice(lab, 'two')]
  await upload(lab, 'release-1')
  const id = await order(lab, 'first', 'release-1', [one.id, two.id])
  await one.next(provides)
  await lab.expect(204, 'DELETE', `v1/deployments/deployments/devices/${one.id}`)
  assert.equal(await one.status(id, 'installing'), 409)
  assert.equal((await two.next(provides)).offer?.id, id)
  assert.equal(await two.status(id, 'installing'), 204)
  assert.equal((await read(lab, id)).status, 'inprogress')
  assert.equal(await two.status(id, 'success'), 204)
  const { status, statistics } = await read(lab, id)
  assert.deepEqual([status, statistics.status['success'], statistics.status['aborted']], ['finished', 1, 1])
  const history = await lab.expect<{ device: DeploymentDevice }[]>(
    200,
    'GET',
    `v1/deployments/deployments/devices/${one.id}`,
  )
  assert.deepEqual(
    history.map((entry) => entry.device.status),
    ['aborted'],
  )
})

test(
  'a device that runs the release already, or that no artifact fits, ends without an offer',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const [one, two, three] = [
      await acceptedDevice(lab, 'one'),
      await acceptedDevice(lab, 'two'),
      await acceptedDevice(lab, 'three'),
    ]
    await upload(lab, 'release-1', { extra: ['--depends', 'region:north'] })
    const id = await order(lab, 'first', 'release-1', [one.id, two.id, three.id])
    assert.equal((await one.next({ ...provides, artifact_name: 'release-1' })).status, 204)
    assert.equal((await two.next({ ...provides, device_type: 'other' })).status, 204)
    assert.equal((await three.next(provides)).status, 204, 'what the artifact depends on is missing')
    const { status, statistics } = await read(lab, id)
    assert.equal(status, 'finished')
    assert.equal(statistics.status['already-installed'], 1)
    assert.equal(statistics.status['noartifact'], 2)
  },
)

test('each device type of a release gets its own artifact', { skip }, async (t) => {
  const lab = await startLab(t)
  const [one, two] = [await acceptedDevice(lab, 'one'), await acceptedDevice(lab, 'two')]
  await upload(lab, 'release-1', { deviceTypes: ['board-a'] })
  const id = await order(lab, 'first', 'release-1', [one.id, two.id])
  await upload(lab, 'release-1', { deviceTypes: ['board-b'], content: 'for b' }) // joins the deployment
  const a = await one.next({ artifact_name: 'old', device_type: 'board-a' })
  const b = await two.next({ artifact_name: 'old', device_type: 'board-b' })
  assert.deepEqual(a.offer?.artifact.device_types_compatible, ['board-a'])
  assert.deepEqual(b.offer?.artifact.device_types_compatible, ['board-b'])
  assert.equal(b.offer?.id, id)
})

test('a device that is another one in the middle of its update has failed', { skip }, async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await upload(lab, 'release-1')
  const id = await order(lab, 'first', 'release-1', [device.id])
  await device.next(provides)
  assert.equal((await device.next({ ...provides, artifact_name: 'third' })).status, 409)
  assert.equal((await devicesOf(lab, id))[0]?.status, 'failure')
})

test(
  'the client’s older way to ask works too, and its newest is 404 so that it falls back',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const device = await acceptedDevice(lab, 'one')
    await upload(lab, 'release-1')
    const id = await order(lab, 'first', 'release-1', [device.id])
    const newest = await device.call('POST', 'v2/deployments/device/deployments/next', {
      device_provides: provides,
      update_control_map: true,
    })
    assert.equal(newest.status, 404)
    assert.equal(typeof ((await newest.json()) as { error: unknown }).error, 'string')
    const oldest = await device.call(
      'GET',
      'v1/deployments/device/deployments/next?artifact_name=old&device_type=testdev',
    )
    assert.equal(oldest.status, 200)
    assert.equal(((await oldest.json()) as { id: string }).id, id)
    const incomplete = await device.call('GET', 'v1/deployments/device/deployments/next?artifact_name=old')
    assert.equal(incomplete.status, 400)
  },
)

test(
  'an order is checked before anything is stored, and the same order is one while it is open',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const device = await acceptedDevice(lab, 'one')
    await upload(lab, 'release-1')
    const good = { name: 'first', artifact_name: 'release-1', devices: [device.id] }
    for (const wrong of [
      {},
      { ...good, name: '' },
      { ...good, devices: [] },
      { ...good, all_devices: true },
      { ...good, devices: 'all' },
    ])
      await lab.expect(400, 'POST', 'v1/deployments/deployments', wrong)
    await lab.expect(422, 'POST', 'v1/deployments/deployments', { ...good, artifact_name: 'release-9' })
    await lab.expect(400, 'POST', 'v1/deployments/deployments/group/nobody', {
      name: 'first',
      artifact_name: 'release-1',
    })
    assert.deepEqual(await lab.expect(200, 'GET', 'v2/deployments/deployments'), [])

    await lab.expect(201, 'POST', 'v1/deployments/deployments', good)
    await lab.expect(409, 'POST', 'v1/deployments/deployments', good)
    await lab.expect(201, 'POST', 'v1/deployments/deployments', { ...good, name: 'second' })
    await lab.expect(204, 'DELETE', `v1/deployments/deployments/devices/${device.id}`)
    await lab.expect(201, 'POST', 'v1/deployments/deployments', good)
  },
)

test('a group and all devices mean the accepted ones at the time of the order', { skip }, async (t) => {
  const lab = await startLab(t)
  const [one, two] = [await acceptedDevice(lab, 'one'), await acceptedDevice(lab, 'two')]
  await lab.expect(204, 'PUT', `v1/inventory/devices/${two.id}/group`, { group: 'prod' })
  await upload(lab, 'release-1')
  const body = { name: 'first', artifact_name: 'release-1' }
  await lab.expect(201, 'POST', 'v1/deployments/deployments', { ...body, all_devices: true })
  await lab.expect(201, 'POST', 'v1/deployments/deployments/group/prod', body)
  await acceptedDevice(lab, 'three')
  const [grouped, all] = await lab.expect<(Deployment & { groups: string[] })[]>(
    200,
    'GET',
    'v2/deployments/deployments',
  )
  assert.deepEqual([all?.max_devices, grouped?.max_devices, grouped?.groups], [2, 1, ['prod']])
  const targets = await lab.expect<string[]>(200, 'GET', `v1/deployments/deployments/${all?.id}/device_list`)
  assert.deepEqual(targets.sort(), [one.id, two.id].sort())
})

test(
  'deployments are found by name, id and status, in pages, and counted many at once',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const device = await acceptedDevice(lab, 'one')
    await upload(lab, 'release-1')
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push(await order(lab, `order ${i}`, 'release-1', [device.id]))
    await device.next(provides)
    await device.status(ids[0] ?? '', 'success')
    const names = async (query: string) =>
      (await lab.expect<Deployment[]>(200, 'GET', `v2/deployments/deployments?${query}`)).map(
        ({ name }) => name,
      )
    assert.deepEqual(await names('name=order%201&name=order%203'), ['order 3', 'order 1'])
    assert.deepEqual(await names('name=order'), [], 'names are exact')
    assert.deepEqual(await names(`id=${ids[2]}`), ['order 2'])
    assert.deepEqual(await names('status=finished'), ['order 0'])
    assert.equal((await names('status=pending')).length, 4)
    assert.deepEqual(await names('sort=asc&per_page=2&page=2'), ['order 2', 'order 3'])
    assert.deepEqual(await names('created_after=4000000000'), [])
    await lab.expect(400, 'GET', 'v2/deployments/deployments?status=nonsense')
    const counts = await lab.expect<{ id: string; stats: Record<string, number> }[]>(
      200,
      'POST',
      'v1/deployments/deployments/statistics/list',
      { deployment_ids: ids },
    )
    assert.deepEqual(
      counts.map(({ id }) => id),
      ids,
    )
    assert.equal(counts[0]?.stats['success'], 1)
    assert.equal(counts[1]?.stats['pending'], 1, 'one that has not asked is pending')
    const list = 'v1/deployments/deployments/statistics/list'
    const unknown = '00000000-0000-4000-8000-000000000000'
    const some = await lab.expect<unknown[]>(200, 'POST', list, { deployment_ids: [unknown, ...ids] })
    assert.equal(some.length, ids.length)
    await lab.expect(404, 'POST', list, { deployment_ids: [unknown] })
    await lab.expect(400, 'POST', list, { deployment_ids: Array.from({ length: 101 }, () => unknown) })
  },
)

test(
  'a decommissioned device ends its orders, so that a deployment can end without it',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const device = await acceptedDevice(lab, 'one')
    await upload(lab, 'release-1')
    const id = await order(lab, 'first', 'release-1', [device.id])
    await device.next(provides)
    await lab.expect(204, 'DELETE', `v2/devauth/devices/${device.id}`)
    const { status, statistics } = await read(lab, id)
    assert.deepEqual([status, statistics.status['decommissioned']], ['finished', 1])
  },
)

test('the server tells a person what happened, and requests only when debugging', { skip }, async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await upload(lab, 'release-1')
  const id = await order(lab, 'first', 'release-1', [device.id])
  const { offer } = await device.next(provides)
  await (await fetch(offer?.artifact.source.uri ?? '')).arrayBuffer()
  await device.status(id, 'installing')
  await device.status(id, 'installing')
  await device.status(id, 'success')
  const info = lab.told.filter((line) => line.startsWith('info:')).map((line) => line.replaceAll(id, 'ID'))
  assert.deepEqual(info, [
    `info: device ${device.id} (serial one) asked to be accepted`,
    `info: device ${device.id} (serial one) accepted`,
    'info: artifact release-1 for testdev: stored, 6144 bytes'.replace(
      '6144',
      /(\d+) bytes/.exec(info[2] ?? '')?.[1] ?? '',
    ),
    'info: deployment first (ID): release-1 to 1 device',
    `info: device ${device.id}: deployment first (ID): took it`,
    `info: device ${device.id}: deployment first (ID): installing`,
    `info: device ${device.id}: deployment first (ID): success`,
  ])
  const all = lab.told.join('\n')
  assert.match(all, /debug: GET \/api\/devices\/v1\/deployments\/download\/artifacts\/[\w-]+ 200/)
  assert.ok(!all.includes('x-men-signature'), 'a link is a secret')
  assert.ok(!all.includes(lab.server.token))
})
