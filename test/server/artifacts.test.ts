import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { type ClientRequest, request as openRequest } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { until } from '../support/until.ts'
import { undo } from '../support/undo.ts'
import { type Artifact, type Lab, acceptedDevice, callers, moduleArtifact, startLab } from './lab.ts'

const skip = needs('mender-artifact')
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
const stored = (lab: Pick<Lab, 'dataDir'>) => readdirSync(join(lab.dataDir, 'artifacts'))

test('an upload is stored by its digest and listed as the real tools read it', { skip }, async (t) => {
  const lab = await startLab(t)
  const artifact = await moduleArtifact(lab.folder, 'release-1', {
    deviceTypes: ['a', 'b'],
    content: 'hello',
  })
  const id = randomUUID()
  const reply = await lab.upload(artifact, {
    size: String(artifact.length),
    description: 'größer',
    unknown: 'skipped',
    artifact_id: id,
  })
  assert.equal(reply.status, 201, await reply.text())
  assert.equal(reply.headers.get('location'), `/api/management/v1/deployments/artifacts/${id}`)
  assert.deepEqual(stored(lab), [sha256(artifact)])
  const [listed] = await lab.expect<Record<string, unknown>[]>(200, 'GET', 'v1/deployments/artifacts')
  const { modified, updates, ...rest } = listed ?? {}
  assert.ok(Date.parse(String(modified)))
  assert.deepEqual(rest, {
    id,
    name: 'release-1',
    description: 'größer',
    device_types_compatible: ['a', 'b'],
    info: { format: 'mender', version: 3 },
    signed: false,
    artifact_provides: { artifact_name: 'release-1', 'rootfs-image.testmod.version': 'release-1' },
    artifact_depends: { device_type: ['a', 'b'] },
    clears_artifact_provides: ['rootfs-image.testmod.*'],
    size: artifact.length,
  })
  const [update] = updates as {
    type_info: unknown
    files: Record<string, unknown>[]
    meta_data: unknown
    metadata: unknown
  }[]
  assert.deepEqual(update?.type_info, { type: 'testmod' })
  assert.deepEqual(
    [update?.meta_data, update?.metadata],
    [[], {}],
    'a list and a map: clients decode one or the other',
  )
  const { date, ...file } = update?.files[0] ?? {}
  assert.ok(Date.parse(String(date)))
  assert.deepEqual(file, { name: 'payload', checksum: sha256(Buffer.from('hello')), size: 5 })
  assert.deepEqual(await lab.expect(200, 'GET', `v1/deployments/artifacts/${id}`), listed)
  await lab.expect(204, 'PUT', `v1/deployments/artifacts/${id}`, { description: 'other' })
  assert.equal(
    (await lab.expect<Artifact>(200, 'GET', `v1/deployments/artifacts/${id}`)).description,
    'other',
  )
})

test(
  'the same name for the same device type is 409, for another one it joins the release',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const artifact = await moduleArtifact(lab.folder, 'release-1')
    assert.equal((await lab.upload(artifact)).status, 201)
    const again = await lab.upload(artifact)
    assert.equal(again.status, 409)
    const envelope = (await again.json()) as Record<string, unknown>
    assert.equal(envelope['error'], 'an artifact with the same name and depends already exists')
    assert.deepEqual(envelope['metadata'], {
      conflict: [{ artifact_name: 'release-1', device_type: 'testdev' }],
    })
    const other = await moduleArtifact(lab.folder, 'release-1', {
      deviceTypes: ['x', 'testdev'],
      content: 'other',
    })
    assert.equal((await lab.upload(other)).status, 409, 'one device type in common is enough')
    const joining = await moduleArtifact(lab.folder, 'release-1', { deviceTypes: ['x'] })
    assert.equal((await lab.upload(joining)).status, 201)
    assert.equal(stored(lab).length, 2, 'what was refused left nothing')

    const [release] = await lab.expect<{ name: string; artifacts: Artifact[] }[]>(
      200,
      'GET',
      'v2/deployments/deployments/releases',
    )
    assert.equal(release?.artifacts.length, 2)
    const [old] = await lab.expect<{ Name: string; Artifacts: Artifact[] }[]>(
      200,
      'GET',
      'v1/deployments/deployments/releases?name=release-1',
    )
    assert.deepEqual([old?.Name, old?.Artifacts.length], ['release-1', 2])
    await lab.expect(404, 'GET', 'v2/deployments/deployments/releases/release-2')
  },
)

