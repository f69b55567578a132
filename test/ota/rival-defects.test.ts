// Defects measured in other actions for the same work, each as a test of what ours does in its place.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { openServer } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { pass, serve } from '../support/hostile-server.ts'
import { allDevices, openLab } from '../support/mender-lab.ts'
import { recordingProxy } from '../support/recording-proxy.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

const quiet = { behaviour: 'never asks', pollMs: 1e6 } as const
// a URL ends at its fragment, a query has several parts, a shell runs what stands in $()
const name = 'stage=canary#model=pi4&page=9/../x?y $(touch pwned) %23 ü'

test('a name with every character that means something in a URL arrives whole, and an order has the devices asked for and no others', async (t) => {
  const lab = await openLab(t)
  const [one, two] = [await lab.device(quiet), await lab.device(quiet)]
  const paths: string[] = []
  const url = await recordingProxy(t, lab.url, ({ path }) => paths.push(path))
  const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
  await server.upload(await lab.artifact('os-2'))
  await lab.server.deploy({ name: 'stage=canary', release: 'os-2', devices: [two.key] })
  const order = await server.deploy({ name, release: 'os-2', devices: [one.key] })
  assert.deepEqual([...order.devices.keys()], [one.key])
  assert.equal((await server.findDeployment(name))?.id, order.id)
  const asked = paths.filter((path) => path.includes('stage'))
  assert.ok(asked.length > 0)
  for (const path of asked) assert.equal(new URL(path, 'http://a').searchParams.get('name'), name)
})

test('of 45 devices on a server that gives 20 at a time all 45 are found, ordered for, and counted', async (t) => {
  const lab = await openLab(t)
  const count = 45
  for (let i = 0; i < count; i += 15)
    await Promise.all(Array.from({ length: 15 }, (_, j) => lab.device({ ...quiet, serial: `N-${i + j}` })))
  const pages = new Set<string>()
  const url = await serve(t, (incoming, outgoing) => {
    incoming.url = incoming.url?.replace(/per_page=\d+/, 'per_page=20') ?? ''
    const isSearch = incoming.url.endsWith('/filters/search')
    if (!isSearch) return pass(lab.url, incoming, outgoing)
    let text = ''
    incoming.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    incoming.on('end', () => {
      const body = { ...(JSON.parse(text) as { page: number }), per_page: 20 }
      pages.add(String(body.page))
      void lab.operate('POST', '/v2/inventory/filters/search', body).then(async (reply) => {
        const total = reply.headers.get('x-total-count') ?? ''
        outgoing.writeHead(reply.status, { 'x-total-count': total }).end(await reply.text())
      })
    })
  })
  const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
  const devices = await allDevices(server)
  assert.equal(new Set(devices.map(({ id }) => id)).size, count)
  assert.ok(pages.has('3'), [...pages].join())
  await server.upload(await lab.artifact('os-2'))
  const order = await server.deploy({
    name: 'all',
    release: 'os-2',
    devices: devices.map(({ id }) => id),
  })
  assert.equal(order.devices.size, count)
  assert.equal((await lab.server.findDeployment('all'))?.devices.size, count)
})

for (const [status, reason] of [
  [503, 'unreachable'],
  [401, 'bad-credentials'],
] as const) {
  test(`an answer of ${status} without a body is red, with ${reason}, and nothing is called done`, async (t) => {
    const lab = await openLab(t)
    const device = await lab.device(quiet)
    const artifact = await lab.artifact('os-2')
    await lab.server.upload(await lab.artifact('os-1'))
    // reading works, so that only the writing call is what fails
    const url = await serve(t, (incoming, outgoing) => {
      if (incoming.method === 'GET' || incoming.url?.endsWith('/search'))
        return pass(lab.url, incoming, outgoing)
      return void incoming.resume().on('end', () => outgoing.writeHead(status).end())
    })
    const inputs = { server: url, token: lab.token }
    for (const [action, more] of [
      ['upload-artifact', { artifact }],
      ['dispatch-artifact', { release: 'os-1', device: device.key, timeout: '20s' }],
    ] as const) {
      const { code, outputs, log, summary } = await runInRunner(action, { inputs: { ...inputs, ...more } })
      assert.equal(code, 1, log)
      assert.equal(outputs['failure-reason'], reason)
      assert.equal(outputs['changed'], 'false')
      assert.doesNotMatch(log + summary, /uploaded|success/i)
    }
    assert.deepEqual(
      (await lab.server.releases()).map((release) => release.name),
      ['os-1'],
    )
    assert.deepEqual(await lab.server.openDeployments(), [])
  })
}

