// A server that does not behave: each fault ends with its own reason, and never in green.
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { type OtaServer, type ServerType, gatherFacts, openServer, serverTypes } from '../../src/ota/ota.ts'
import { type FailureReason, plainContext, systemClock } from '../../src/platform/platform.ts'
import { pass, serve } from '../support/hostile-server.ts'
import { allDevices, openLab } from '../support/mender-lab.ts'

const token = 'planted-token-9f2c'
// retries pause; the pauses are what a test need not wait for
const clock = { ...systemClock, sleep: async () => {} }

function open(url: string, type: ServerType = 'mender'): OtaServer {
  return openServer({ type, url, token }, plainContext({ clock }))
}

/** Every call of the port that an action makes. */
const calls: Record<string, (server: OtaServer) => Promise<unknown>> = {
  devices: (server) => allDevices(server),
  device: (server) => server.device('d'),
  releases: (server) => server.releases(),
  release: (server) => server.release('os-2'),
  deploy: (server) => server.deploy({ name: 'a', release: 'os-2', devices: ['d'] }),
  deployToGroup: (server) => server.deploy({ name: 'a', release: 'os-2', group: 'g' }),
  findDeployment: (server) => server.findDeployment('a'),
  findDeployments: (server) => server.findDeployments(['a', 'b']),
  deployment: (server) => server.deployment('order-a'),
  lastTaken: (server) => server.lastTaken(['d', 'e']),
  openDeployments: (server) => server.openDeployments(),
  withdraw: (server) => server.withdraw('order-a'),
  accept: (server) => server.accept('d'),
  retire: (server) => server.retire('d'),
  leaseOf: (server) => server.leaseOf('d'),
  takeLease: (server) => server.takeLease('d', { id: 'l', holder: 'h', until: '2999-01-01T00:00:00Z' }),
  returnLease: (server) => server.returnLease('d', 'l'),
}

interface Fault {
  name: string
  reason: FailureReason
  answer: (outgoing: ServerResponse) => void
}

const page = '<!doctype html><html><body>Sign in</body></html>'
const faults: Fault[] = [
  { name: '401 without a body', reason: 'bad-credentials', answer: (out) => out.writeHead(401).end() },
  { name: '403', reason: 'bad-credentials', answer: (out) => out.writeHead(403).end('{"error":"no"}') },
  { name: '500', reason: 'server-refused', answer: (out) => out.writeHead(500).end('{"error":"broken"}') },
  { name: '503 without a body', reason: 'unreachable', answer: (out) => out.writeHead(503).end() },
  { name: '502 with a page', reason: 'unreachable', answer: (out) => out.writeHead(502).end(page) },
  {
    name: 'a page with status 200',
    reason: 'unexpected-reply',
    answer: (out) => out.writeHead(200, { 'content-type': 'text/html' }).end(page),
  },
  {
    name: "a web server's 404 page",
    reason: 'unexpected-reply',
    answer: (out) => out.writeHead(404, { 'content-type': 'text/html' }).end(page),
  },
  {
    name: 'a redirect to a sign-in page',
    reason: 'unexpected-reply',
    answer: (out) => out.writeHead(302, { location: '/login' }).end(),
  },
  {
    name: 'JSON cut in the middle',
    reason: 'unexpected-reply',
    answer: (out) => out.writeHead(200).end('[{"id":"a"'),
  },
  {
    name: 'JSON of another shape',
    reason: 'unexpected-reply',
    answer: (out) => out.writeHead(200).end('[{"id":7}]'),
  },
  {
    name: 'a number',
    reason: 'unexpected-reply',
    answer: (out) => out.writeHead(200).end('42'),
  },
  { name: 'a connection reset', reason: 'unreachable', answer: (out) => out.destroy() },
  {
    name: 'an answer cut in the middle',
    reason: 'unreachable',
    answer: (out) => {
      out.writeHead(200, { 'content-length': '1000' }).write('[')
      setTimeout(() => out.destroy(), 5)
    },
  },
]

for (const [type, { name, reason, answer }] of serverTypes.flatMap((type) =>
  faults.map((fault) => [type, fault] as const),
)) {
  test(`${type}: ${name} is ${reason} in every call, without the token in the message`, async (t) => {
    const url = await serve(t, (incoming, outgoing) => {
      incoming.resume().on('end', () => answer(outgoing))
    })
    for (const [call, run] of Object.entries(calls)) {
      await assert.rejects(run(open(url, type)), (error: Error & { reason: string }) => {
        assert.equal(error.reason, reason, `${call}: ${error.message}`)
        assert.doesNotMatch(`${error.message} ${error.stack}`, new RegExp(token))
        return true
      })
    }
  })
}

