// Callers that are slow, stuck or too many: each is cut off, and the others are served meanwhile.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { needs } from '../support/needs.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'
import { type Lab, acceptedDevice, moduleArtifact, startLab } from './lab.ts'

/** A connection to the lab's server, and when it ended. */
async function dial(t: TestContext, lab: Lab): Promise<{ socket: Socket; ended: Promise<number> }> {
  const socket = connect(Number(new URL(lab.server.url).port), '127.0.0.1')
  undo(t, () => socket.destroy())
  socket.on('error', () => {})
  const startedAt = performance.now()
  // a reset is an end as well, and events.once would throw it
  const ended = new Promise<number>((resolve) => {
    socket.once('close', () => resolve(performance.now() - startedAt))
  })
  await once(socket, 'connect')
  return { socket, ended }
}

/** Sends a text bit by bit, for as long as the connection lasts. */
function drip(socket: Socket, text: string, everyMs: number): void {
  let at = 0
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer)
    else socket.write(text[at++ % text.length] ?? '')
  }, everyMs)
  socket.once('close', () => clearInterval(timer))
}

async function isServing(lab: Lab): Promise<void> {
  const reply = await fetch(`${lab.server.url}/healthz`)
  assert.deepEqual(await reply.json(), { status: 'ok' })
}

const limits = { headersMs: 500, bodyMs: 500, idleMs: 1000 }

test('who sends nothing, or a header without end, is cut off', async (t) => {
  const lab = await startLab(t, { limits })
  const [silent, slow] = [await dial(t, lab), await dial(t, lab)]
  slow.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nX: ')
  drip(slow.socket, 'y', 50)
  silent.socket.resume()
  slow.socket.resume()
  await isServing(lab)
  for (const { ended } of [silent, slow]) assert.ok((await ended) < 5000)
  await isServing(lab)
})

test('a body that drips is cut off, whether anybody may send it or not', async (t) => {
  const lab = await startLab(t, { limits })
  const head = (path: string, token: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 100000\r\n\r\n`
  for (const [path, token, limitMs] of [
    ['/api/devices/v1/authentication/auth_requests', '', 5000],
    ['/api/management/v1/deployments/deployments', lab.server.token, 5000],
    // refused at once, and the rest is waited for a little so that the answer arrives
    ['/api/management/v1/deployments/artifacts', 'wrong', 15_000],
  ] as const) {
    const { socket, ended } = await dial(t, lab)
    socket.resume().write(head(path, token))
    drip(socket, ' ', 50)
    assert.ok((await ended) < limitMs, path)
  }
  await isServing(lab)
})

test('an upload on which nothing moves is cut off, and leaves nothing', async (t) => {
  const lab = await startLab(t, { limits })
  const { socket, ended } = await dial(t, lab)
  const part = '--b\r\nContent-Disposition: form-data; name="artifact"; filename="a"\r\n\r\n'
  socket
    .resume()
    .write(
      `POST /api/management/v1/deployments/artifacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${lab.server.token}\r\n` +
        `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n${part}begin`,
    )
  assert.ok((await ended) < 5000)
  assert.deepEqual(await lab.expect(200, 'GET', 'v1/deployments/artifacts'), [])
})

test('who stops reading a download is cut off', { skip: needs('mender-artifact') }, async (t) => {
  const lab = await startLab(t, { limits })
  const device = await acceptedDevice(lab, 'one')
  // more than any socket buffers
  const artifact = await moduleArtifact(lab.folder, 'os-1', { content: randomBytes(24 << 20) })
  assert.equal((await lab.upload(artifact)).status, 201)
  const order = { name: 'first', artifact_name: 'os-1', devices: [device.id] }
  await lab.expect(201, 'POST', 'v1/deployments/deployments', order)
  const { offer } = await device.next({ artifact_name: 'old', device_type: 'testdev' })
  const { pathname, search } = new URL(offer?.artifact.source.uri ?? '')
  const { socket } = await dial(t, lab)
  socket.pause().write(`GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await until('the download has begun', () => isReading(lab))
  const startedAt = performance.now()
  await until('the file is closed', () => !isReading(lab))
  assert.ok(performance.now() - startedAt < 10_000)
  await isServing(lab)
})

test('a flood of connections stops nothing: further ones are closed, and when they go all is as before', async (t) => {
  const lab = await startLab(t, { limits: { headersMs: 3000, connections: 200 } })
  const flood = await Promise.all(Array.from({ length: 400 }, () => dial(t, lab)))
  for (const { socket } of flood) socket.resume()
  // an open connection of the flood ends by itself at the latest after `headersMs`
  const answers = () =>
    isServing(lab).then(
      () => true,
      () => false,
    )
  await until('it serves in the flood', answers, 10_000)
  await Promise.all(flood.map(({ ended }) => ended))
  await Promise.all(Array.from({ length: 100 }, () => isServing(lab)))
  const device = await acceptedDevice(lab, 'one')
  assert.equal((await device.inventory({})).status, 200)
})

/** Whether this process, which the server is part of, has an artifact open. */
function isReading(lab: Lab): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(join(lab.dataDir, 'artifacts'))
    } catch {
      return false // closed meanwhile
    }
  })
}
