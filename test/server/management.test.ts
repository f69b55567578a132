import assert from 'node:assert/strict'
import { request as openRequest } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { type AuthDevice, type Facts, acceptAll, acceptedDevice, fakeDevice, startLab } from './lab.ts'

test('what a device reports replaces what it reported before, and is found in every scope', async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await device.inventory({ device_type: 'testdev', gone: 'soon', address: ['10.0.0.1', '10.0.0.2'] })
  const before = await lab.expect<Facts>(200, 'GET', `v1/inventory/devices/${device.id}`)
  assert.equal((await device.inventory({ device_type: 'testdev', memory: '512' })).status, 200)
  const facts = await lab.expect<Facts>(200, 'GET', `v1/inventory/devices/${device.id}`)
  assert.ok(facts.updated_ts >= before.updated_ts)
  const by = (scope: string) =>
    Object.fromEntries(
      facts.attributes.filter((a) => a.scope === scope).map(({ name, value }) => [name, value]),
    )
  assert.deepEqual(by('inventory'), { device_type: 'testdev', memory: '512' })
  assert.deepEqual(by('identity'), { serial: 'one', status: 'accepted' })
  const patch = await device.call('PATCH', 'v1/inventory/device/attributes', [{ name: 'more', value: '1' }])
  assert.equal(patch.status, 200)
  const after = await lab.expect<Facts>(200, 'GET', `v1/inventory/devices/${device.id}`)
  assert.equal(after.attributes.filter(({ scope }) => scope === 'inventory').length, 3)
})

test('a device can’t pretend another status or group by what it reports', async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await device.call('PUT', 'v1/inventory/device/attributes', [
    { name: 'status', value: 'rejected', scope: 'identity' },
    { name: 'group', value: 'prod', scope: 'system' },
  ])
  const { attributes } = await lab.expect<Facts>(200, 'GET', `v1/inventory/devices/${device.id}`)
  assert.ok(
    attributes.some(
      ({ scope, name, value }) => scope === 'identity' && name === 'status' && value === 'accepted',
    ),
  )
  assert.ok(!attributes.some(({ scope, name }) => scope === 'system' && name === 'group'))
})

test('the search understands its operators in all scopes', async (t) => {
  const lab = await startLab(t)
  const ids: Record<string, string> = {}
  for (const [serial, facts] of Object.entries({
    a: { model: 'pi4', memory: '4', address: ['10.0.0.1', '10.0.0.2'] },
    b: { model: 'pi5', memory: '8' },
    c: { model: 'beagle' },
  })) {
    const device = await acceptedDevice(lab, serial)
    await device.inventory(facts)
    ids[serial] = device.id
  }
  const waiting = fakeDevice(lab.server.url, 'd')
  await waiting.authenticate()
  await lab.expect(204, 'PUT', `v1/inventory/devices/${ids['a']}/group`, { group: 'prod' })
  await lab.expect(200, 'PUT', `v1/inventory/devices/${ids['b']}/tags`, [{ name: 'site', value: 'north' }])

  const find = async (scope: string, attribute: string, type: string, value: unknown) => {
    const body = {
      filters: [{ scope, attribute, type, value }],
      sort: [{ scope: 'identity', attribute: 'serial' }],
    }
    const found = await lab.expect<Facts[]>(200, 'POST', 'v2/inventory/filters/search', body)
    return found.map(({ attributes }) => attributes.find(({ name }) => name === 'serial')?.value).join('')
  }
  for (const [scope, attribute, type, value, expected] of [
    ['inventory', 'model', '$eq', 'pi4', 'a'],
    ['inventory', 'model', '$ne', 'pi4', 'bcd'],
    ['inventory', 'model', '$in', ['pi4', 'beagle'], 'ac'],
    ['inventory', 'model', '$nin', ['pi4', 'beagle'], 'bd'],
    ['inventory', 'model', '$exists', true, 'abc'],
    ['inventory', 'memory', '$exists', false, 'cd'],
    ['inventory', 'model', '$regex', 'pi', 'ab'],
    ['inventory', 'model', '$regex', 'i', ''],
    ['inventory', 'model', '$regex', '/PI.$/i', 'ab'],
    ['inventory', 'address', '$eq', '10.0.0.2', 'a'],
    ['inventory', 'model', '$gte', 'pi4', 'ab'],
    ['inventory', 'model', '$lt', 'pi4', 'c'],
    ['inventory', 'model', '$gt', 4, ''],
    ['identity', 'status', '$eq', 'accepted', 'abc'],
    ['identity', 'status', '$eq', 'pending', 'd'],
    ['system', 'group', '$eq', 'prod', 'a'],
    ['tags', 'site', '$eq', 'north', 'b'],
    ['inventory', "model' OR 1=1 --", '$eq', 'x', ''],
  ] as const)
    assert.equal(
      await find(scope, attribute, type, value),
      expected,
      `${scope}/${attribute} ${type} ${String(value)}`,
    )
  for (const [type, value] of [
    ['$eq', null],
    ['$regex', '('],
    ['$exists', 'yes'],
    ['$nonsense', 'x'],
  ])
    await lab.expect(400, 'POST', 'v2/inventory/filters/search', {
      filters: [{ scope: 'inventory', attribute: 'model', type, value }],
    })
  const [chosen] = await lab.expect<Facts[]>(200, 'POST', 'v2/inventory/filters/search', {
    device_ids: [ids['a']],
    attributes: [{ scope: 'inventory', attribute: 'model' }],
  })
  assert.deepEqual(
    chosen?.attributes.map(({ name }) => name),
    ['model'],
  )
  const old = await lab.expect<Facts[]>(200, 'GET', 'v1/inventory/devices?model=pi5&identity/status=accepted')
  assert.deepEqual(
    old.map(({ id }) => id),
    [ids['b']],
  )
})

