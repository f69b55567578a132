// Orders to a group on a Mender server whose services differ for a while, or whose groups change in between.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { openServer } from '../../src/ota/ota.ts'
import { plainContext, systemClock } from '../../src/platform/platform.ts'
import { serve } from '../support/hostile-server.ts'
import { type Lab, openLab } from '../support/mender-lab.ts'

const clock = { ...systemClock, sleep: async () => {} }

interface Between {
  /** Before the server sees a request. */
  before?: (request: string) => Promise<void>
  /** What becomes of an answer. */
  answer?: (request: string, text: string) => string
}

/** The lab's server, with something between it and us. */
async function through(t: TestContext, lab: Lab, { before, answer = (_, text) => text }: Between) {
  const url = await serve(t, (incoming, outgoing) => {
    const { method, url: path = '', headers } = incoming
    const what = `${method} ${path}`
    const pieces: Buffer[] = []
    incoming.on('data', (piece: Buffer) => pieces.push(piece))
    incoming.on('end', () => {
      void Promise.resolve(before?.(what)).then(() => {
        const onward = request(`${lab.url}${path}`, { method, headers }, (reply) => {
          const answered: Buffer[] = []
          reply.on('data', (piece: Buffer) => answered.push(piece))
          reply.on('end', () => {
            const { 'content-length': _, ...rest } = reply.headers
            const text = answer(what, Buffer.concat(answered).toString())
            outgoing.writeHead(reply.statusCode ?? 502, rest).end(text)
          })
        })
        onward.end(Buffer.concat(pieces))
      })
    })
  })
  return openServer({ type: 'mender', url, token: lab.token }, plainContext({ clock }))
}

async function bench(t: TestContext) {
  const lab = await openLab(t)
  const devices = await Promise.all([0, 1].map(() => lab.device({ behaviour: 'never asks' })))
  const keys = devices.map(({ key }) => key)
  await lab.group('bench', keys)
  await lab.server.upload(await lab.artifact('os-2'))
  return { lab, keys, order: { name: 'to the bench', release: 'os-2', group: 'bench' } }
}

/** An inventory that has not heard yet who is accepted. */
const late = (text: string) => text.replaceAll('"value":"accepted"', '"value":"pending"')
const isSearch = (what: string) => what.includes('/inventory/filters/search')

test('a device that was accepted a moment ago is waited for', async (t) => {
  const { lab, keys, order } = await bench(t)
  let searches = 0
  const answer = (what: string, text: string) => (isSearch(what) && ++searches < 3 ? late(text) : text)
  const { devices } = await (await through(t, lab, { answer })).deploy(order)
  assert.deepEqual([...devices.keys()].sort(), keys.sort())
  assert.equal(searches, 3)
})

test('nothing is ordered where the services go on to differ', async (t) => {
  const { lab, keys, order } = await bench(t)
  const answer = (what: string, text: string) => (isSearch(what) ? late(text) : text)
  await assert.rejects((await through(t, lab, { answer })).deploy(order), {
    reason: 'device-not-accepted',
    message: new RegExp(keys[0] ?? ''),
  })
  assert.deepEqual(await lab.server.openDeployments(), [])
})

test('an order that the server gave to fewer or more than were in the group is named', async (t) => {
  for (const reason of ['device-missing', 'server-refused'] as const) {
    const { lab, keys, order } = await bench(t)
    const other = await lab.device({ behaviour: 'never asks' })
    const before = async (what: string) => {
      if (!what.startsWith('POST') || !what.includes('/deployments/group/')) return
      if (reason === 'server-refused') await lab.group('bench', [other.key])
      else await lab.group('porch', keys.slice(0, 1))
    }
    const named = reason === 'server-refused' ? other.key : (keys[0] ?? '')
    await assert.rejects((await through(t, lab, { before })).deploy(order), {
      reason,
      message: new RegExp(named),
    })
  }
})

test('a private key or none is no key to let a device in by', async (t) => {
  const { server } = await openLab(t)
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const key of ['', 'a token', pem])
    await assert.rejects(server.preauthorise({ identity: { serial: 'N-1' }, key }), (error: Error) => {
      assert.equal((error as Error & { reason: string }).reason, 'bad-key')
      assert.ok(!error.message.includes(pem.split('\n')[1] ?? ''))
      return true
    })
})
