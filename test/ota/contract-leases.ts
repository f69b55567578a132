// What every adapter promises of leases.
import assert from 'node:assert/strict'
import { allDevices } from '../support/lab.ts'
import type { Promised } from './contract.ts'

/** The part of the contract that is about leases. */
export function leasesContract(promise: Promised): void {
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
