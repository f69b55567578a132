import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startServer } from '../../src/server/server.ts'
import {
  type AuthDevice,
  type KeyPair,
  acceptAll,
  acceptedDevice,
  callers,
  ed25519,
  fakeDevice,
  moduleArtifact,
  startLab,
} from './lab.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const kinds: Record<string, () => KeyPair> = {
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'ECDSA P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  Ed25519: ed25519,
}

for (const [kind, keys] of Object.entries(kinds)) {
  test(`a device with an ${kind} key waits until it is accepted, then gets a token that others can read`, async (t) => {
    const lab = await startLab(t)
    const device = fakeDevice(lab.server.url, 'one', keys())
    const first = await device.authenticate()
    assert.equal(first.status, 401)
    const envelope = (await first.json()) as Record<string, string>
    assert.deepEqual(Object.keys(envelope), ['error', 'request_id'])
    assert.equal(first.headers.get('x-men-requestid'), envelope['request_id'])
    assert.equal((await device.authenticate()).status, 401)

    const waiting = await lab.expect<AuthDevice[]>(200, 'GET', 'v2/devauth/devices?status=pending')
    assert.equal(waiting.length, 1)
    assert.equal(waiting[0]?.auth_sets.length, 1)
    assert.deepEqual(waiting[0]?.identity_data, { serial: 'one' })
    const { one: id } = await acceptAll(lab)
    const reply = await device.authenticate()
    assert.equal(reply.status, 200)
    assert.equal(reply.headers.get('content-type'), 'application/jwt')
    const [, payload = ''] = (await reply.text()).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    assert.equal(claims['sub'], id)
    assert.equal(claims['jti'], waiting[0]?.auth_sets[0]?.id)
    assert.equal(claims['iss'], 'Mender')
    assert.equal(claims['mender.device'], true)
    assert.equal(Number(claims['exp']) - Number(claims['iat']), 7 * 24 * 3600)
    assert.equal((await device.inventory({ device_type: 'testdev' })).status, 200)
  })
}

test('a request without a signature is 400, one with a wrong, foreign or broken signature 401, and none is stored', async (t) => {
  const lab = await startLab(t, { accept: 'all' })
  for (const keys of Object.values(kinds)) {
    const device = fakeDevice(lab.server.url, 'one', keys())
    assert.equal((await device.authenticate({ signature: null })).status, 400)
    for (const signature of ['AAAA', 'not base64 at all!', Buffer.alloc(64, 1).toString('base64')])
      assert.equal((await device.authenticate({ signature })).status, 401)
  }
  assert.deepEqual(await lab.expect(200, 'GET', 'v2/devauth/devices'), [])
})

test('a request that is no JSON, has no key or names no identity is 400', async (t) => {
  const lab = await startLab(t)
  const pubkey = ed25519().publicKey.export({ type: 'spki', format: 'pem' })
  for (const body of [
    'no JSON',
    '[]',
    JSON.stringify({ id_data: '{"serial":"one"}' }),
    JSON.stringify({ id_data: '{"serial":"one"}', pubkey: 'no key' }),
    JSON.stringify({ id_data: '{}', pubkey }),
    JSON.stringify({ id_data: 'no JSON', pubkey }),
    JSON.stringify({ id_data: '{"serial":{"deep":1}}', pubkey }),
  ]) {
    const reply = await fetch(`${lab.server.url}/api/devices/v1/authentication/auth_requests`, {
      method: 'POST',
      headers: { 'x-men-signature': 'AAAA' },
      body,
    })
    assert.equal(reply.status, 400, body)
    await reply.text()
  }
})

test('another key for an accepted identity waits as a key of its own; accepting it ends the first', async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  const thief = ed25519()
  assert.equal((await device.authenticate({ keys: thief })).status, 401)
  const { auth_sets } = await lab.expect<AuthDevice>(200, 'GET', `v2/devauth/devices/${device.id}`)
  assert.deepEqual(auth_sets.map(({ status }) => status).sort(), ['accepted', 'pending'])
  assert.equal((await device.inventory({})).status, 200)

  const other = auth_sets.find(({ status }) => status === 'pending')
  await lab.expect(204, 'PUT', `v2/devauth/devices/${device.id}/auth/${other?.id}/status`, {
    status: 'accepted',
  })
  assert.equal((await device.inventory({})).status, 401, 'the first token holds no longer')
  assert.equal((await device.authenticate()).status, 401)
})

test('a rejected device gets nothing, also where every device is accepted, and an accepted one loses its token', async (t) => {
  const lab = await startLab(t, { accept: 'all' })
  const device = fakeDevice(lab.server.url, 'one')
  assert.equal((await device.authenticate()).status, 200)
  const [{ id, auth_sets } = { id: '', auth_sets: [] }] = await lab.expect<AuthDevice[]>(
    200,
    'GET',
    'v2/devauth/devices',
  )
  await lab.expect(204, 'PUT', `v2/devauth/devices/${id}/auth/${auth_sets[0]?.id}/status`, {
    status: 'rejected',
  })
  assert.equal((await device.next({ artifact_name: 'a', device_type: 'testdev' })).status, 401)
  assert.equal((await device.authenticate()).status, 401)
  assert.equal((await lab.expect<AuthDevice>(200, 'GET', `v2/devauth/devices/${id}`)).status, 'rejected')
})