test('what stands in an input or in a release’s name is text and never run', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device()
  const workspace = await temporaryFolder(t)
  const release = 'feat-$(touch${IFS}pwned)`touch${IFS}pwned`;>pwned'
  const [source, output] = [join(workspace, 'image'), join(workspace, 'a.mender')]
  await writeFile(source, 'content'.padEnd(8192))
  const what = { source, output, name: release, deviceTypes: ['virtual'], compression: 'gzip' } as const
  await writeMender({ ...what, signing: { key: undefined } }, plainContext())
  const inputs = { server: lab.url, token: lab.token }
  const uploaded = await runInRunner('upload-artifact', {
    workspace,
    inputs: { ...inputs, artifact: 'a.mender' },
  })
  assert.equal(uploaded.code, 0, uploaded.log)
  assert.equal(uploaded.outputs['release'], release)
  const dispatched = await runInRunner('dispatch-artifact', {
    workspace,
    inputs: { ...inputs, release, device: device.key, timeout: '30s' },
  })
  assert.equal(dispatched.code, 0, dispatched.log)
  const strange = await runInRunner('dispatch-artifact', {
    workspace,
    inputs: { ...inputs, release, device: '$(touch pwned)', timeout: '30s' },
  })
  assert.equal(strange.outputs['failure-reason'], 'device-missing')
  assert.deepEqual(
    (await readdir(workspace)).filter((one) => one.includes('pwned')),
    [],
  )
  assert.equal(existsSync('pwned'), false)
})

test('a dispatch has outputs, waits for the device’s own word, tries again by itself, and takes back what is cancelled', async (t) => {
  const lab = await openLab(t)
  const [good, silent] = [await lab.device(), await lab.device(quiet)]
  await lab.server.upload(await lab.artifact('os-2'))
  let refused = 0
  const url = await serve(t, (incoming, outgoing) => {
    if (refused++ % 5 === 0) return void incoming.resume().on('end', () => outgoing.writeHead(502).end())
    return pass(lab.url, incoming, outgoing)
  })
  const inputs = { server: url, token: lab.token, release: 'os-2', timeout: '60s' }
  const done = await runInRunner('dispatch-artifact', { inputs: { ...inputs, device: good.key } })
  assert.equal(done.code, 0, done.log)
  assert.ok(refused > 5)
  assert.equal((await lab.server.device(good.key)).release, 'os-2', 'green only when it reports it')
  assert.equal(done.outputs['result'], 'success')
  assert.equal((await lab.server.deployment(done.outputs['deployment'] ?? '')).isFinished, true)

  const cancelled = await runInRunner('dispatch-artifact', {
    inputs: { ...inputs, server: lab.url, device: silent.key },
    onLine: (line, signal) => /is pending/.test(line) && signal('SIGINT'),
  })
  assert.equal(cancelled.outputs['failure-reason'], 'cancelled')
  assert.deepEqual(await lab.server.openDeployments(), [])
})

test('other content under a known name is not passed over as a known upload', async (t) => {
  const lab = await openLab(t)
  const inputs = { server: lab.url, token: lab.token }
  const upload = async (content: string) =>
    runInRunner('upload-artifact', {
      inputs: { ...inputs, artifact: await lab.artifact('os-2', { content }) },
    })
  assert.equal((await upload('one')).code, 0)
  const other = await upload('other')
  assert.equal(other.outputs['failure-reason'], 'artifact-conflict')
  assert.match(other.errors[0]?.message ?? '', /its content is sha256:\w+, this file's is sha256:\w+/)
})
