// The facts file: written, read again, and refused where it is not one.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import * as v from 'valibot'
import {
  type Facts,
  factsFile,
  gatherFacts,
  openServer,
  readFacts,
  redact,
  redactedPath,
  requireDevices,
  requireFresh,
  silentDevices,
  unmatched,
  writeFacts,
} from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { openLab } from '../support/mender-lab.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

test('what is written is read again as it was', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device({ behaviour: 'never asks', attributes: { note: '</td>"\n|' } })
  await lab.server.upload(await lab.artifact('os-2'))
  await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [device.key] })
  const until = new Date(Date.now() + 60_000).toISOString()
  await lab.server.takeLease(device.key, { id: 'secret', holder: 'run 7', until })
  const inGit = [
    { id: device.key, host: 'one', stage: 'canary', isRetired: false },
    { id: 'two', host: 'second', stage: 'canary', isRetired: false },
    { id: 'old', host: 'third', stage: 'canary', isRetired: true },
  ]
  const facts: Facts = { ...(await gatherFacts(lab.server, plainContext())), inGit }
  assert.equal(facts.devices.length, 1)
  assert.deepEqual(facts.devices[0]?.lease, { holder: 'run 7', until, number: 1 })
  assert.equal(facts.openDeployments[0]?.devices.get(device.key), 'pending')
  const path = join(lab.folder, 'new', 'facts.json')
  await writeFacts(path, facts)
  await writeFacts(path, facts)
  assert.deepEqual(await readFacts(path), facts)
  await writeFacts(path, { ...redact(facts) })
  assert.deepEqual(await readFacts(path), redact(facts))
})

const gatheredAt = '2026-03-02T12:00:00.000Z'

/** One device with all that a device can have, and one that reported nothing. */
const known: Facts = {
  server: 'https://ota.example',
  gatheredAt,
  devices: [
    {
      id: 'one',
      status: 'accepted',
      reportedAt: '2026-03-02T10:00:00.000Z',
      lastSeen: '2026-03-02T11:59:00.000Z',
      deviceType: 'pi',
      release: 'os-1',
      group: undefined,
      identity: { mac: '00:16:3e:00:00:01' },
      attributes: {
        'rootfs-image.version': 'os-1',
        'rootfs-image.app.version': '7',
        'own-provide': 'x',
        'data-partition.mender-configure.version': 'c-1',
        ipv4_eth0: '10.1.2.3/24',
        hostname: 'kitchen',
        subscribed_branch: 'production',
      },
    },
    {
      id: 'two',
      status: 'pending',
      reportedAt: undefined,
      deviceType: undefined,
      release: undefined,
      group: undefined,
      identity: { mac: '00:16:3e:00:00:02' },
      attributes: {},
    },
  ],
  releases: [
    {
      name: 'os-2',
      artifacts: [
        {
          id: 'a',
          deviceTypes: ['pi'],
          sizeBytes: 1,
          isSigned: true,
          contentDigest: `sha256:${'0'.repeat(64)}`,
          provides: { 'own-provide': 'y' },
        },
      ],
    },
  ],
  openDeployments: [
    {
      id: 'd-1',
      name: 'wave-1',
      release: 'os-2',
      createdAt: '2026-03-02T11:00:00.000Z',
      isFinished: false,
      devices: new Map([['one', 'downloading' as const]]),
    },
  ],
}

const written = async (path: string) =>
  v.parse(v.pipe(v.string(), v.parseJson(), factsFile), await readFile(path, 'utf8'))

test('the file tells of each device what follows from the rest', async (t) => {
  const path = join(await temporaryFolder(t), 'facts.json')
  await writeFacts(path, {
    ...known,
    inGit: [
      { id: 'one', host: 'kitchen-1', stage: 'canary', isRetired: false },
      { id: 'three', host: 'cellar-1', stage: 'canary', isRetired: false },
    ],
  })
  const { devices } = await written(path)
  const [one, two, three] = devices
  assert.ok(one?.status === 'accepted' && two?.status === 'pending')
  assert.deepEqual(one.ageSeconds, { reported: 7200, seen: 60 })
  assert.equal(one.address, '10.1.2.3')
  assert.deepEqual(one.configuration, { 'data-partition.mender-configure.version': 'c-1' })
  assert.deepEqual(Object.keys(one.provides ?? {}).sort(), [
    'data-partition.mender-configure.version',
    'own-provide',
    'rootfs-image.app.version',
    'rootfs-image.version',
  ])
  assert.equal(one.claimedStage, 'production', 'claimed; Git says canary')
  assert.equal(one.pending?.state, 'downloading')
  assert.equal(one.pending.since, '2026-03-02T11:00:00.000Z')
  assert.deepEqual([one.inGit, one.host, one.stage], [true, 'kitchen-1', 'canary'])
  assert.deepEqual([two.inGit, two.address, two.pending], [false, undefined, undefined])
  assert.deepEqual(three, {
    id: 'three',
    status: 'not-on-server',
    inGit: true,
    host: 'cellar-1',
    stage: 'canary',
  })
})

