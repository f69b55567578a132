// What every adapter of the port OtaServer promises, whatever server is behind it.
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { openArtifact } from '../../src/artifact/artifact.ts'
import { isOpenState } from '../../src/ota/ota.ts'
import { type ServerLab, allDevices, until } from '../support/lab.ts'

type Options = { accept?: 'all' | 'none' }

interface Adapter {
  /** Why it can't be tried here. */
  skip?: false | string
  /** Whether its server lets in every device that it knows, so that none ever waits for that. */
  letsInWhoItKnows?: boolean
}

/** Runs the contract against the servers that `open` starts. */
export function contract(
  adapter: string,
  open: (t: TestContext, options?: Options) => Promise<ServerLab>,
  { skip = false, letsInWhoItKnows = false }: Adapter = {},
): void {
  const promise = (name: string, body: (lab: ServerLab) => Promise<void>, options?: Options): void => {
    const never = letsInWhoItKnows && options?.accept === 'none' && 'no device of this server ever waits'
    test(`${adapter}: ${name}`, { skip: skip || never }, async (t) => body(await open(t, options)))
  }

  promise('a device shows what it reports, and when', async ({ server, device, identity }) => {
    const { key } = await device({ serial: 'A-1', release: 'os-1', attributes: { site: ['north', 'roof'] } })
    const facts = await server.device(key)
    assert.equal(facts.status, 'accepted')
    assert.equal(facts.release, 'os-1')
    assert.equal(facts.deviceType, 'virtual')
    assert.equal(facts.attributes['site'], 'north,roof')
    assert.deepEqual(facts.identity, identity('A-1'))
    assert.ok(Math.abs(Date.now() - Date.parse(facts.reportedAt ?? '')) < 60_000)
    assert.deepEqual(
      (await allDevices(server)).map(({ id, release, identity }) => ({ id, release, identity })),
      [{ id: key, release: 'os-1', identity: identity('A-1') }],
    )
  })

  promise('a device that it does not know is missing', async ({ server }) => {
    await assert.rejects(server.device(randomUUID()), { reason: 'device-missing' })
    await assert.rejects(server.accept(randomUUID()), { reason: 'device-missing' })
    await assert.rejects(server.leaseOf(randomUUID()), { reason: 'device-missing' })
  })

  promise(
    'a device waits until it is accepted, and accepting it twice is accepting it once',
    async ({ server, device }) => {
      await device({ serial: 'B-1' }, false)
      await until(async () => (await allDevices(server)).length === 1)
      const [pending] = await allDevices(server)
      assert.equal(pending?.status, 'pending')
      assert.equal(pending.reportedAt, undefined)
      await server.accept(pending.id)
      await server.accept(pending.id)
      await until(async () => (await server.device(pending.id)).reportedAt !== undefined)
      assert.equal((await server.device(pending.id)).status, 'accepted')
    },
    { accept: 'none' },
  )

  promise('a retired device is gone, and retiring it again does nothing', async ({ server, device }) => {
    const one = await device()
    await one.stop()
    await server.retire(one.key)
    await server.retire(one.key)
    await assert.rejects(server.device(one.key), { reason: 'device-missing' })
  })

  promise('the same content twice is one upload, listed with its content digest', async (lab) => {
    const path = await lab.artifact('os-2')
    const info = await openArtifact(path)
    const first = await lab.server.upload(path)
    const second = await lab.server.upload(path)
    assert.deepEqual({ ...first, isNew: false }, second)
    assert.equal(first.isNew, true)
    assert.equal(first.contentDigest, info.contentDigest)
    assert.equal(first.sha256, info.sha256)
    const release = await lab.server.release('os-2')
    assert.deepEqual(
      release?.artifacts.map(({ id, contentDigest, sizeBytes, deviceTypes, isSigned }) => ({
        id,
        contentDigest,
        sizeBytes,
        deviceTypes,
        isSigned,
      })),
      [
        {
          id: first.artifactId,
          contentDigest: info.contentDigest,
          sizeBytes: info.sizeBytes,
          deviceTypes: ['virtual'],
          isSigned: false,
        },
      ],
    )
    assert.deepEqual(await lab.server.releases(), [release])
    assert.equal(await lab.server.release('os'), undefined)
  })

  promise('the same name with other content is a conflict that names both digests', async (lab) => {
    const [one, other] = [await lab.artifact('os-2'), await lab.artifact('os-2', { content: 'other' })]
    const { contentDigest } = await lab.server.upload(one)
    const otherInfo = await openArtifact(other)
    await assert.rejects(lab.server.upload(other), (error: Error & { reason: string }) => {
      assert.equal(error.reason, 'artifact-conflict')
      assert.match(error.message, new RegExp(contentDigest))
      assert.match(error.message, new RegExp(otherInfo.contentDigest))
      return true
    })
    assert.equal((await lab.server.release('os-2'))?.artifacts.length, 1)
  })

  promise('artifacts of one name for two device types are one release', async (lab) => {
    await lab.server.upload(await lab.artifact('os-2', { deviceTypes: ['a'] }))
    await lab.server.upload(await lab.artifact('os-2', { deviceTypes: ['b'], content: 'other' }))
    const release = await lab.server.release('os-2')
    assert.deepEqual(release?.artifacts.flatMap(({ deviceTypes }) => deviceTypes).sort(), ['a', 'b'])
  })

  promise('a file that is cut, missing or unsigned is never sent', async (lab) => {
    const path = await lab.artifact('os-2')
    const bytes = await readFile(path)
    await writeFile(`${path}.cut`, bytes.subarray(0, bytes.length - 2000))
    await assert.rejects(lab.server.upload(`${path}.cut`), { reason: 'artifact-damaged' })
    await assert.rejects(lab.server.upload(`${path}.none`), { reason: 'file-missing' })
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    await assert.rejects(lab.server.upload(path, [key]), { reason: 'artifact-unsigned' })
    assert.deepEqual(await lab.server.releases(), [])
  })

  promise('the same order twice is one deployment', async (lab) => {
    const one = await lab.device({ behaviour: 'never asks' })
    await lab.server.upload(await lab.artifact('os-2'))
    const order = { name: 'wave-1', release: 'os-2', devices: [one.key] }
    const first = await lab.server.deploy(order)
    assert.deepEqual(await lab.server.deploy({ ...order, devices: [one.key, one.key] }), first)
    assert.deepEqual([...first.devices], [[one.key, 'pending']])
    assert.equal(first.isFinished, false)
    assert.deepEqual(await lab.server.openDeployments(), [first])
    assert.deepEqual(await lab.server.findDeployment('wave-1'), first)
    assert.equal(await lab.server.findDeployment('wave'), undefined)
  })

  promise('an order for nobody or of nothing is refused', async ({ server, device }) => {
    const { key } = await device()
    await assert.rejects(server.deploy({ name: 'a', release: 'os-2', devices: [] }), {
      reason: 'no-device-matched',
    })
    await assert.rejects(server.deploy({ name: 'a', release: 'os-2', devices: [key] }), {
      reason: 'release-missing',
    })
    const many = Array.from({ length: 20_001 }, (_, i) => `device ${i}`)
    await assert.rejects(server.deploy({ name: 'a', release: 'os-2', devices: many }), {
      reason: 'bad-input',
    })
    assert.deepEqual(await server.openDeployments(), [])
  })

  promise('a name that stands for another order is refused', async (lab) => {
    const [one, two] = [
      await lab.device({ behaviour: 'never asks' }),
      await lab.device({ behaviour: 'never asks' }),
    ]
    await lab.server.upload(await lab.artifact('os-2'))
    await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [one.key] })
    const wider = { name: 'wave-1', release: 'os-2', devices: [one.key, two.key] }
    await assert.rejects(lab.server.deploy(wider), { reason: 'device-missing' })
    const narrow = { name: 'wave-1', release: 'os-2', devices: [two.key] }
    await assert.rejects(lab.server.deploy(narrow), { reason: 'server-refused' })
  })

  promise('a deployment shows each device, also one that has not asked', async (lab) => {
    const [good, bad, silent] = await Promise.all([
      lab.device(),
      lab.device({ behaviour: 'fails' }),
      lab.device({ behaviour: 'never asks' }),
    ])
    await lab.server.upload(await lab.artifact('os-2'))
    const devices = [good.key, bad.key, silent.key]
    const { id } = await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices })
    const state = async (device: string) => (await lab.server.deployment(id)).devices.get(device)
    await until(async () => (await state(good.key)) === 'success' && (await state(bad.key)) === 'failure')
    assert.equal(await state(silent.key), 'pending')
    assert.equal((await lab.server.deployment(id)).isFinished, false)
    await until(async () => /no space left/.test((await lab.server.log(id, bad.key)) ?? ''))
    assert.equal(await lab.server.log(id, silent.key), undefined)
  })

  promise('an order is taken back where the device has not begun, and only there', async (lab) => {
    const [busy, silent] = await Promise.all([
      lab.device({ behaviour: 'hangs' }),
      lab.device({ behaviour: 'never asks' }),
    ])
    await lab.server.upload(await lab.artifact('os-2'))
    const devices = [busy.key, silent.key]
    const { id } = await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices })
    await until(async () => (await lab.server.deployment(id)).devices.get(busy.key) !== 'pending')
    assert.deepEqual(await lab.server.withdraw(id), [busy.key])
    assert.equal((await lab.server.deployment(id)).devices.get(silent.key), 'aborted')
    busy.behave('success')
    await until(async () => (await lab.server.deployment(id)).isFinished)
    assert.equal((await lab.server.deployment(id)).devices.get(busy.key), 'success')
    assert.deepEqual(await lab.server.withdraw(id), [])
  })

  promise('an order that nobody has begun is taken back as a whole', async (lab) => {
    const { key } = await lab.device({ behaviour: 'never asks' })
    await lab.server.upload(await lab.artifact('os-2'))
    const { id } = await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [key] })
    assert.deepEqual(await lab.server.withdraw(id), [])
    assert.deepEqual(await lab.server.withdraw(id), [])
    const { isFinished, devices } = await lab.server.deployment(id)
    assert.deepEqual([isFinished, ...devices], [true, [key, 'aborted']])
  })

  promise('an order is taken back from the devices that are named, and stays for the others', async (lab) => {
    const [one, two, busy] = await Promise.all([
      lab.device({ behaviour: 'never asks' }),
      lab.device({ behaviour: 'never asks' }),
      lab.device({ behaviour: 'hangs' }),
    ])
    await lab.server.upload(await lab.artifact('os-2'))
    const devices = [one.key, two.key, busy.key]
    const { id } = await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices })
    await until(async () => (await lab.server.deployment(id)).devices.get(busy.key) !== 'pending')
    const left = await lab.server.withdraw(id, [], [one.key, busy.key])
    assert.deepEqual([...left].sort(), [two.key, busy.key].sort())
    const states = (await lab.server.deployment(id)).devices
    assert.deepEqual([states.get(one.key), states.get(two.key)], ['aborted', 'pending'])
    await lab.server.withdraw(id, [], [two.key])
    const { devices: after, finishedAt } = await lab.server.deployment(id)
    assert.equal(after.get(two.key), 'aborted')
    assert.ok(Math.abs(Date.now() - Date.parse(finishedAt?.get(two.key) ?? '')) < 60_000)
    busy.behave('success')
    await until(async () => (await lab.server.deployment(id)).isFinished)
    assert.equal((await lab.server.deployment(id)).devices.get(busy.key), 'success')
  })

  promise(
    'an order is taken back from a device that has ended another, which goes on for others',
    async (lab) => {
      const [done, busy] = [await lab.device(), await lab.device({ behaviour: 'hangs' })]
      for (const name of ['os-2', 'os-3']) await lab.server.upload(await lab.artifact(name))
      const first = { name: 'first', release: 'os-2', devices: [done.key, busy.key] }
      const { id } = await lab.server.deploy(first)
      const state = async (device: string) => (await lab.server.deployment(id)).devices.get(device)
      await until(async () => (await state(done.key)) === 'success' && (await state(busy.key)) !== 'pending')
      done.behave('never asks')
      const idle = await lab.device({ behaviour: 'never asks' })
      const second = { name: 'second', release: 'os-3', devices: [done.key, idle.key] }
      const order = await lab.server.deploy(second)
      await lab.server.withdraw(order.id, [], [done.key])
      const { devices } = await lab.server.deployment(order.id)
      assert.deepEqual([devices.get(done.key), devices.get(idle.key)], ['aborted', 'pending'])
      busy.behave('success')
      await until(async () => (await lab.server.deployment(id)).isFinished)
    },
  )

  promise('it tells the newest order that each device has taken up', async (lab) => {
    const [one, two, idle] = [
      await lab.device(),
      await lab.device(),
      await lab.device({ behaviour: 'never asks' }),
    ]
    const devices = [one.key, two.key, idle.key]
    for (const name of ['os-2', 'os-3', 'os-4']) await lab.server.upload(await lab.artifact(name))
    assert.deepEqual(await lab.server.lastTaken([]), new Map())
    assert.deepEqual(await lab.server.lastTaken(devices), new Map())
    const done = async (name: string, release: string, keys: string[]) => {
      const { id } = await lab.server.deploy({ name, release, devices: keys })
      const open = async () => [...(await lab.server.deployment(id)).devices.values()].filter(isOpenState)
      await until(async () => (await open()).length === (keys.includes(idle.key) ? 1 : 0))
      return id
    }
    const first = await done('to os-2', 'os-2', devices)
    const expected = new Map([
      [one.key, 'to os-2'],
      [two.key, 'to os-2'],
    ])
    assert.deepEqual(await lab.server.lastTaken(devices), expected)
    assert.deepEqual(await lab.server.lastTaken([one.key]), new Map([[one.key, 'to os-2']]))
    await done('to os-3', 'os-3', [two.key])
    expected.set(two.key, 'to os-3')
    assert.deepEqual(await lab.server.lastTaken(devices), expected)
    one.behave('never asks')
    await lab.server.withdraw(first)
    const { id } = await lab.server.deploy({ name: 'to os-4', release: 'os-4', devices: [one.key, idle.key] })
    await lab.server.withdraw(id, [], [one.key])
    assert.deepEqual(await lab.server.lastTaken(devices), expected, 'what was never taken is none')
    await lab.server.withdraw(id)
    assert.deepEqual(await lab.server.lastTaken(devices), expected)
    assert.deepEqual(await lab.server.lastTaken([one.key]), new Map([[one.key, 'to os-2']]))
  })

  promise('many deployments are found by their names, as each is by itself', async (lab) => {
    const [good, bad, silent] = await Promise.all([
      lab.device(),
      lab.device({ behaviour: 'fails' }),
      lab.device({ behaviour: 'never asks' }),
    ])
    await lab.server.upload(await lab.artifact('os-2'))
    const wave = async (name: string, devices: string[]) =>
      (await lab.server.deploy({ name, release: 'os-2', devices })).id
    const ids = [await wave('wave-1', [good.key, bad.key]), await wave('wave-2', [silent.key])]
    const names = ['wave-2', 'wave-1', 'wave-1', 'wave', 'wave-3']
    const before = await lab.server.findDeployments(names)
    assert.deepEqual([...before.keys()].sort(), ['wave-1', 'wave-2'])
    await until(async () => (await lab.server.deployment(ids[0] ?? '')).isFinished)
    const found = await lab.server.findDeployments(names)
    assert.deepEqual(
      ids.map((_, i) => found.get(`wave-${i + 1}`)),
      await Promise.all(ids.map((id) => lab.server.deployment(id))),
    )
    assert.deepEqual(found.get('wave-2'), before.get('wave-2'))
    assert.deepEqual(await lab.server.findDeployments([]), new Map())
    const many = Array.from({ length: 300 }, (_, i) => `${'n'.repeat(100)} ${i}`)
    assert.deepEqual([...(await lab.server.findDeployments([...many, 'wave-2'])).keys()], ['wave-2'])
    await lab.server.withdraw(ids[1] ?? '')
    assert.equal((await lab.server.findDeployments(names)).get('wave-2')?.devices.get(silent.key), 'aborted')
  })

  promise('it tells when an order ended that was taken back as a whole', async (lab) => {
    const { key } = await lab.device({ behaviour: 'never asks' })
    await lab.server.upload(await lab.artifact('os-2'))
    const { id } = await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [key] })
    await lab.server.withdraw(id)
    const at = (await lab.server.deployment(id)).finishedAt?.get(key)
    assert.ok(Math.abs(Date.now() - Date.parse(at ?? '')) < 60_000, at)
  })

  promise('of two who want a device one gets the lease', async ({ server, device }) => {
    const { key } = await device()
    const lease = (id: string, ms = 60_000) => ({
      id,
      holder: `run ${id}`,
      until: new Date(Date.now() + ms).toISOString(),
    })
    const takers = ['a', 'b', 'c', 'd'].map((id) => server.takeLease(key, lease(id)))
    const holders = new Set((await Promise.all(takers)).map(({ id }) => id))
    assert.equal(holders.size, 1)
    const [winner = ''] = holders
    assert.equal((await server.leaseOf(key))?.holder, `run ${winner}`)
    await server.returnLease(key, 'somebody else')
    assert.equal((await server.takeLease(key, lease('late'))).id, winner)
    await server.returnLease(key, winner)
    await server.returnLease(key, winner)
    assert.equal(await server.leaseOf(key), undefined)
    assert.equal(
      (await server.takeLease(key, lease('next', -1000))).id,
      'next',
      'taken although it ends at once',
    )
    assert.equal(await server.leaseOf(key), undefined)
  })

  promise('the number of a lease grows, whatever became of the one before', async ({ server, device }) => {
    const { key } = await device()
    const take = async (id: string, ms = 60_000) =>
      server.takeLease(key, { id, holder: `run ${id}`, until: new Date(Date.now() + ms).toISOString() })
    const first = await take('a')
    const { number } = await take('a', 120_000)
    assert.equal(number, first.number, 'prolonged')
    assert.equal((await server.leaseOf(key))?.number, number)
    await server.returnLease(key, 'a')
    const ended = await take('b', -1000)
    assert.ok(ended.number > number, 'after one that was returned')
    assert.ok((await take('c')).number > ended.number, 'after one that ended')
    assert.equal((await take('d')).id, 'c')
  })

  promise("a device's facts say who holds it", async ({ server, device }) => {
    const { key } = await device()
    const until = new Date(Date.now() + 60_000).toISOString()
    const { id, ...note } = await server.takeLease(key, { id: 'a', holder: 'run', until })
    assert.deepEqual((await server.device(key)).lease, note)
    assert.deepEqual((await allDevices(server))[0]?.lease, note)
    await server.returnLease(key, id)
    assert.equal((await server.device(key)).lease, undefined)
    assert.equal((await allDevices(server))[0]?.lease, undefined)
  })

  promise('a lease leaves tags and facts of the device as they were', async (lab) => {
    const { key } = await lab.device()
    await lab.setRemark(key, 'room', '12')
    const until = new Date(Date.now() + 60_000).toISOString()
    await lab.server.takeLease(key, { id: 'a', holder: 'run', until })
    await lab.server.returnLease(key, 'a')
    assert.deepEqual(await lab.remarks(key), { room: '12' })
  })
}
