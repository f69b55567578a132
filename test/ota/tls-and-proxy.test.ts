// A server with a certificate of a private authority, and one that is behind a proxy: as processes, for both are said in the
// environment.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startServer } from '../../src/server/server.ts'
import { privateAuthority } from '../support/certificates.ts'
import { openLab } from '../support/mender-lab.ts'
import { needs } from '../support/needs.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const skip = needs('openssl')

/** A server that speaks TLS as 127.0.0.1 and as a name that no resolver knows, and an artifact to put on it. */
async function secureServer(t: TestContext) {
  const folder = await temporaryFolder(t)
  const dataDir = join(folder, 'ota')
  const ca = await privateAuthority(folder, dataDir, ['IP:127.0.0.1', 'DNS:ota.invalid'])
  const server = await startServer({ dataDir })
  undo(t, () => server.close())
  const artifact = await (await openLab(t)).artifact('os-2')
  const upload = (url: string, env: Record<string, string>, more: Record<string, string> = {}) =>
    runInRunner('upload-artifact', { inputs: { server: url, token: server.token, artifact, ...more }, env })
  return { server, ca, upload }
}

/** A proxy that leads every name and address to `port` on loopback, and keeps what was asked for. */
async function connectProxy(t: TestContext, port: number, answer = 200) {
  const asked: string[] = []
  const proxy: Server = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    outgoing.writeHead(405).end()
  })
  proxy.on('connect', ({ url, headers }, socket) => {
    asked.push(`CONNECT ${url}${headers['proxy-authorization'] === undefined ? '' : ' with a password'}`)
    socket.on('error', () => {})
    if (answer !== 200) return void socket.end(`HTTP/1.1 ${answer} No\r\n\r\n`)
    const onward = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    onward.on('error', () => socket.destroy())
    socket.pipe(onward).pipe(socket)
    undo(t, () => onward.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  undo(t, () => proxy.close())
  return { asked, host: `127.0.0.1:${(proxy.address() as AddressInfo).port}` }
}

test(
  'a private authority is trusted where NODE_EXTRA_CA_CERTS names it, and nowhere else',
  { skip },
  async (t) => {
    const { server, ca, upload } = await secureServer(t)
    assert.match(server.url, /^https:/)
    const refused = await upload(server.url, {})
    assert.equal(refused.outputs['failure-reason'], 'unreachable')
    assert.match(refused.errors[0]?.message ?? '', /certificate.*NODE_EXTRA_CA_CERTS/)
    const other = await upload(server.url.replace('127.0.0.1', 'localhost'), { NODE_EXTRA_CA_CERTS: ca })
    assert.equal(other.outputs['failure-reason'], 'unreachable', 'the certificate is for another name')
    const trusted = await upload(server.url, { NODE_EXTRA_CA_CERTS: ca })
    assert.equal(trusted.code, 0, trusted.log)
    assert.equal(trusted.outputs['changed'], 'true')
  },
)

test(
  'a proxy is used where the environment names one, but not for what NO_PROXY names',
  { skip },
  async (t) => {
    const { server, ca, upload } = await secureServer(t)
    const { asked, host } = await connectProxy(t, Number(new URL(server.url).port))
    const trust = { NODE_EXTRA_CA_CERTS: ca }
    for (const [env, url] of [
      [{ HTTPS_PROXY: `http://${host}` }, 'https://ota.invalid'],
      [
        { https_proxy: `http://ci:planted-password@${host}`, NO_PROXY: 'other.invalid' },
        'https://ota.invalid:8443',
      ],
    ] as const) {
      asked.length = 0
      const result = await upload(url, { ...trust, ...env })
      assert.equal(result.code, 0, result.log)
      assert.ok(!result.log.includes('planted-password'))
      const { port } = new URL(url)
      const expected = `CONNECT ota.invalid:${port || '443'}${port ? ' with a password' : ''}`
      assert.deepEqual([...new Set(asked)], [expected])
    }
    asked.length = 0
    const direct = await upload('https://ota.invalid', {
      ...trust,
      HTTPS_PROXY: `http://${host}`,
      NO_PROXY: 'ota.invalid',
    })
    assert.equal(direct.outputs['failure-reason'], 'unreachable')
    const loopback = await upload(server.url, { ...trust, HTTPS_PROXY: `http://${host}` })
    assert.equal(loopback.code, 0, 'this machine itself is never behind a proxy')
    assert.deepEqual(asked, [])
  },
)

test('a proxy leads to a private address without TLS, and the hawkBit adapter through it too', async (t) => {
  const lab = await openLab(t)
  const artifact = await lab.artifact('os-2')
  const { asked, host } = await connectProxy(t, Number(new URL(lab.url).port))
  const inputs = { server: 'http://10.255.255.1', token: lab.token, artifact }
  const env = { HTTP_PROXY: `http://${host}` }
  const { code, log } = await runInRunner('upload-artifact', { inputs, env })
  assert.equal(code, 0, log)
  assert.deepEqual([...new Set(asked)], ['CONNECT 10.255.255.1:80'])
  asked.length = 0
  const hawkbit = await runInRunner('upload-artifact', {
    inputs: { ...inputs, 'server-type': 'hawkbit', token: 'ci:password' },
    env,
  })
  assert.equal(hawkbit.outputs['failure-reason'], 'unexpected-reply', 'it found what is no hawkBit')
  assert.deepEqual([...new Set(asked)], ['CONNECT 10.255.255.1:80'])
})

test('a proxy that refuses is named, without its password', async (t) => {
  const lab = await openLab(t)
  const { host } = await connectProxy(t, 9, 407)
  const inputs = { server: 'http://10.255.255.1', token: lab.token, artifact: await lab.artifact('os-2') }
  const env = { HTTP_PROXY: `http://ci:planted-password@${host}` }
  const { outputs, errors, log } = await runInRunner('upload-artifact', { inputs, env })
  assert.equal(outputs['failure-reason'], 'unreachable')
  assert.match(errors[0]?.message ?? '', /proxy.*407/i)
  assert.ok(!log.includes('planted-password'))
})

test(
  'the server of a job speaks TLS where its data dir has a certificate, and cuts off who never shakes hands',
  { skip },
  async (t) => {
    const workspace = await temporaryFolder(t)
    const ca = await privateAuthority(workspace, join(workspace, 'ota'), ['IP:127.0.0.1'])
    const main = await runInRunner('serve-ota', { workspace, inputs: { 'data-dir': 'ota' } })
    undo(t, () => runInRunner('serve-ota', { phase: 'post', state: main.state }))
    assert.equal(main.code, 0, main.log)
    const { url = '', token = '' } = main.outputs
    assert.match(url, /^https:/)
    const inputs = { server: url, token, output: join(workspace, 'facts.json') }
    const facts = await runInRunner('gather-facts', { inputs, env: { NODE_EXTRA_CA_CERTS: ca } })
    assert.equal(facts.outputs['failure-reason'], 'no-device-matched', 'it answered that it has none')

    const dataDir = join(workspace, 'other')
    await cp(join(workspace, 'ota/tls.key'), join(dataDir, 'tls.key'))
    await cp(join(workspace, 'ota/tls.crt'), join(dataDir, 'tls.crt'))
    const server = await startServer({ dataDir, limits: { headersMs: 500 } })
    undo(t, () => server.close())
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    undo(t, () => socket.destroy())
    const startedAt = performance.now()
    socket.on('error', () => {}).resume() // a reset is an end as well
    await new Promise((resolve) => socket.once('close', resolve))
    assert.ok(performance.now() - startedAt < 5000)
  },
)