test('what is in Git or on the server alone is known, also after reading', async (t) => {
  const path = join(await temporaryFolder(t), 'facts.json')
  const place = { stage: 'canary', isRetired: false }
  const inGit = [
    { id: 'one', host: 'one', ...place },
    { id: 'three', host: 'three', ...place },
    { id: 'gone', host: 'gone', ...place, isRetired: true },
  ]
  await writeFacts(path, { ...known, inGit })
  const { missing, strangers } = unmatched(await readFacts(path))
  assert.deepEqual([missing?.map(({ id }) => id), strangers], [['three'], ['two']])
  assert.deepEqual(unmatched(known), { missing: undefined, strangers: undefined })
})

test('the redacted copy has no address, no identity and nothing else that tells who it is', async (t) => {
  const path = redactedPath(join(await temporaryFolder(t), 'facts.json'))
  assert.match(path, /facts\.redacted\.json$/)
  const inGit = [{ id: 'one', host: '10.1.2.4', stage: 'canary', isRetired: false }]
  await writeFacts(path, redact({ ...known, inGit }))
  const text = await readFile(path, 'utf8')
  for (const secret of ['10.1.2', '00:16:3e', 'kitchen']) assert.ok(!text.includes(secret), secret)
  const facts = await readFacts(path)
  assert.equal(facts.isRedacted, true)
  assert.deepEqual(
    facts.devices.map(({ id, release, identity }) => [id, release, identity]),
    [
      ['one', 'os-1', {}],
      ['two', undefined, {}],
    ],
  )
})

test('a file of the earlier form is read', async (t) => {
  const path = join(await temporaryFolder(t), 'facts.json')
  const file = {
    schema: 'drover/facts/v1',
    server: 'x',
    gatheredAt,
    devices: [{ id: 'one', status: 'accepted', reportedAt: gatheredAt, identity: {}, attributes: {} }],
    releases: [],
    openDeployments: [{ id: 'd', name: 'n', release: 'r', createdAt: gatheredAt, devices: {} }],
  }
  await writeFile(path, JSON.stringify(file))
  const facts = await readFacts(path)
  assert.deepEqual(
    [facts.devices[0]?.id, facts.devices[0]?.lease, facts.inGit],
    ['one', undefined, undefined],
  )
})

test('10,000 devices take at most 25 requests, and cost no more for each than 1,000', async (t) => {
  const counts = []
  for (const size of [1000, 10_000]) {
    const requests: string[] = []
    const device = (index: number) => ({
      id: `device-${index}`,
      updated_ts: gatheredAt,
      attributes: [
        { scope: 'inventory', name: 'artifact_name', value: 'os-1' },
        { scope: 'identity', name: 'status', value: 'accepted' },
        { scope: 'system', name: 'check_in_time', value: '2026-03-02T13:00:00Z' },
      ],
    })
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
      requests.push(pathname)
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const answer = (value: unknown) => response.end(JSON.stringify(value))
        response.setHeader('content-type', 'application/json')
        if (pathname.endsWith('/count')) return answer({ count: size })
        if (!pathname.endsWith('/filters/search')) return answer([])
        const { page, per_page } = v.parse(
          v.object({ page: v.number(), per_page: v.pipe(v.number(), v.maxValue(500)) }),
          JSON.parse(Buffer.concat(chunks).toString()),
        )
        assert.equal(searchParams.size, 0)
        response.setHeader('x-total-count', String(size))
        const first = (page - 1) * per_page
        return answer(
          Array.from({ length: Math.min(per_page, size - first) }, (_, index) => device(first + index)),
        )
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    undo(t, () => new Promise((resolve) => server.close(resolve)))
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const context = plainContext()
    const { devices } = await gatherFacts(openServer({ type: 'mender', url, token: 't' }, context), context)
    assert.equal(devices.length, size)
    assert.equal(devices.at(-1)?.lastSeen, '2026-03-02T13:00:00.000Z')
    counts.push(requests.length)
  }
  const [few = 0, many = 0] = counts
  assert.ok(many <= 25, `${many} requests`)
  assert.equal(many - few, 18, 'only pages of 500 devices')
})

