// Tokens for programs, logins that end, metrics, and TLS.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseEndpoint, startServer } from '../../src/server/server.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { startLab } from './lab.ts'

const tokens = 'v1/useradm/settings/tokens'
interface Listed {
  id: string
  name: string
  expiration_date?: string
  last_used?: string
}

test('a token for a program holds until it is taken back', async (t) => {
  const { server, call, expect } = await startLab(t)
  const made = await call('POST', tokens, { name: 'ci', expires_in: 3600 })
  assert.equal(made.status, 200)
  const token = await made.text()
  const ask = async (bearer: string, method = 'GET', path = 'v2/devauth/devices') =>
    (
      await fetch(`${server.url}/api/management/${path}`, {
        method,
        headers: { authorization: `Bearer ${bearer}` },
      })
    ).status
  assert.equal(await ask(token), 200)
  assert.equal(await ask(`${token}x`), 401)
  const [listed] = await expect<Listed[]>(200, 'GET', tokens)
  assert.equal(listed?.name, 'ci')
  assert.ok(Math.abs(Date.parse(listed.expiration_date ?? '') - Date.now() - 3_600_000) < 60_000)
  assert.ok(Math.abs(Date.parse(listed.last_used ?? '') - Date.now()) < 60_000)
  await expect(409, 'POST', tokens, { name: 'ci' })
  await expect(204, 'DELETE', `${tokens}/${listed.id}`)
  await expect(204, 'DELETE', `${tokens}/${listed.id}`)
  assert.equal(await ask(token), 401)
  assert.deepEqual(await expect(200, 'GET', tokens), [])
  for (const wrong of [
    {},
    { name: '' },
    { name: 'x', expires_in: -1 },
    { name: 'x', expires_in: 31_536_001 },
  ])
    await expect(400, 'POST', tokens, wrong)
})

test('a token ends by itself, also over a restart, and only its digest is kept', async (t) => {
  const { server, dataDir, call } = await startLab(t)
  const short = await (await call('POST', tokens, { name: 'short', expires_in: 1 })).text()
  const long = await (await call('POST', tokens, { name: 'long' })).text()
  await server.close()
  for (const name of await readdir(dataDir)) {
    if (name === 'artifacts') continue
    const content = await readFile(join(dataDir, name), 'latin1')
    assert.ok(!content.includes(short) && !content.includes(long), `${name} holds a token`)
  }
  const again = await startServer({ dataDir })
  undo(t, () => again.close())
  const ask = async (bearer: string) =>
    (await fetch(`${again.url}/metrics`, { headers: { authorization: `Bearer ${bearer}` } })).status
  assert.equal(await ask(long), 200)
  while ((await ask(short)) !== 401);
})

