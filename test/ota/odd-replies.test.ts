// A server that answers a few looks with nonsense, as one that is being restarted behind a proxy does.
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { dispatch, openServer } from '../../src/ota/ota.ts'
import { plainContext, systemClock } from '../../src/platform/platform.ts'
import { pass, serve } from '../support/hostile-server.ts'
import { openLab, until } from '../support/mender-lab.ts'

// the waiting is real, only shorter
const quick = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 40), signal),
}

/** Dispatches to a device that updates once `odd` looks at the deployment, after the first, were answered so. */
async function dispatchedWith(t: TestContext, odd: number, answer: (outgoing: ServerResponse) => void) {
  const lab = await openLab(t)
  const device = await lab.device({ release: 'os-1', behaviour: 'hangs' })
  await lab.server.upload(await lab.artifact('os-2'))
  let looks = 0
  const url = await serve(t, (incoming, outgoing) => {
    const isLook =
      incoming.method === 'GET' && /deployments\/deployments\/[\da-f-]{36}$/.test(incoming.url ?? '')
    if (!isLook || ++looks <= 3 || looks > 3 + odd) return pass(lab.url, incoming, outgoing)
    incoming.resume().on('end', () => answer(outgoing))
  })
  const server = openServer({ type: 'mender', url, token: lab.token }, plainContext())
  const order = {
    release: 'os-2',
    device: device.key,
    timeoutMs: 60_000,
    runId: 'run',
    logFolder: lab.folder,
  }
  const going = dispatch(server, order, { ...plainContext(), clock: quick })
  const ended = going.then(
    ({ result }) => result,
    (error: unknown) => error,
  )
  await Promise.race([ended, until(async () => looks > 3 + odd)])
  device.behaviour = 'success'
  return await ended
}

const answers: [string, (outgoing: ServerResponse) => void][] = [
  ['an error', (out) => out.writeHead(500).end('{"error":"internal error"}')],
  ["a proxy's error", (out) => out.writeHead(520, { 'content-type': 'text/html' }).end('<html>520</html>')],
  ['a page', (out) => out.writeHead(200, { 'content-type': 'text/html' }).end('<html>back soon</html>')],
]

for (const [what, answer] of answers)
  test(`some looks that are answered with ${what} end no dispatch`, async (t) => {
    assert.equal(await dispatchedWith(t, 4, answer), 'success')
  })

test('a server that goes on to answer with nonsense is a failure', async (t) => {
  const ended = await dispatchedWith(t, 1000, (out) => out.writeHead(500).end('{"error":"internal error"}'))
  assert.ok(ended instanceof Error && 'reason' in ended)
  assert.equal(ended.reason, 'server-refused')
})
