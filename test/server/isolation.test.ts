// What a caller can reach: nothing of the file system, nothing without being let in, nothing of another device.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { operations } from '../support/mender-api.ts'
import { needs } from '../support/needs.ts'
import {
  type AuthDevice,
  type Lab,
  acceptAll,
  acceptedDevice,
  ed25519,
  fakeDevice,
  moduleArtifact,
  startLab,
} from './lab.ts'

const skip = needs('mender-artifact')
const device = '/api/devices/v1'
const next = `${device}/deployments/device/deployments/next`
const download = `${device}/deployments/download/artifacts`

/** Every route: those of Mender's document, and ours. */
const routes = [...operations, `POST ${next}`, `GET ${download}/{id}`, 'GET /healthz', 'GET /metrics'].map(
  (operation) => {
    const [method = '', path = ''] = operation.split(' ')
    return { method, path }
  },
)
const deviceRoutes = routes.filter(
  ({ path }) => path.startsWith(device) && !path.endsWith('/auth_requests') && !path.startsWith(download),
)

/** Sends a request whose path stays as it is written: `fetch` would tidy it up. */
async function raw(
  lab: Lab,
  method: string,
  path: string,
  token: string,
  body = '',
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(lab.server.url)
    const headers = { authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(body) }
    const ask = request({ host: '127.0.0.1', port, method, path, headers }, (reply) => {
      let text = ''
      reply.setEncoding('latin1').on('data', (piece: string) => (text += piece))
      reply.on('end', () => resolve([reply.statusCode ?? 0, text]))
    })
    ask.on('error', reject).end(body)
  })
}

const traversals = [
  '..',
  '../token',
  '../../secret',
  '..%2ftoken',
  '..%2f..%2fsecret',
  '%2e%2e%2f%2e%2e%2fsecret',
  '%252e%252e%252fsecret',
  '..%5c..%5csecret',
  '....//....//secret',
  '%00',
  'token%00.mender',
  '%2fetc%2fpasswd',
  '/etc/passwd',
  'file:%2f%2f%2fetc%2fpasswd',
  '~',
  'x'.repeat(4000),
]

test('no part of a path reaches the file system, in any route', async (t) => {
  const lab = await startLab(t)
  const marker = 'planted beside the data dir'
  await writeFile(join(lab.folder, 'secret'), marker)
  const { token: deviceToken } = await tokenOf(lab)
  const before = listed(lab.folder)
  const kept = [lab.server.token, marker, 'root:', 'PRIVATE KEY', 'SQLite format']
  let tried = 0
  for (const { method, path } of routes.filter((route) => route.path.includes('{'))) {
    const token = path.startsWith(device) ? deviceToken : lab.server.token
    for (const traversal of traversals) {
      // one at a time and all at once
      const variables = path.match(/\{\w+\}/g) ?? []
      for (const variable of [...variables, /\{\w+\}/g]) {
        const url = path.replace(variable, traversal).replaceAll(/\{\w+\}/g, 'x')
        const [status, text] = await raw(lab, method, url, token, method === 'GET' ? '' : '{}')
        // groups may have any name, and taking away what isn't there is done
        assert.ok(status < 500, `${method} ${url}: ${status}`)
        for (const secret of kept) assert.ok(!text.includes(secret), `${method} ${url}: ${text}`)
        tried++
      }
    }
  }
  assert.ok(tried > 500, String(tried))
  assert.deepEqual(listed(lab.folder), before)
  const bugs = lab.told.filter((line) => line.includes('bug in the OTA server'))
  assert.deepEqual(bugs, [])
})