test('hawkbit: too much at a time is waited for, and too much of something is not', async (t) => {
  const answers = {
    unreachable: '',
    'server-refused':
      '{"errorCode":"hawkbit.server.error.quota.tooManyEntries","message":"quota of 100 reached"}',
  }
  for (const [reason, body] of Object.entries(answers)) {
    let requests = 0
    const url = await serve(t, (incoming, outgoing) => {
      requests++
      incoming.resume().on('end', () => outgoing.writeHead(429).end(body))
    })
    await assert.rejects(open(url, 'hawkbit').releases(), { reason })
    assert.equal(requests, body === '' ? 4 : 1)
  }
})

test('an answer without end is cut off', async (t) => {
  const url = await serve(t, (_incoming, outgoing) => {
    outgoing.writeHead(200)
    const chunk = Buffer.alloc(1 << 20, ' ')
    const more = () => {
      while (outgoing.write(chunk));
    }
    outgoing.on('drain', more)
    more()
  })
  await assert.rejects(open(url).releases(), { reason: 'unexpected-reply', message: /more than \d+ bytes/ })
})

test('a list that pages on for ever is cut off', async (t) => {
  const url = await serve(t, (incoming, outgoing) => {
    incoming.resume()
    const link = '</next>; rel="next"'
    outgoing
      .writeHead(200, { link })
      .end(
        incoming.url?.includes('per_page=1&') ? '[]' : '[{"id":"a","name":"a","device_types_compatible":[]}]',
      )
  })
  await assert.rejects(open(url).releases(), { reason: 'unexpected-reply', message: /pages/ })
})

test('nothing listens: unreachable, with what to check', async (t) => {
  const url = await serve(t, () => {})
  const { port } = new URL(url)
  const gone = `http://127.0.0.1:${Number(port) === 1 ? 2 : 1}`
  await assert.rejects(open(gone).releases(), { reason: 'unreachable', message: /nothing listens there/ })
})

test('a server that hides devices from its pages is not believed', async (t) => {
  const url = await serve(t, (incoming, outgoing) => {
    incoming.resume()
    const isSearch = incoming.url?.endsWith('/search')
    outgoing.writeHead(200, isSearch ? { 'x-total-count': '45' } : {}).end(isSearch ? '[{"id":"a"}]' : '[]')
  })
  await assert.rejects(allDevices(open(url)), {
    reason: 'unexpected-reply',
    message: /45 devices, but lists 1/,
  })
})

test('a server that leaves a device out of an order is found out', async (t) => {
  const lab = await openLab(t)
  const [one, two] = [
    await lab.device({ behaviour: 'never asks' }),
    await lab.device({ behaviour: 'never asks' }),
  ]
  await lab.server.upload(await lab.artifact('os-2'))
  const url = await serve(t, (incoming, outgoing) => {
    if (!incoming.url?.endsWith('/device_list')) return pass(lab.url, incoming, outgoing)
    return void outgoing.writeHead(200).end(JSON.stringify([one.key]))
  })
  const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
  const order = { name: 'wave', release: 'os-2', devices: [one.key, two.key] }
  await assert.rejects(server.deploy(order), { reason: 'device-missing', message: /1 device missing/ })
})

test('an order whose answer is lost is found, and stands once', async (t) => {
  const lab = await openLab(t)
  const one = await lab.device({ behaviour: 'never asks' })
  await lab.server.upload(await lab.artifact('os-2'))
  let lost = 0
  const url = await serve(t, (incoming, outgoing) => {
    pass(lab.url, incoming, outgoing, () => {
      if (incoming.method !== 'POST' || lost > 0) return false
      lost++
      outgoing.destroy()
      return true
    })
  })
  const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
  const { id } = await server.deploy({ name: 'wave', release: 'os-2', devices: [one.key] })
  assert.equal(lost, 1)
  assert.deepEqual(
    (await lab.server.openDeployments()).map((open) => open.id),
    [id],
  )
})