test('a list comes in pages that cover it once, with its total and links to the others', async (t) => {
  const lab = await startLab(t)
  for (let i = 0; i < 7; i++) await fakeDevice(lab.server.url, `device-${i}`).authenticate()
  const seen: string[] = []
  let next: string | undefined = '/api/management/v2/devauth/devices?per_page=3&status=pending'
  while (next !== undefined) {
    const reply: Response = await lab.call('GET', next.replace('/api/management/', ''))
    assert.equal(reply.headers.get('x-total-count'), '7')
    seen.push(...((await reply.json()) as AuthDevice[]).map(({ id }) => id))
    const links = reply.headers.get('link') ?? ''
    assert.match(links, /rel="first"/)
    next = /<([^>]+)>; rel="next"/.exec(links)?.[1]
  }
  assert.equal(new Set(seen).size, 7)
  assert.equal(seen.length, 7)
  for (const [path, status] of [
    ['v2/devauth/devices?per_page=500', 200],
    ['v2/devauth/devices?per_page=501', 400],
    ['v2/devauth/devices?per_page=0', 400],
    ['v2/devauth/devices?page=0', 400],
    ['v2/devauth/devices?page=x', 400],
    ['v2/devauth/devices?page=99', 200],
    ['v2/deployments/artifacts?per_page=501', 400],
    ['v1/deployments/artifacts/list?per_page=501', 200],
    ['v1/deployments/deployments/devices/x?per_page=21', 400],
  ] as const)
    await lab.expect(status, 'GET', path)
  const links = await new Promise<unknown>((resolve, reject) => {
    const url = `${lab.server.url}/api/management/v2/devauth/devices?per_page=2&page=2`
    const headers = { authorization: `Bearer ${lab.server.token}` }
    openRequest(url, { headers }, (reply) => {
      reply.resume()
      const { rawHeaders } = reply
      resolve(rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === 'link' && i % 2 === 1))
    })
      .on('error', reject)
      .end()
  })
  assert.equal((links as string[]).length, 4, 'each relation is a line of its own')
})

test('devices are counted, searched by id and status, and have a status for every key', async (t) => {
  const lab = await startLab(t)
  for (const serial of ['a', 'b', 'c']) await fakeDevice(lab.server.url, serial).authenticate()
  assert.deepEqual(await lab.expect(200, 'GET', 'v2/devauth/devices/count?status=pending'), { count: 3 })
  const ids = await acceptAll(lab)
  assert.deepEqual(await lab.expect(200, 'GET', 'v2/devauth/devices/count'), { count: 3 })
  assert.deepEqual(await lab.expect(200, 'GET', 'v2/devauth/devices/count?status=pending'), { count: 0 })
  const found = await lab.expect<AuthDevice[]>(200, 'POST', 'v2/devauth/devices/search', {
    id: [ids['b'], ids['c']],
    status: 'accepted',
  })
  assert.deepEqual(new Set(found.map(({ id }) => id)), new Set([ids['b'], ids['c']]))
  const set = found[0]?.auth_sets[0]?.id
  const path = `v2/devauth/devices/${found[0]?.id}/auth/${set}`
  assert.deepEqual(await lab.expect(200, 'GET', `${path}/status`), { status: 'accepted' })
  await lab.expect(400, 'PUT', `${path}/status`, { status: 'preauthorized' })
  await lab.expect(404, 'PUT', `v2/devauth/devices/${ids['a']}/auth/${set}/status`, { status: 'rejected' })
  await lab.expect(204, 'DELETE', path)
  assert.equal(
    (await lab.expect<AuthDevice>(200, 'GET', `v2/devauth/devices/${found[0]?.id}`)).status,
    'noauth',
  )
  await lab.expect(400, 'GET', 'v2/devauth/devices?status=nonsense')
})

