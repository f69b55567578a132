import assert from 'node:assert/strict'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import * as v from 'valibot'
import { Failure, type HttpClient, openHttp, plainContext, systemClock } from '../../src/platform/platform.ts'

/** A server on loopback that answers with `answer`, and a client for it that doesn't wait between its attempts. */
async function serverThat(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const pauses: number[] = []
  const clock = { ...systemClock, sleep: async (ms: number) => void pauses.push(ms) }
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client: HttpClient = openHttp(
    { baseUrl, authorization: 'Bearer very-secret-token', deadlineMs: 500 },
    plainContext({ clock }),
  )
  return { client, requests, pauses, baseUrl }
}

const schema = v.object({ ok: v.boolean() })

for (const [title, status, body, reason] of [
  ['a wrong token', 401, '{"error":"no"}', 'bad-credentials'],
  ['a refusal', 409, '{"error":"already there"}', 'server-refused'],
  ['a web page', 200, '<!doctype html><p>hello', 'unexpected-reply'],
  ['JSON in another form', 200, '{"ok":"yes"}', 'unexpected-reply'],
  ['JSON that is cut short', 200, '{"ok":', 'unexpected-reply'],
  ['an empty success', 200, '', 'unexpected-reply'],
  ['a gateway that has no server', 503, '', 'unreachable'],
] as const) {
  test(`${title} is the failure ${reason}, without the token in its message`, async (t) => {
    const { client } = await serverThat(t, (_request, response) => response.writeHead(status).end(body))
    await assert.rejects(client.json({ method: 'GET', path: '/x' }, schema), (error) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.reason, reason)
      assert.doesNotMatch(error.message, /very-secret-token/)
      return true
    })
  })
}

test('what is safe to repeat is tried again, and a create is not', async (t) => {
  let count = 0
  const { client, requests } = await serverThat(t, (_request, response) => {
    response.writeHead(++count % 3 === 0 ? 200 : 503).end('{"ok":true}')
  })
  assert.deepEqual(await client.json({ method: 'GET', path: '/a' }, schema), { ok: true })
  assert.equal(requests.length, 3)
  await assert.rejects(client.send({ method: 'POST', path: '/b', json: {} }), { reason: 'unreachable' })
  assert.equal(requests.length, 4)
})

test('a server that asks for patience gets it', async (t) => {
  let count = 0
  const { client, pauses } = await serverThat(t, (_request, response) => {
    if (++count === 1) response.writeHead(429, { 'retry-after': '7' }).end()
    else response.end('{"ok":true}')
  })
  await client.json({ method: 'GET', path: '/' }, schema)
  assert.deepEqual(pauses, [7000])
})

test('a server that is not there, hangs, or breaks off is unreachable', async (t) => {
  const gone = openHttp({ baseUrl: 'http://127.0.0.1:9' }, plainContext())
  await assert.rejects(gone.send({ method: 'POST', path: '/', json: {} }), {
    reason: 'unreachable',
    message: /refused/,
  })
  const hanging = await serverThat(t, () => {})
  await assert.rejects(hanging.client.send({ method: 'POST', path: '/', json: {} }), {
    reason: 'unreachable',
  })
  const breaking = await serverThat(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{')
    setTimeout(() => response.destroy(), 20)
  })
  await assert.rejects(breaking.client.send({ method: 'POST', path: '/', json: {} }), {
    reason: 'unreachable',
  })
})

test('a body without end is cut off', async (t) => {
  const { client } = await serverThat(t, (request, response) => {
    const piece = Buffer.alloc(1 << 20, 32)
    const more = () => {
      while (!request.destroyed && response.write(piece));
      response.once('drain', more)
    }
    more()
  })
  await assert.rejects(client.send({ method: 'GET', path: '/' }), { reason: 'unexpected-reply' })
})

test('an abort ends a request with the reason of the abort', async (t) => {
  const abort = new AbortController()
  const { baseUrl } = await serverThat(t, () => abort.abort(new Failure('cancelled', 'ended')))
  const client = openHttp({ baseUrl }, plainContext({ signal: abort.signal }))
  await assert.rejects(client.send({ method: 'GET', path: '/' }), { reason: 'cancelled' })
})

test('a server behind a proxy is reached through it', async (t) => {
  const { baseUrl } = await serverThat(t, (_request, response) => response.end('{"ok":true}'))
  const asked: string[] = []
  const proxy = createServer()
  proxy.on('connect', (request, near: Socket) => {
    asked.push(request.url ?? '')
    const far = connect({ host: '127.0.0.1', port: Number(new URL(baseUrl).port) }, () => {
      near.write('HTTP/1.1 200 OK\r\n\r\n')
      far.pipe(near).pipe(far)
    })
    for (const socket of [near, far]) socket.on('error', () => far.destroy())
    t.after(() => near.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => proxy.close())
  process.env['http_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  t.after(() => delete process.env['http_proxy'])
  const client = openHttp({ baseUrl: 'http://ota.example.invalid' }, plainContext())
  assert.deepEqual(await client.json({ method: 'GET', path: '/x' }, schema), { ok: true })
  assert.deepEqual(asked, ['ota.example.invalid:80'])
})