test('more devices than fit on a page are all listed, once each', async (t) => {
  const lab = await openLab(t)
  const count = 510
  const wanted = new Set<string>()
  const started: { stop(): Promise<void> }[] = []
  for (let i = 0; i < count; i += 30) {
    const batch = await Promise.all(
      Array.from({ length: 30 }, (_, j) =>
        lab.device({ serial: `P-${i + j}`, behaviour: 'never asks', pollMs: 1e6 }),
      ),
    )
    for (const device of batch) wanted.add(device.key)
    started.push(...batch)
  }
  let requests = 0
  const url = await serve(t, (incoming, outgoing) => {
    requests++
    pass(lab.url, incoming, outgoing)
  })
  const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
  const all = await allDevices(server)
  assert.equal(all.length, wanted.size)
  assert.deepEqual(new Set(all.map(({ id }) => id)), wanted)
  assert.ok(all.every(({ reportedAt, release }) => reportedAt !== undefined && release === 'old'))
  assert.ok(requests <= 7, `${requests} requests`)
  await lab.server.upload(await lab.artifact('os-2'))
  const order = await lab.server.deploy({ name: 'all', release: 'os-2', devices: [...wanted] })
  assert.equal(order.devices.size, wanted.size)
  assert.equal((await gatherFacts(lab.server, plainContext())).openDeployments[0]?.devices.size, wanted.size)
})

test('a URL that would give the token away is refused, and a token that no header takes', () => {
  const context = plainContext()
  const at = (url: string) => () => openServer({ type: 'mender', url, token }, context)
  for (const url of [
    'http://ota.example.com',
    'http://8.8.8.8',
    'http://172.32.0.1',
    'http://[2001:db8::1]',
    'ftp://a',
    'mender',
    'https://u:p@a.b',
    'https://a.b/?x=1',
    'https://a.b/#x',
    '',
  ]) {
    assert.throws(at(url), { reason: 'bad-input' }, url)
  }
  for (const url of [
    'https://ota.example.com/',
    'http://localhost:8080',
    'http://127.0.0.1',
    'http://10.1.2.3',
    'http://192.168.0.2',
    'http://172.16.0.1',
    'http://[::1]:80',
    'http://[fd00::1]',
  ]) {
    assert.doesNotThrow(at(url), url)
  }
  assert.throws(at('https://u:secret@a.b'), (error: Error) => !error.message.includes('secret'))
  const withToken = (type: 'mender' | 'hawkbit', token: string) => () =>
    openServer({ type, url: 'https://a.b', token }, context)
  for (const type of ['mender', 'hawkbit'] as const) {
    assert.throws(withToken(type, 'a\nb'), { reason: 'bad-input' })
    assert.throws(withToken(type, 'a b'), { reason: 'bad-input' })
    assert.doesNotThrow(withToken(type, 'eyJ.a.b'))
  }
  assert.throws(withToken('hawkbit', 'ci:a\nb'), { reason: 'bad-input' })
  assert.doesNotThrow(withToken('hawkbit', 'TENANT\\ci:pass: wörd'))
})

test('a lease that is written late does not overwrite the one that was first', async (t) => {
  const lab = await openLab(t)
  const { key } = await lab.device()
  const lease = (id: string) => ({ id, holder: id, until: new Date(Date.now() + 60_000).toISOString() })
  let isHeld = false
  const url = await serve(t, (incoming, outgoing) => {
    if (isHeld || !incoming.url?.endsWith('/tags')) return pass(lab.url, incoming, outgoing)
    isHeld = true
    // the other one is through before this one's write goes on
    return void lab.server.takeLease(key, lease('quick')).then(() => pass(lab.url, incoming, outgoing))
  })
  const slow = openServer({ type: 'mender', url, token: lab.token }, plainContext())
  assert.equal((await slow.takeLease(key, lease('slow'))).id, 'quick')
  assert.equal((await lab.server.leaseOf(key))?.id, 'quick')
})

test('an order that the server only says it took back still stands, and is no success', async (t) => {
  const lab = await openLab(t)
  const devices = [
    await lab.device({ behaviour: 'never asks' }),
    await lab.device({ behaviour: 'never asks' }),
  ]
  const [one = '', two = ''] = devices.map(({ key }) => key)
  await lab.server.upload(await lab.artifact('os-2'))
  const { id } = await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [one, two] })
  const url = await serve(t, (incoming, outgoing) => {
    const isAbort = incoming.method === 'DELETE' || incoming.url?.endsWith('/status') === true
    if (isAbort) outgoing.writeHead(204).end()
    else pass(lab.url, incoming, outgoing)
  })
  const server = openServer({ type: 'mender', url, token: lab.token }, plainContext({ clock }))
  await assert.rejects(server.withdraw(id), { reason: 'unexpected-reply', message: /wave-1 back from/ })
  await assert.rejects(server.withdraw(id, [], [two]), {
    reason: 'unexpected-reply',
    message: new RegExp(two),
  })
  assert.deepEqual([...(await lab.server.deployment(id)).devices.values()], ['pending', 'pending'])
})
