// What every adapter promises of devices: what they show, and how they are let in and removed.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { allDevices, until } from '../support/lab.ts'
import type { Promised } from './contract.ts'

/** The part of the contract that is about devices. */
export function devicesContract(promise: Promised, letsInWhoItKnows: boolean): void {
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

  promise(
    'a device that was let in before it came is in at its first request',
    async ({ server, newcomer }) => {
      const { start, ...device } = newcomer('N-1')
      const id = await server.preauthorise(device)
      assert.equal(await server.preauthorise(device), id)
      assert.deepEqual(
        (await allDevices(server)).map((one) => [one.id, one.reportedAt]),
        [[id, undefined]],
      )
      assert.match((await server.device(id)).status, /^(preauthorized|accepted)$/)
      start()
      await until(async () => (await server.device(id)).reportedAt !== undefined)
      assert.equal(await server.preauthorise(device), id)
      assert.equal((await server.device(id)).status, 'accepted')
      const impostor = { ...device, key: newcomer('N-1').key }
      await assert.rejects(server.preauthorise(impostor), { reason: 'device-not-accepted' })
      const { status, reportedAt } = await server.device(id)
      assert.equal(status, 'accepted')
      await until(async () => ((await server.device(id)).reportedAt ?? '') > (reportedAt ?? ''), 30_000)
      assert.equal((await allDevices(server)).length, 1)
    },
    letsInWhoItKnows ? {} : { accept: 'none' },
  )

  promise(
    'a device that waits with the key that was named is let in, and one with another key is not',
    async ({ server, newcomer }) => {
      const { start, ...device } = newcomer('N-1')
      start()
      await until(async () => (await allDevices(server)).length === 1)
      const impostor = { ...device, key: newcomer('N-1').key }
      await assert.rejects(server.preauthorise(impostor), { reason: 'device-not-accepted' })
      assert.equal((await allDevices(server))[0]?.status, 'pending')
      const id = await server.preauthorise(device)
      await until(async () => (await server.device(id)).reportedAt !== undefined)
      assert.equal((await server.device(id)).status, 'accepted')
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
}
