// How many requests reading deployments costs on a Mender server: counts come for all at once, and devices are asked for
// only where the counts are others than at the last look.
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { openServer } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { serve } from '../support/hostile-server.ts'
import { type Lab, openLab, until } from '../support/mender-lab.ts'

/** The lab's server through a proxy that counts requests and, where asked, takes the counts out of lists. */
async function counting(t: TestContext, lab: Lab, hasCounts = true) {
  const asked: string[] = []
  const url = await serve(t, (incoming, outgoing) => {
    const { method, url: path = '', headers } = incoming
    asked.push(`${method} ${path.replace(/\?.*/, '').replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id')}`)
    const onward = request(`${lab.url}${path}`, { method, headers }, (reply) => {
      const pieces: Buffer[] = []
      reply.on('data', (piece: Buffer) => pieces.push(piece))
      reply.on('end', () => {
        const text = Buffer.concat(pieces).toString()
        const isList = !hasCounts && text.startsWith('[') && /\/v2\/deployments\/deployments\?/.test(path)
        const kept = isList
          ? JSON.stringify((JSON.parse(text) as object[]).map((one) => ({ ...one, statistics: undefined })))
          : text
        const { 'content-length': _, ...rest } = reply.headers
        outgoing.writeHead(reply.statusCode ?? 502, rest).end(kept)
      })
    })
    incoming.pipe(onward)
  })
  const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
  return {
    server,
    /** What `work` asks for, each kind with how often. */
    askedBy: async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
      asked.length = 0
      await work()
      const base = /^(\w+) \/api\/management\/v\d\/deployments\/deployments/
      return Object.fromEntries(
        Object.entries(Object.groupBy(asked, (one) => one.replace(base, '$1 '))).map(([what, all]) => [
          what.trim(),
          all?.length ?? 0,
        ]),
      )
    },
  }
}

/** Five orders that nobody has begun, and one that one of its two devices is in the middle of. */
async function sixOrders(lab: Lab) {
  const release = 'os-2'
  await lab.server.upload(await lab.artifact(release))
  const busy = await lab.device({ behaviour: 'hangs', pollMs: 20 })
  const idle = await Promise.all(
    Array.from({ length: 6 }, () => lab.device({ behaviour: 'never asks', pollMs: 1000 })),
  )
  for (const [index, { key }] of idle.slice(1).entries())
    await lab.server.deploy({ name: `idle ${index}`, release, devices: [key] })
  const order = { name: 'begun', release, devices: [busy.key, idle[0]?.key ?? ''] }
  const { id } = await lab.server.deploy(order)
  const state = async () => (await lab.server.deployment(id)).devices.get(busy.key)
  await until(async () => (await state()) === 'installing')
  return { busy, state }
}

test('open deployments cost one request each at the first look, and none while nothing moves', async (t) => {
  const lab = await openLab(t)
  const { busy, state } = await sixOrders(lab)
  const { server, askedBy } = await counting(t, lab)
  assert.deepEqual(await askedBy(() => server.openDeployments()), {
    GET: 2,
    'GET /:id/device_list': 6,
    'GET /:id/devices/list': 1,
  })
  assert.deepEqual(await askedBy(() => server.openDeployments()), { GET: 2 })
  const names = ['begun', 'idle 0', 'idle 1', 'idle 2', 'nowhere']
  assert.deepEqual(await askedBy(() => server.findDeployments(names)), { GET: 1 })
  busy.behaviour = 'success'
  await until(async () => (await state()) === 'success')
  assert.deepEqual(await askedBy(() => server.findDeployments(names)), { GET: 1, 'GET /:id/devices/list': 1 })
  assert.deepEqual(await server.openDeployments(), await lab.server.openDeployments())
  assert.deepEqual(await server.findDeployments(names), await lab.server.findDeployments(names))
})

test('where a list has no counts they are asked for all at once', async (t) => {
  const lab = await openLab(t)
  const { busy, state } = await sixOrders(lab)
  const { server, askedBy } = await counting(t, lab, false)
  assert.deepEqual(await askedBy(() => server.openDeployments()), {
    GET: 2,
    'POST /statistics/list': 2,
    'GET /:id/device_list': 6,
    'GET /:id/devices/list': 1,
  })
  busy.behaviour = 'success'
  await until(async () => (await state()) === 'success')
  assert.deepEqual(await askedBy(() => server.openDeployments()), {
    GET: 2,
    'POST /statistics/list': 2,
    'GET /:id/devices/list': 1,
  })
  assert.deepEqual(await server.openDeployments(), await lab.server.openDeployments())
})

test('a deployment that is waited for is read afresh each time', async (t) => {
  const lab = await openLab(t)
  await sixOrders(lab)
  const { server, askedBy } = await counting(t, lab)
  const { id } = (await server.findDeployments(['begun'])).get('begun') ?? { id: '' }
  assert.deepEqual(await askedBy(() => server.deployment(id)), { 'GET /:id': 1, 'GET /:id/devices/list': 1 })
})