test('a preauthorised device is accepted at its first request, and only with its key', async (t) => {
  const lab = await startLab(t)
  const keys = ed25519()
  const pubkey = keys.publicKey.export({ type: 'spki', format: 'pem' })
  const body = { identity_data: { serial: 'one' }, pubkey }
  await lab.expect(201, 'POST', 'v2/devauth/devices', body)
  const existing = await lab.expect<AuthDevice>(409, 'POST', 'v2/devauth/devices', body)
  assert.equal(existing.status, 'preauthorized')
  const device = fakeDevice(lab.server.url, 'one', keys)
  assert.equal((await device.authenticate({ keys: ed25519() })).status, 401)
  assert.equal((await device.authenticate()).status, 200)
  assert.equal(
    (await lab.expect<AuthDevice>(200, 'GET', `v2/devauth/devices/${existing.id}`)).status,
    'accepted',
  )
})

test('a decommissioned device is gone, its token with it, and may come again as a new one', async (t) => {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  await lab.expect(204, 'DELETE', `v2/devauth/devices/${device.id}`)
  await lab.expect(404, 'GET', `v2/devauth/devices/${device.id}`)
  await lab.expect(404, 'GET', `v1/inventory/devices/${device.id}`)
  assert.equal((await device.inventory({})).status, 401)
  assert.equal((await device.authenticate()).status, 401)
  assert.notEqual((await acceptAll(lab))['one'], device.id)
})

test('tokens hold over a restart; an altered, foreign or swapped one does not', async (t) => {
  const lab = await startLab(t)
  const device = fakeDevice(lab.server.url, 'one')
  await device.authenticate()
  await acceptAll(lab)
  const token = await (await device.authenticate()).text()
  const login = await fetch(`${lab.server.url}/api/management/v1/useradm/auth/login`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`admin:${lab.server.token}`).toString('base64')}` },
  })
  assert.equal(login.status, 200)
  const session = await login.text()
  await lab.server.close()
  const again = await restart(t, lab.dataDir)

  const ask = async (path: string, bearer: string) => {
    const reply = await fetch(`${again.url}${path}`, { headers: { authorization: `Bearer ${bearer}` } })
    await reply.text()
    return reply.status
  }
  const next = '/api/devices/v1/deployments/device/deployments/next?artifact_name=a&device_type=t'
  const devices = '/api/management/v2/devauth/devices'
  assert.equal(await ask(next, token), 204)
  assert.equal(await ask(devices, session), 200)
  assert.equal(await ask(devices, again.token), 200)
  const [head, body, signature] = token.split('.')
  const forged = Buffer.from(
    Buffer.from(body ?? '', 'base64url')
      .toString()
      .replace('Mender', 'Render'),
  ).toString('base64url')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  for (const wrong of [
    `${head}.${forged}.${signature}`,
    `${none}.${body}.`,
    `${head}.${body}.AAAA`,
    again.token,
    session,
    '',
  ])
    assert.equal(await ask(next, wrong), 401)
  for (const wrong of [token, again.token.slice(1), `${again.token}x`, '', 'undefined'])
    assert.equal(await ask(devices, wrong), 401)
})

test('login needs the right user and password', async (t) => {
  const { server } = await startLab(t)
  for (const pair of [`admin:${server.token}x`, `root:${server.token}`, `admin:`, server.token, ''])
    assert.equal(await login(server.url, pair), 401)
  assert.equal(await login(server.url, `admin:${server.token}`), 200)
})

test('a device sees only its own deployments', { skip: needs('mender-artifact') }, async (t) => {
  const lab = await startLab(t)
  const [one, two] = [await acceptedDevice(lab, 'one'), await acceptedDevice(lab, 'two')]
  await lab.upload(await moduleArtifact(lab.folder, 'release-1'))
  const order = { name: 'first', artifact_name: 'release-1', devices: [one.id] }
  await lab.expect(201, 'POST', 'v1/deployments/deployments', order)
  const provides = { artifact_name: 'old', device_type: 'testdev' }
  assert.equal((await two.next(provides)).status, 204)
  const { offer } = await one.next(provides)
  assert.equal(await two.status(offer?.id ?? '', 'failure'), 404)
  const log = await two.call('PUT', `v1/deployments/device/deployments/${offer?.id}/log`, { messages: [] })
  assert.equal(log.status, 404)
})

async function restart(t: TestContext, dataDir: string) {
  const server = await startServer({ dataDir })
  undo(t, () => server.close())
  return { ...server, ...callers(server) }
}

async function login(url: string, pair: string): Promise<number> {
  const reply = await fetch(`${url}/api/management/v1/useradm/auth/login`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
  })
  await reply.text()
  return reply.status
}

test('new keys without end for one identity fill nothing and leave the accepted one in place', async (t) => {
  const lab = await startLab(t)
  const device = fakeDevice(lab.server.url, 'one')
  await device.authenticate()
  await acceptAll(lab)
  for (let index = 0; index < 120; index++)
    assert.equal((await fakeDevice(lab.server.url, 'one', ed25519()).authenticate()).status, 401)
  const [known] = await lab.expect<AuthDevice[]>(200, 'GET', 'v2/devauth/devices')
  const keys = known?.auth_sets ?? []
  assert.ok(keys.length <= 51, `${keys.length} keys`)
  assert.equal(keys.filter(({ status }) => status === 'accepted').length, 1)
  assert.equal((await device.authenticate()).status, 200)
})

test('what the server keeps is for its user alone, also in a data dir that others can read', async (t) => {
  const dataDir = join(await temporaryFolder(t), 'open')
  await mkdir(dataDir, { mode: 0o755 })
  const server = await startServer({ dataDir })
  undo(t, () => server.close())
  for (const name of await readdir(dataDir)) {
    const { mode } = await stat(join(dataDir, name))
    assert.equal(mode & 0o077, 0, `${name}: ${(mode & 0o777).toString(8)}`)
  }
  await assert.rejects(startServer({ dataDir }), { reason: 'bad-input' }, 'it is still locked')
})
