// An upload over a connection that breaks: it is found again or sent again, and never called done when it is not.
import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { openServer } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { type Handler, pass, serve } from '../support/hostile-server.ts'
import { type Lab, openLab } from '../support/mender-lab.ts'
import { other, rsa } from '../artifact/keys.ts'

const isUpload: (incoming: { method?: string | undefined; url?: string | undefined }) => boolean = (
  incoming,
) => incoming.method === 'POST' && incoming.url?.endsWith('/artifacts') === true

async function through(t: TestContext, lab: Lab, handler: Handler, context = plainContext()) {
  const url = await serve(t, handler)
  return openServer({ type: 'mender', url, token: lab.token }, context)
}

test('a connection that breaks in the middle is tried again', async (t) => {
  const lab = await openLab(t)
  let broken = 0
  const server = await through(t, lab, (incoming, outgoing) => {
    if (!isUpload(incoming) || broken > 0) return pass(lab.url, incoming, outgoing)
    broken++
    return void incoming.once('data', () => incoming.socket.destroy())
  })
  const uploaded = await server.upload(await lab.artifact('os-2', { content: 'x'.repeat(1 << 20) }))
  assert.equal(broken, 1)
  assert.equal(uploaded.isNew, true)
  assert.equal((await lab.server.releases())[0]?.artifacts.length, 1)
})

test('a gateway that gives up although the server has it is not asked twice', async (t) => {
  const lab = await openLab(t)
  let uploads = 0
  const server = await through(t, lab, (incoming, outgoing) => {
    if (!isUpload(incoming)) return pass(lab.url, incoming, outgoing)
    uploads++
    return pass(lab.url, incoming, outgoing, () => {
      outgoing.writeHead(504).end('<html>gateway timeout</html>')
      return true
    })
  })
  const uploaded = await server.upload(await lab.artifact('os-2'))
  assert.equal(uploads, 1)
  assert.equal(uploaded.isNew, true)
})

test('a gateway that never lets it through is unreachable after a few tries', async (t) => {
  const lab = await openLab(t)
  let uploads = 0
  const server = await through(t, lab, (incoming, outgoing) => {
    if (!isUpload(incoming)) return pass(lab.url, incoming, outgoing)
    uploads++
    return void incoming.resume().on('end', () => outgoing.writeHead(502).end())
  })
  await assert.rejects(server.upload(await lab.artifact('os-2')), { reason: 'unreachable' })
  assert.equal(uploads, 3)
  assert.deepEqual(await lab.server.releases(), [])
})

test('a proxy that answers 502 in the middle, or ends each request after a time, is tried again and then told of', async (t) => {
  const lab = await openLab(t)
  const content = 'x'.repeat(4 << 20)
  let uploads = 0
  const early = await through(t, lab, (incoming, outgoing) => {
    if (!isUpload(incoming) || uploads++ > 0) return pass(lab.url, incoming, outgoing)
    // it answers while the body still comes, and takes no more of it
    return void incoming.once('data', () => {
      outgoing.writeHead(502, { connection: 'close' }).end('<html>bad gateway</html>')
      incoming.pause()
    })
  })
  assert.equal((await early.upload(await lab.artifact('os-2', { content }))).isNew, true)
  assert.ok(uploads >= 2)

  let ended = 0
  let looks = 0
  // half a minute goes by between two looks at the clock
  const clock = { now: () => new Date(30_000 * looks++), sleep: async () => {} }
  const handler: Handler = (incoming, outgoing) => {
    pass(lab.url, incoming, outgoing)
    if (!isUpload(incoming)) return
    ended++
    incoming.once('data', () => incoming.destroy())
  }
  const impatient = await through(t, lab, handler, plainContext({ clock }))
  await assert.rejects(impatient.upload(await lab.artifact('os-3', { content })), {
    reason: 'unreachable',
    message: /after \S+; where each try breaks after the same time, a proxy/,
  })
  assert.equal(ended, 3)
  assert.deepEqual(
    (await lab.server.releases()).map(({ name }) => name),
    ['os-2'],
  )
})

