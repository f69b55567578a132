// What every adapter of the port OtaServer promises, whatever server is behind it.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openArtifact, variantProvide, writeMender } from '../../src/artifact/artifact.ts'
import { dispatch, isLabArtifact, isOpenState } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { type ServerLab, allDevices, until } from '../support/lab.ts'
import { devicesContract } from './contract-devices.ts'
import { leasesContract } from './contract-leases.ts'

type Options = { accept?: 'all' | 'none' }

/** Names something that every adapter promises, and how that shows. */
export type Promised = (name: string, body: (lab: ServerLab) => Promise<void>, options?: Options) => void

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
  const promise: Promised = (name, body, options) => {
    const never = letsInWhoItKnows && options?.accept === 'none' && 'no device of this server ever waits'
    test(`${adapter}: ${name}`, { skip: skip || never }, async (t) => body(await open(t, options)))
  }

  devicesContract(promise, letsInWhoItKnows)
  ordersContract(promise)
  leasesContract(promise)
}

function ordersContract(promise: Promised): void {
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

  promise('the same content as another variant is a conflict, whichever was first', async (lab) => {
    const source = join(lab.folder, 'same.ext4')
    await writeFile(source, 'same'.padEnd(8192, '.'))
    for (const [first, second] of [
      ['field', 'lab'],
      ['lab', 'field'],
    ] as const) {
      const name = `os-${first}`
      const upload = async (variant: string) => {
        const output = join(lab.folder, `${name}-${variant}.mender`)
        const request = { source, output, name, deviceTypes: ['virtual'], compression: 'gzip' } as const
        await writeMender(
          { ...request, signing: {}, provides: { [variantProvide]: variant } },
          plainContext(),
        )
        return await lab.server.upload(output)
      }
      await upload(first)
      await assert.rejects(upload(second), { reason: 'artifact-conflict', message: /of the variant lab/ })
      assert.equal((await upload(first)).isNew, false)
      const [artifact] = (await lab.server.release(name))?.artifacts ?? []
      assert.equal(artifact && isLabArtifact(artifact), first === 'lab')
    }
  })

  promise('a release for the lab is dispatched to no other device', async (lab) => {
    const { server, folder } = lab
    const { key } = await lab.device({ release: 'os-1' })
    await server.upload(await lab.artifact('os-2', { variant: 'lab' }))
    const go = async () =>
      dispatch(
        server,
        { release: 'os-2', device: key, timeoutMs: 60_000, runId: 'run', logFolder: folder },
        plainContext(),
      )
    await assert.rejects(go(), { reason: 'wrong-variant', message: /not in the group "lab"/ })
    assert.equal(await server.leaseOf(key), undefined)
    assert.deepEqual(await server.openDeployments(), [])
    await lab.group('lab', [key])
    assert.equal((await go()).result, 'success')
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

  promise('an order to a group is for the devices in it, and for no other', async (lab) => {
    const [one, two, other] = await Promise.all([
      lab.device({ behaviour: 'never asks' }),
      lab.device({ behaviour: 'never asks' }),
      lab.device({ behaviour: 'never asks' }),
    ])
    await lab.group('bench', [one.key, two.key])
    await lab.server.upload(await lab.artifact('os-2'))
    const order = { name: 'to the bench', release: 'os-2', group: 'bench' }
    const placed = await lab.server.deploy(order)
    assert.deepEqual([...placed.devices.keys()].sort(), [one.key, two.key].sort())
    assert.deepEqual(await lab.server.deploy(order), placed)
    const asList = { name: order.name, release: order.release, devices: [two.key, one.key] }
    assert.deepEqual(await lab.server.deploy(asList), placed, 'it is the same order')
    await lab.group('bench', [other.key])
    await assert.rejects(lab.server.deploy(order), { reason: 'device-missing' }, 'the group has changed')
    await assert.rejects(lab.server.deploy({ ...order, name: 'to nobody', group: 'nobody' }), {
      reason: 'no-device-matched',
    })
    assert.deepEqual(await lab.server.openDeployments(), [placed])
  })

  promise(
    'an order to a group passes by whom the server has not let in',
    async (lab) => {
      await lab.device({ behaviour: 'never asks' }, false)
      await until(async () => (await allDevices(lab.server)).length === 1)
      const [first = ''] = (await allDevices(lab.server)).map(({ id }) => id)
      await lab.server.accept(first)
      await lab.device({ behaviour: 'never asks' }, false)
      await until(async () => (await allDevices(lab.server)).length === 2)
      const both = (await allDevices(lab.server)).map(({ id }) => id)
      await lab.group('bench', both)
      await lab.server.upload(await lab.artifact('os-2'))
      const order = { name: 'to the bench', release: 'os-2', group: 'bench' }
      assert.deepEqual([...(await lab.server.deploy(order)).devices], [[first, 'pending']])
      await lab.group(
        'porch',
        both.filter((id) => id !== first),
      )
      const toNobody = { ...order, name: 'to the porch', group: 'porch' }
      await assert.rejects(lab.server.deploy(toNobody), { reason: 'no-device-matched' })
    },
    { accept: 'none' },
  )

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

  promise(
    'who has what an order brought is believed of one that ended well, and of no other',
    async (lab) => {
      const [one, two, bad] = await Promise.all([
        lab.device(),
        lab.device(),
        lab.device({ behaviour: 'fails' }),
      ])
      await lab.server.upload(await lab.artifact('os-2'))
      const orders = { good: [one.key], both: [two.key, bad.key] }
      for (const [name, devices] of Object.entries(orders)) {
        const { id } = await lab.server.deploy({ name, release: 'os-2', devices })
        await until(async () => (await lab.server.deployment(id)).isFinished)
      }
      const names = Object.keys(orders)
      const read = await lab.server.findDeployments(names)
      const statesOf = async (believed: Record<string, string[]>) =>
        [...(await lab.server.findDeployments(names, new Map(Object.entries(believed))))].map(
          ([name, found]) => [name, [...found.devices]],
        )
      const truth = [...read].map(([name, { devices }]) => [name, [...devices]])
      assert.deepEqual(await statesOf(orders), truth)
      // not as many as it was for, or one of them failed
      assert.deepEqual(await statesOf({ good: [one.key, two.key], both: [two.key, one.key] }), truth)
    },
  )

  promise('it tells when an order ended that was taken back as a whole', async (lab) => {
    const { key } = await lab.device({ behaviour: 'never asks' })
    await lab.server.upload(await lab.artifact('os-2'))
    const { id } = await lab.server.deploy({ name: 'wave-1', release: 'os-2', devices: [key] })
    await lab.server.withdraw(id)
    const at = (await lab.server.deployment(id)).finishedAt?.get(key)
    assert.ok(Math.abs(Date.now() - Date.parse(at ?? '')) < 60_000, at)
  })
}