test('no name in an upload reaches the file system', { skip }, async (t) => {
  const lab = await startLab(t)
  const before = listed(lab.folder)
  for (const [index, name] of [
    '../../evil',
    '/tmp/drover-evil',
    '..\\evil',
    'a\0b',
    '%2e%2e%2fevil',
  ].entries()) {
    const artifact = await moduleArtifact(lab.folder, `os-${index}`)
    const head = `Content-Disposition: form-data; name="${name}"; filename="${name}"\r\n\r\nx\r\n`
    const body = Buffer.concat([
      Buffer.from(
        `--b\r\n${head}--b\r\nContent-Disposition: form-data; name="artifact"; filename="${name}"\r\n\r\n`,
      ),
      artifact,
      Buffer.from('\r\n--b--\r\n'),
    ])
    const reply = await fetch(`${lab.server.url}/api/management/v1/deployments/artifacts`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${lab.server.token}`,
        'content-type': 'multipart/form-data; boundary=b',
      },
      body,
    })
    assert.equal(reply.status, 201, await reply.text())
    const expected = crypto.createHash('sha256').update(artifact).digest('hex')
    assert.ok(readdirSync(join(lab.dataDir, 'artifacts')).includes(expected))
  }
  const names = listed(lab.folder).filter((name) => !before.includes(name))
  for (const name of names) assert.match(name, /^(ota\/artifacts\/[0-9a-f]{64}|payload|artifact\.mender)$/)
})

test('a device that is not let in gets nothing from any device route', async (t) => {
  const lab = await startLab(t)
  const standing: Record<string, string> = { 'without a token': '', 'with nonsense': 'a.b.c' }
  const { token: good } = await tokenOf(lab, 'good')
  // pending comes last, for the others' coming accepts whoever waits
  for (const status of ['rejected', 'decommissioned', 'removed', 'another key accepted', 'pending']) {
    const { token, id, set } = await tokenOf(lab, status)
    standing[status] = token
    if (status === 'decommissioned') await lab.expect(204, 'DELETE', `v2/devauth/devices/${id}`)
    else if (status === 'removed') await lab.expect(204, 'DELETE', `v2/devauth/devices/${id}/auth/${set}`)
    else if (status === 'another key accepted') {
      await fakeDevice(lab.server.url, status, ed25519()).authenticate()
      const { auth_sets } = await lab.expect<AuthDevice>(200, 'GET', `v2/devauth/devices/${id}`)
      const other = auth_sets.find((one) => one.status === 'pending')?.id
      await lab.expect(204, 'PUT', `v2/devauth/devices/${id}/auth/${other}/status`, { status: 'accepted' })
    } else await lab.expect(204, 'PUT', `v2/devauth/devices/${id}/auth/${set}/status`, { status })
  }
  const [head = '', body = '', signature = ''] = good.split('.')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
  const altered = Buffer.from(JSON.stringify({ ...claims, 'mender.user': true })).toString('base64url')
  standing['without an algorithm'] = `${none}.${body}.`
  standing['with a made-up claim'] = `${head}.${altered}.${signature}`
  const foreign = crypto
    .sign(null, Buffer.from(`${head}.${body}`), ed25519().privateKey)
    .toString('base64url')
  standing['signed by somebody else'] = `${head}.${body}.${foreign}`
  standing['the management token'] = lab.server.token

  const before = await lab.expect(200, 'GET', 'v1/inventory/devices?per_page=500')
  for (const { method, path } of deviceRoutes) {
    for (const [what, token] of Object.entries(standing)) {
      const url = `${path.replace('{id}', 'x')}?artifact_name=a&device_type=b`
      const [status, text] = await raw(lab, method, url, token, method === 'GET' ? '' : '[]')
      assert.equal(status, 401, `${what}: ${method} ${url}`)
      assert.deepEqual(Object.keys(JSON.parse(text) as object), ['error', 'request_id'], what)
    }
  }
  assert.deepEqual(await lab.expect(200, 'GET', 'v1/inventory/devices?per_page=500'), before)
})

test('a device’s token opens nothing of the management API', async (t) => {
  const lab = await startLab(t, { accept: 'all' })
  const { token } = await tokenOf(lab)
  for (const { method, path } of routes) {
    if (!path.startsWith('/api/management') && path !== '/metrics') continue
    if (path.endsWith('/auth/login')) continue
    const url = path.replaceAll(/\{\w+\}/g, 'x')
    assert.equal(
      (await raw(lab, method, url, token, method === 'GET' ? '' : '{}'))[0],
      401,
      `${method} ${url}`,
    )
  }
})

test(
  'a device gets links to the artifacts of its own orders only, and no link opens another',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const [one, two] = [await acceptedDevice(lab, 'one'), await acceptedDevice(lab, 'two')]
    for (const name of ['os-1', 'os-2']) await lab.upload(await moduleArtifact(lab.folder, name))
    const order = (device: string, name: string) =>
      lab.expect(201, 'POST', 'v1/deployments/deployments', { name, artifact_name: name, devices: [device] })
    await order(one.id, 'os-1')
    await order(two.id, 'os-2')
    const provides = { artifact_name: 'old', device_type: 'testdev' }
    const [first, second] = [(await one.next(provides)).offer, (await two.next(provides)).offer]
    assert.deepEqual([first?.artifact.artifact_name, second?.artifact.artifact_name], ['os-1', 'os-2'])
    const [own, other] = [
      new URL(first?.artifact.source.uri ?? ''),
      new URL(second?.artifact.source.uri ?? ''),
    ]
    own.pathname = other.pathname
    const swapped = await fetch(own)
    assert.equal(swapped.status, 403)
    assert.deepEqual(Object.keys((await swapped.json()) as object), ['error', 'request_id'])
    for (const path of [`${download}/${other.pathname.split('/').at(-1)}`, `${download}/x`]) {
      const [status] = await raw(lab, 'GET', path, lab.server.token)
      assert.equal(status, 403, 'no token opens a download')
    }
    for (const status of ['success', 'failure', 'downloading'])
      assert.equal(await one.status(second?.id ?? '', status), 404)
    assert.equal((await two.next(provides)).offer?.id, second?.id, 'it is as it was')
  },
)

test('tokens, passwords and links are compared in a time that tells nothing', async (t) => {
  const lab = await startLab(t)
  const sizes: number[] = []
  const compare = crypto.timingSafeEqual
  t.mock.method(crypto, 'timingSafeEqual', (a: Buffer, b: Buffer) => {
    sizes.push(a.length)
    return compare(a, b)
  })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
  const right = lab.server.token
  const login = (pair: string) =>
    fetch(`${lab.server.url}/api/management/v1/useradm/auth/login`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
    })
  for (const [what, ask] of [
    ['the right token', () => raw(lab, 'GET', '/metrics', right)],
    ['a token with the right beginning', () => raw(lab, 'GET', '/metrics', right.slice(0, -1))],
    ['no token', () => raw(lab, 'GET', '/metrics', '')],
    ['another user', () => login(`root:${right}`)],
    ['a password', () => login('admin:a')],
    ['a link', () => raw(lab, 'GET', `${download}/x?x-men-signature=a&x-men-expire=2999-01-01`, '')],
  ] as const) {
    sizes.length = 0
    await ask()
    assert.deepEqual(sizes, [32], `${what}: by its digest, of the same length whatever was sent`)
  }
  const files = await Promise.all(
    readdirSync(lab.dataDir)
      .filter((name) => name.startsWith('ota.sqlite'))
      .map((name) => readFile(join(lab.dataDir, name), 'latin1')),
  )
  assert.ok(!files.join('').includes(right), 'the database does not hold it')
})

/** An accepted device's token, and which device and key it is. */
async function tokenOf(lab: Lab, serial = 'one'): Promise<{ token: string; id: string; set: string }> {
  const device = fakeDevice(lab.server.url, serial)
  await device.authenticate()
  const id = (await acceptAll(lab))[serial] ?? ''
  const token = await (await device.authenticate()).text()
  const { auth_sets } = await lab.expect<AuthDevice>(200, 'GET', `v2/devauth/devices/${id}`)
  return { token, id, set: auth_sets[0]?.id ?? '' }
}

function listed(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}