test('an upload that is answered with success and not there is incomplete', async (t) => {
  const lab = await openLab(t)
  for (const body of ['', '<html>thank you</html>']) {
    const server = await through(t, lab, (incoming, outgoing) => {
      if (!isUpload(incoming)) return pass(lab.url, incoming, outgoing)
      return void incoming.resume().on('end', () => outgoing.writeHead(201).end(body))
    })
    await assert.rejects(server.upload(await lab.artifact('os-2')), { reason: 'upload-incomplete' })
  }
})

test('an upload that the server lists with another size, none, or another checksum is incomplete', async (t) => {
  const lab = await openLab(t)
  const path = await lab.artifact('os-2')
  await lab.server.upload(path)
  interface Listed {
    size: number
    updates: { files: { checksum: string }[] }[]
  }
  const changes: readonly ((one: Listed) => unknown)[] = [
    (one) => ({ ...one, size: one.size - 512 }),
    (one) => ({ ...one, size: undefined }),
    (one) => ({ ...one, updates: [{ ...one.updates[0], files: [{ name: 'a', checksum: '0'.repeat(64) }] }] }),
  ]
  for (const change of changes) {
    const server = await through(t, lab, (incoming, outgoing) => {
      if (!incoming.url?.includes('/v2/deployments/artifacts')) return pass(lab.url, incoming, outgoing)
      return void lab.operate('GET', '/v2/deployments/artifacts').then(async (reply) => {
        const listed = (await reply.json()) as Listed[]
        outgoing.writeHead(200).end(JSON.stringify(listed.map(change)))
      })
    })
    await assert.rejects(server.upload(path), { reason: 'upload-incomplete', message: /delete it there/ })
  }
})

test('a file that is exchanged after it was verified does not get onto the server', async (t) => {
  const lab = await openLab(t)
  const verified = await lab.artifact('os-2', { signingKey: rsa.pkcs8 })
  const exchanged = await lab.artifact('os-2', { signingKey: other.pkcs8 })
  const server = await through(t, lab, (incoming, outgoing) => {
    if (isUpload(incoming)) return pass(lab.url, incoming, outgoing)
    // it was read to its end when the server is asked what it has
    return void copyFile(exchanged, verified).then(() => pass(lab.url, incoming, outgoing))
  })
  await assert.rejects(server.upload(verified, [rsa.public]), { reason: 'artifact-damaged' })
  assert.deepEqual(await lab.server.releases(), [])
})

test('a large file is sent in constant memory, with a line of progress', async (t) => {
  const lab = await openLab(t)
  let received = 0
  const sink = await serve(t, (incoming, outgoing) => {
    incoming.on('data', (chunk: Buffer) => (received += chunk.length))
    incoming.on('end', () => outgoing.writeHead(204).end())
  })
  const { markFile, multipart, openHttp } = await import('../../src/platform/platform.ts')
  const { truncate, writeFile } = await import('node:fs/promises')
  const path = `${lab.folder}/large`
  await writeFile(path, '')
  const sizeBytes = 512 << 20
  await truncate(path, sizeBytes)
  const lines: string[] = []
  let ticks = 0
  const context = plainContext({
    log: { ...plainContext().log, info: (line) => lines.push(line) },
    // each look at the clock is a tenth of a second later: progress without the waiting
    clock: { now: () => new Date(100 * ticks++), sleep: async () => {} },
  })
  const form = {
    fields: [['size', '1'] as const],
    field: 'artifact',
    path,
    fileName: 'a',
    contentType: 'a/b',
    sizeBytes,
    mark: await markFile(path),
  }
  const before = process.memoryUsage().rss
  await openHttp({ baseUrl: sink }, context).send({ method: 'POST', path: '/', ...multipart(form, context) })
  assert.ok(received > sizeBytes)
  assert.match(lines.join('\n'), /sent \d+ of 512 MiB in .*MiB\/s/)
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  assert.ok(grown < 120, `${Math.round(grown)} MiB more`)
})