test('a device is in one group, and groups are listed, joined and left', async (t) => {
  const lab = await startLab(t)
  const [one, two] = [await acceptedDevice(lab, 'one'), await acceptedDevice(lab, 'two')]
  await lab.expect(204, 'PUT', `v1/inventory/devices/${one.id}/group`, { group: 'lab' })
  await lab.expect(204, 'PUT', `v1/inventory/devices/${one.id}/group`, { group: 'prod' })
  assert.deepEqual(await lab.expect(200, 'GET', 'v1/inventory/groups'), ['prod'])
  assert.deepEqual(
    await lab.expect(200, 'PATCH', 'v1/inventory/groups/prod/devices', [one.id, two.id, 'nobody']),
    {
      updated_count: 1,
      matched_count: 2,
    },
  )
  assert.deepEqual(await lab.expect(200, 'GET', 'v1/inventory/groups/prod/devices'), [one.id, two.id])
  assert.deepEqual(await lab.expect(200, 'DELETE', 'v1/inventory/groups/prod/devices', [two.id]), {
    updated_count: 1,
  })
  assert.deepEqual(await lab.expect(200, 'GET', `v1/inventory/devices/${two.id}/group`), { group: null })
  await lab.expect(404, 'DELETE', `v1/inventory/devices/${one.id}/group/other`)
  await lab.expect(204, 'DELETE', `v1/inventory/devices/${one.id}/group/prod`)
  assert.deepEqual(await lab.expect(200, 'GET', 'v1/inventory/groups'), [])
  await lab.expect(404, 'GET', 'v1/inventory/groups/prod/devices')
  await lab.expect(400, 'PUT', `v1/inventory/devices/${one.id}/group`, { group: '../etc' })
  await lab.expect(404, 'PUT', `v1/inventory/devices/nobody/group`, { group: 'lab' })
})

test('of two writers of a device’s tags who read the same, one wins and the other gets 412', async (t) => {
  const lab = await startLab(t)
  const { id } = await acceptedDevice(lab, 'one')
  const path = `v1/inventory/devices/${id}`
  const tag = async () => (await lab.call('GET', path)).headers.get('etag') ?? ''
  const version = await tag()
  const write = async (value: string, match: string) => {
    const reply = await lab.call('PUT', `${path}/tags`, [{ name: 'lease', value }], { 'if-match': match })
    return reply.status
  }
  const results = await Promise.all([write('a', version), write('b', version), write('c', version)])
  assert.deepEqual(results.sort(), [200, 412, 412])
  assert.notEqual(await tag(), version)
  await lab.expect(200, 'PATCH', `${path}/tags`, [{ name: 'site', value: 'north' }])
  const tags = async () =>
    (await lab.expect<Facts>(200, 'GET', path)).attributes.filter(({ scope }) => scope === 'tags').length
  assert.equal(await tags(), 2)
  await lab.expect(200, 'PUT', `${path}/tags`, [])
  assert.equal(await tags(), 0)
  const many = Array.from({ length: 21 }, (_, i) => ({ name: `t${i}`, value: 'x' }))
  await lab.expect(400, 'PUT', `${path}/tags`, many)
  assert.equal(await tags(), 0, 'a refused write changes nothing')
})

test('every management call needs the token, and what does not exist is 404 in the envelope', async (t) => {
  const lab = await startLab(t)
  const { server } = lab
  for (const path of [
    'v2/devauth/devices',
    'v1/deployments/artifacts',
    'v1/inventory/devices',
    'v1/inventory/groups',
  ]) {
    for (const authorization of ['', 'Bearer', 'Bearer x', `Basic ${server.token}`]) {
      const reply = await fetch(`${server.url}/api/management/${path}`, { headers: { authorization } })
      assert.equal(reply.status, 401)
      await reply.text()
    }
  }
  for (const [method, path, status] of [
    ['GET', 'v9/nothing', 404],
    ['GET', 'v1/deployments/artifacts/../../../../etc/passwd', 404],
    ['GET', 'v1/deployments/artifacts/..%2f..%2fota.sqlite', 404],
    ['GET', 'v1/deployments/artifacts/%00', 404],
    ['GET', 'v1/deployments/artifacts/%E0%A4%A', 400],
    ['PATCH', 'v1/deployments/artifacts', 404],
    ['GET', `v1/deployments/artifacts/${'x'.repeat(9000)}`, 414],
  ] as const) {
    const reply = await lab.call(method, path, undefined, { 'x-men-requestid': 'my-own-id' })
    assert.equal(reply.status, status, path)
    const envelope = (await reply.json()) as Record<string, unknown>
    assert.equal(typeof envelope['error'], 'string')
    if (status !== 414) assert.equal(envelope['request_id'], 'my-own-id')
  }
  const health = await fetch(`${server.url}/healthz`)
  assert.equal(health.status, 200)
  await health.text()
})

test('a body over 1 MiB is 413, headers over 16 KiB 431, and neither stops the server', async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  assert.equal((await device.inventory({ large: 'x'.repeat(2 << 20) })).status, 413)
  const headers = { authorization: `Bearer ${lab.server.token}`, 'x-large': 'x'.repeat(20_000) }
  const reply = await fetch(`${lab.server.url}/healthz`, { headers })
  assert.equal(reply.status, 431)
  await reply.text()
  const garbage = await new Promise<string>((resolve) => {
    const socket = connect(Number(new URL(lab.server.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (piece: Buffer) => (text += piece.toString())).on('close', () => resolve(text))
    socket.write('nothing like HTTP\r\n\r\n')
  })
  assert.match(garbage, /^HTTP\/1\.1 400/)
  assert.equal((await device.inventory({})).status, 200)
})