test('a release’s name may hold anything', { skip }, async (t) => {
  const lab = await startLab(t)
  const name = "50% ../it's & ünï"
  const reply = await lab.upload(await moduleArtifact(lab.folder, name))
  assert.equal(reply.status, 201, await reply.text())
  const found = await lab.expect<Artifact[]>(
    200,
    'GET',
    `v2/deployments/artifacts?name=${encodeURIComponent(name)}`,
  )
  assert.equal(found[0]?.name, name)
  const path = `v2/deployments/deployments/releases/${encodeURIComponent(name)}`
  assert.equal((await lab.expect<{ name: string }>(200, 'GET', path)).name, name)
})

test(
  'a damaged or cut artifact, and a request that is none, are 400 with the reason and leave nothing',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const artifact = await moduleArtifact(lab.folder, 'release-1', { content: randomBytes(100_000) })
    const damaged = Buffer.from(artifact)
    damaged[artifact.length - 50_000] = (damaged[artifact.length - 50_000] ?? 0) ^ 1
    for (const [what, body] of [
      ['damaged', damaged],
      ['cut', artifact.subarray(0, 60_000)],
      ['with something behind it', Buffer.concat([artifact, Buffer.from('more')])],
      ['empty', Buffer.alloc(0)],
      ['something else', randomBytes(10_000)],
    ] as const) {
      const reply = await lab.upload(body)
      const { error } = (await reply.json()) as { error: string }
      assert.equal(reply.status, 400, `${what}: ${error}`)
      assert.match(error, /^Cannot parse artifact file: ./, what)
    }
    for (const fields of [
      { size: '17' },
      { size: String(artifact.length + 1) },
      { size: 'many' },
      { artifact_id: '../x' },
    ])
      assert.equal((await lab.upload(artifact, fields)).status, 400)
    const url = `${lab.server.url}/api/management/v1/deployments/artifacts`
    for (const [type, body] of [
      ['application/json', '{}'],
      ['multipart/form-data', 'x'],
      [
        'multipart/form-data; boundary=b',
        '--b\r\nContent-Disposition: form-data; name="size"\r\n\r\n5\r\n--b--\r\n',
      ],
      ['multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="artifact"\r\n\r\n5'],
      ['multipart/form-data; boundary=b', `--b\r\nX: ${'y'.repeat(20_000)}\r\n\r\n5\r\n--b--`],
      ['multipart/form-data; boundary=b', 'nothing like it'],
    ] as const) {
      const headers = { authorization: `Bearer ${lab.server.token}`, 'content-type': type }
      const reply = await fetch(url, { method: 'POST', headers, body })
      assert.equal(reply.status, 400, `${type} ${await reply.text()}`)
    }
    assert.deepEqual(stored(lab), [])
    assert.deepEqual(await lab.expect(200, 'GET', 'v1/deployments/artifacts'), [])
  },
)

test('an upload may come in pieces of any size, with or without a length', { skip }, async (t) => {
  const lab = await startLab(t)
  for (const [index, size] of [1, 7, 64, 4096, 1 << 20].entries()) {
    const artifact = await moduleArtifact(lab.folder, `release-${index}`, {
      content: '\r\n--bound\r\n--boundar\r\n',
    })
    const body = multipart(artifact, 'boundary')
    const reply = await lab.call('GET', 'v1/deployments/artifacts') // keeps the connection pool busy as real clients do
    await reply.text()
    const request = startUpload(lab, 'boundary', size % 2 === 0 ? body.length : undefined)
    for (let at = 0; at < body.length; at += size) request.write(body.subarray(at, at + size))
    request.end()
    assert.equal(await statusOf(request), 201)
    assert.deepEqual(await readFile(join(lab.dataDir, 'artifacts', sha256(artifact))), artifact)
  }
})

test('an upload that breaks off leaves nothing', { skip }, async (t) => {
  const lab = await startLab(t)
  const artifact = await moduleArtifact(lab.folder, 'release-1', { content: randomBytes(300_000) })
  const body = multipart(artifact, 'boundary')
  const request = startUpload(lab, 'boundary', undefined)
  request.on('error', () => {})
  request.write(body.subarray(0, 200_000))
  await until('a part is stored', () => stored(lab).length === 1)
  request.destroy()
  await until('the part is gone', () => stored(lab).length === 0)
  assert.deepEqual(await lab.expect(200, 'GET', 'v1/deployments/artifacts'), [])
})