test('a token for reading only can order and change nothing', async (t) => {
  const { server, call, expect } = await startLab(t)
  const token = await (await call('POST', tokens, { name: 'plans', read_only: true })).text()
  const ask = async (method: string, path: string, body?: unknown) =>
    (
      await fetch(`${server.url}/api/management/${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    ).status
  assert.equal(await ask('GET', 'v1/deployments/deployments'), 200)
  assert.equal(await ask('POST', 'v2/inventory/filters/search', {}), 200)
  assert.equal(await ask('POST', 'v2/devauth/devices/search', {}), 200)
  assert.equal(await ask('POST', 'v1/deployments/deployments/statistics/list', { deployment_ids: [] }), 200)
  for (const [method, path] of [
    ['POST', 'v1/deployments/deployments'],
    // names that look like a search
    ['POST', 'v1/deployments/deployments/group/search'],
    ['POST', 'v1/deployments/deployments/group/search/'],
    ['POST', 'v1/deployments/deployments/group/%73earch'],
    ['POST', tokens],
    ['DELETE', 'v2/devauth/devices/1'],
    ['PUT', 'v1/inventory/devices/1/tags'],
    ['DELETE', 'v1/deployments/artifacts/search'],
  ] as const) {
    assert.equal(await ask(method, path, {}), 403, `${method} ${path}`)
  }
  assert.equal((await expect<Listed[]>(200, 'GET', tokens)).length, 1)
})

test('a login that is ended holds no longer', async (t) => {
  const { server } = await startLab(t)
  const users = `${server.url}/api/management/v1/useradm/auth`
  const basic = Buffer.from(`admin:${server.token}`).toString('base64')
  const reply = await fetch(`${users}/login`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
  })
  const headers = { authorization: `Bearer ${await reply.text()}` }
  const ask = async () => (await fetch(`${server.url}/api/management/v2/devauth/devices`, { headers })).status
  assert.equal(await ask(), 200)
  assert.equal((await fetch(`${users}/logout`, { method: 'POST', headers })).status, 202)
  assert.equal(await ask(), 401)
})

test('the metrics count devices, deployments and requests, for the management token alone', async (t) => {
  const { server, call } = await startLab(t)
  await call('GET', 'v2/devauth/devices')
  await fetch(`${server.url}/api/management/v2/devauth/devices`)
  assert.equal((await fetch(`${server.url}/metrics`)).status, 401)
  await call('POST', 'v2/devauth/devices', { identity_data: { mac: '1' }, pubkey: 'none' })
  const reply = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.token}` } })
  assert.equal(reply.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await reply.text()
  assert.match(text, /^# TYPE drover_devices gauge$/m)
  assert.match(text, /^drover_artifacts 0$/m)
  assert.match(text, /^drover_http_request_seconds_count\{access="admin",status="2xx"\} 1$/m)
  assert.match(text, /^drover_http_request_seconds_count\{access="admin",status="4xx"\} [23]$/m)
  assert.match(text, /^drover_http_request_seconds_bucket\{access="admin",status="2xx",le="\+Inf"\} 1$/m)
  assert.match(text, /^process_resident_memory_bytes \d+$/m)
  // every line is a comment or a sample, as Prometheus' format has them
  for (const line of text.trimEnd().split('\n'))
    assert.match(
      line,
      /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [\d.e+-]+)$/,
    )
})

test('with a certificate in its data dir the server speaks TLS', { skip: needs('openssl') }, async (t) => {
  const dataDir = await temporaryFolder(t)
  const file = (name: string) => join(dataDir, name)
  const make = (key: string, cert: string) =>
    execFileSync(
      'openssl',
      // prettier-ignore
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(key), '-out', file(cert),
        '-subj', '/CN=ota', '-addext', 'subjectAltName=IP:127.0.0.1'],
      { stdio: 'pipe' },
    )
  make('tls.key', 'tls.crt')
  make('other.key', 'other.crt')
  const server = await startServer({ dataDir })
  undo(t, () => server.close())
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/)
  const ca = await readFile(file('tls.crt'), 'utf8')
  const status = await new Promise((resolve, reject) => {
    get(`${server.url}/healthz`, { ca, agent: false }, (reply) => resolve(reply.resume().statusCode)).on(
      'error',
      reject,
    )
  })
  assert.equal(status, 200)
  await assert.rejects(fetch(server.url.replace('https', 'http')))
  for (const [name, content, message] of [
    ['tls.key', await readFile(file('other.key'), 'utf8'), /is not the key of the certificate/],
    ['tls.key', 'nonsense', /holds no key/],
    ['tls.crt', 'nonsense', /holds no certificate/],
  ] as const) {
    const other = await temporaryFolder(t)
    await writeFile(join(other, 'tls.crt'), ca)
    await writeFile(join(other, 'tls.key'), await readFile(file('tls.key')))
    await writeFile(join(other, name), content)
    await assert.rejects(startServer({ dataDir: other }), { reason: 'bad-key', message })
  }
})

test('an address that others reach needs a certificate', async (t) => {
  const dataDir = await temporaryFolder(t)
  await mkdir(dataDir, { recursive: true })
  await assert.rejects(startServer({ dataDir, host: '0.0.0.0' }), {
    reason: 'bad-input',
    message: /tls\.crt/,
  })
  await writeFile(join(dataDir, 'tls.crt'), 'x')
  await assert.rejects(startServer({ dataDir, host: '0.0.0.0' }), {
    reason: 'bad-key',
    message: /tls\.key is missing/,
  })
  for (const [text, endpoint] of [
    ['0', { port: 0 }],
    ['192.168.1.2:8443', { host: '192.168.1.2', port: 8443 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['65536', undefined],
    ['1.2.3:80', undefined],
    ['[1.2.3.4]:80', undefined],
    ['::1:80', undefined],
    ['host:80', undefined],
    ['', undefined],
  ] as const) {
    assert.deepEqual(parseEndpoint(text), endpoint, text)
  }
})