test('a file that is no facts file, or is cut, is refused with what is wrong', async (t) => {
  const path = join(await temporaryFolder(t), 'facts.json')
  const good = { schema: 'drover/facts/v1', server: 'x', gatheredAt: '2026-01-01T00:00:00Z' }
  const lists = { devices: [], releases: [], openDeployments: [] }
  const write = (value: unknown) => writeFile(path, JSON.stringify(value))
  await assert.rejects(readFacts(path), { reason: 'file-missing' })
  await writeFile(path, JSON.stringify({ ...good, ...lists }).slice(0, -5))
  await assert.rejects(readFacts(path), { reason: 'invalid-file' })
  await write({ ...good, ...lists, schema: 'drover/facts/v2' })
  await assert.rejects(readFacts(path), { reason: 'invalid-file', message: /schema/ })
  await write({ ...good, ...lists, devices: [{ id: 'a' }] })
  await assert.rejects(readFacts(path, 'facts.json'), { reason: 'invalid-file', message: /devices.0.status/ })
  await write({ ...good, ...lists })
  assert.deepEqual((await readFacts(path)).devices, [])
})

test('silent is an accepted device without young facts', async (t) => {
  const lab = await openLab(t)
  await lab.device()
  const facts = await gatherFacts(lab.server, plainContext())
  const [device] = facts.devices
  assert.ok(device)
  const at = (ms: number) => new Date(Date.parse(device.reportedAt ?? '') + ms)
  assert.deepEqual(silentDevices(facts, 1000, at(1000)), [])
  assert.deepEqual(silentDevices(facts, 1000, at(1001)), [device])
  const never = { ...device, reportedAt: undefined }
  const pending = { ...never, status: 'pending' as const }
  assert.deepEqual(silentDevices({ ...facts, devices: [never, pending] }, 1e9, at(0)), [never])
  const broken = { ...device, reportedAt: 'yesterday' }
  assert.deepEqual(silentDevices({ ...facts, devices: [broken] }, 1e9, at(0)), [broken])
  const inGit = [{ id: device.id, stage: 'canary', isRetired: true }]
  assert.deepEqual(silentDevices({ ...facts, inGit }, 1000, at(1001)), [], 'retired devices may be silent')
})

test('facts that are too old are a failure that names the devices, where an age was asked for', () => {
  const [device] = known.devices
  assert.ok(device)
  const silent = [device, { ...device, id: 'never', reportedAt: undefined }]
  requireFresh(silent, undefined)
  requireFresh([], '24h')
  assert.throws(() => requireFresh(silent, '24h'), {
    reason: 'device-silent',
    message: /2 devices have no facts younger than 24h.*one \(2026-03-02T10:00:00.000Z\), never \(never\)/,
  })
  const many = Array.from({ length: 25 }, (_, index) => ({ ...device, id: `device-${index}` }))
  assert.throws(() => requireFresh(many, '24h'), { message: /device-19 .* and 5 more/ })
})

test('a token that may only read is enough, and can order nothing', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device({ behaviour: 'never asks' })
  await lab.server.upload(await lab.artifact('os-2'))
  await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [device.key] })
  const wish = { name: 'plan', expires_in: 60, read_only: true }
  const token = await (await lab.operate('POST', '/v1/useradm/settings/tokens', wish)).text()
  const context = plainContext()
  const reader = openServer({ type: 'mender', url: lab.url, token }, context)
  const [facts, all] = [await gatherFacts(reader, context), await gatherFacts(lab.server, context)]
  assert.deepEqual(facts.openDeployments, all.openDeployments)
  assert.deepEqual(facts.releases, all.releases)
  assert.deepEqual(
    facts.devices.map(({ id }) => id),
    [device.key],
  )
  const order = { name: 'wave-2', release: 'os-2', devices: [device.key] }
  await assert.rejects(reader.deploy(order), { reason: 'bad-credentials' })
  const until = new Date(Date.now() + 60_000).toISOString()
  await assert.rejects(reader.takeLease(device.key, { id: 'a', holder: 'x', until }), {
    reason: 'bad-credentials',
  })
})

test('a server without any device is a failure', async (t) => {
  const lab = await openLab(t)
  const facts = await gatherFacts(lab.server, plainContext())
  assert.throws(() => requireDevices(facts), { reason: 'no-device-matched' })
})