test('an artifact over the limit is 413, said before all of it came', { skip }, async (t) => {
  const lab = await startLab(t, { maxArtifactBytes: 50_000 })
  const artifact = await moduleArtifact(lab.folder, 'release-1', { content: randomBytes(100_000) })
  assert.equal((await lab.upload(artifact)).status, 413)
  const request = startUpload(lab, 'boundary', 100 << 20)
  request.on('error', () => {})
  request.write('--boundary')
  assert.equal(await statusOf(request), 413)
  request.destroy()
  assert.deepEqual(stored(lab), [])
})

test(
  'a full disk is 507, keeps what was there and stores nothing by halves',
  { skip: skip || needs('root', 'unshare') },
  async (t) => {
    const folder = await temporaryFolder(t)
    const dataDir = join(folder, 'ota')
    await mkdir(dataDir)
    const script = `mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3" "$1" 0 none`
    const entry = join(import.meta.dirname, '../../src/server/process.ts')
    const args = [
      '-m',
      '--propagation',
      'private',
      'sh',
      '-c',
      script,
      'sh',
      dataDir,
      process.execPath,
      entry,
    ]
    const child = spawn('unshare', args, { stdio: 'inherit' })
    undo(t, () => ended(child))
    // the folder's content is seen through the process that has it mounted
    const inside = (name: string) => readFile(join(`/proc/${child.pid}/root`, dataDir, name), 'utf8')
    const said = await until('the server is ready', () => inside('server.json').catch(() => undefined))
    const { url } = JSON.parse(said) as { url: string }
    const lab = callers({ url, token: (await inside('token')).trim() })
    const small = await moduleArtifact(folder, 'release-1')
    assert.equal((await lab.upload(small)).status, 201)
    const large = await moduleArtifact(folder, 'release-2', { content: randomBytes(3 << 20) })
    const reply = await lab.upload(large)
    assert.equal(reply.status, 507)
    assert.match(((await reply.json()) as { error: string }).error, /disk is full/)
    const names = (await lab.expect<Artifact[]>(200, 'GET', 'v1/deployments/artifacts')).map(
      ({ name }) => name,
    )
    assert.deepEqual(names, ['release-1'])
    assert.deepEqual(readdirSync(join(`/proc/${child.pid}/root`, dataDir, 'artifacts')), [sha256(small)])
    assert.equal((await lab.upload(await moduleArtifact(folder, 'release-3'))).status, 201, 'it goes on')
  },
)

test(
  'an artifact that an open deployment hands out stays; without one it goes with its file',
  { skip },
  async (t) => {
    const lab = await startLab(t)
    const device = await acceptedDevice(lab, 'one')
    await lab.upload(await moduleArtifact(lab.folder, 'release-1'))
    const [artifact] = await lab.expect<Artifact[]>(200, 'GET', 'v1/deployments/artifacts')
    const order = { name: 'first', artifact_name: 'release-1', devices: [device.id] }
    await lab.expect(201, 'POST', 'v1/deployments/deployments', order)
    await lab.expect(409, 'DELETE', `v1/deployments/artifacts/${artifact?.id}`)
    await lab.expect(204, 'DELETE', `v1/deployments/deployments/devices/${device.id}`)
    await lab.expect(204, 'DELETE', `v1/deployments/artifacts/${artifact?.id}`)
    await lab.expect(404, 'DELETE', `v1/deployments/artifacts/${artifact?.id}`)
    assert.deepEqual(stored(lab), [])
  },
)

async function offered(t: TestContext) {
  const lab = await startLab(t)
  const device = await acceptedDevice(lab, 'one')
  const artifact = await moduleArtifact(lab.folder, 'release-1', { content: randomBytes(200_000) })
  await lab.upload(artifact)
  const order = { name: 'first', artifact_name: 'release-1', devices: [device.id] }
  await lab.expect(201, 'POST', 'v1/deployments/deployments', order)
  const { offer } = await device.next({ artifact_name: 'old', device_type: 'testdev' })
  return { lab, artifact, uri: offer?.artifact.source.uri ?? '' }
}

test(
  'a download needs no token, has its length, and goes on from where it broke off',
  { skip },
  async (t) => {
    const { artifact, uri } = await offered(t)
    const whole = await fetch(uri)
    assert.equal(whole.status, 200)
    assert.equal(whole.headers.get('content-length'), String(artifact.length))
    assert.equal(whole.headers.get('content-type'), 'application/vnd.mender-artifact')
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), artifact)
    const tag = whole.headers.get('etag') ?? ''
    const [size, last] = [artifact.length, artifact.length - 1]

    const get = async (headers: Record<string, string>) => {
      const reply = await fetch(uri, { headers })
      const body = Buffer.from(await reply.arrayBuffer())
      return { status: reply.status, range: reply.headers.get('content-range'), body }
    }
    const rest = await get({ range: 'bytes=100000-' })
    assert.deepEqual([rest.status, rest.range], [206, `bytes 100000-${last}/${size}`])
    assert.deepEqual(Buffer.concat([artifact.subarray(0, 100_000), rest.body]), artifact)
    assert.deepEqual((await get({ range: 'bytes=5-9' })).body, artifact.subarray(5, 10))
    assert.deepEqual((await get({ range: `bytes=5-${size * 2}` })).body, artifact.subarray(5))
    assert.deepEqual((await get({ range: 'bytes=-7' })).body, artifact.subarray(-7))
    for (const range of ['bytes=9-5', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-'])
      assert.equal((await get({ range })).status, 200, range)
    const behind = await get({ range: `bytes=${size}-` })
    assert.deepEqual([behind.status, behind.range], [416, `bytes */${size}`])
    assert.equal((await get({ range: 'bytes=5-', 'if-range': tag })).status, 206)
    assert.equal((await get({ range: 'bytes=5-', 'if-range': '"other"' })).status, 200)
    const head = await fetch(uri, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(size)])
  },
)

test(
  'an altered, foreign or expired link is refused, and a link is for the address that the device used',
  { skip },
  async (t) => {
    const { lab, uri } = await offered(t)
    const { url } = lab.server
    const status = async (changed: URL) => {
      const reply = await fetch(changed)
      await reply.arrayBuffer()
      return reply.status
    }
    const alter = (change: (link: URL) => void) => {
      const link = new URL(uri)
      change(link)
      return status(link)
    }
    assert.equal(await alter(() => {}), 200)
    assert.equal(await alter((link) => (link.search = '')), 403)
    assert.equal(await alter((link) => link.searchParams.set('x-men-signature', 'A'.repeat(43))), 403)
    assert.equal(
      await alter((link) => link.searchParams.set('x-men-expire', '2999-01-01T00:00:00.000Z')),
      403,
    )
    assert.equal(
      await alter(
        (link) => (link.pathname = link.pathname.replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
      ),
      403,
    )
    assert.equal(await alter((link) => (link.pathname += '/../../../../token')), 404)

    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 25 * 3600 * 1000 })
    assert.equal(await status(new URL(uri)), 403, 'it holds for a day')
    t.mock.timers.reset()

    const { id } = (await lab.expect<Artifact[]>(200, 'GET', 'v1/deployments/artifacts'))[0] ?? { id: '' }
    const link = await new Promise<string>((resolve, reject) => {
      const headers = { authorization: `Bearer ${lab.server.token}`, host: 'ota.example:8090' }
      const ask = openRequest(
        `${url}/api/management/v1/deployments/artifacts/${id}/download`,
        { headers },
        (reply) => {
          let text = ''
          reply.setEncoding('utf8').on('data', (piece: string) => (text += piece))
          reply.on('end', () => resolve((JSON.parse(text) as { uri: string }).uri))
        },
      )
      ask.on('error', reject).end()
    })
    assert.match(link, /^http:\/\/ota\.example:8090\/api\/devices\//)
  },
)

test('mender-artifact accepts what is downloaded', { skip }, async (t) => {
  const { lab, uri } = await offered(t)
  const path = join(lab.folder, 'back.mender')
  const body = Buffer.from(await (await fetch(uri)).arrayBuffer())
  await writeFile(path, body)
  execFileSync('mender-artifact', ['validate', path], { stdio: 'pipe' })
})

function multipart(artifact: Buffer, boundary: string): Buffer {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="artifact"; filename="a"\r\n\r\n`
  return Buffer.concat([Buffer.from(head), artifact, Buffer.from(`\r\n--${boundary}--\r\n`)])
}

function startUpload(lab: Lab, boundary: string, length: number | undefined): ClientRequest {
  return openRequest(`${lab.server.url}/api/management/v1/deployments/artifacts`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${lab.server.token}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
      ...(length === undefined ? {} : { 'content-length': length }),
    },
  })
}

function statusOf(request: ClientRequest): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (reply) => {
      reply.resume()
      resolve(reply.statusCode)
    })
  })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}
