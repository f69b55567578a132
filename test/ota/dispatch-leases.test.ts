// A dispatch and its lease: kept while it waits, and nothing touched once another has the device.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Lab, until } from '../support/mender-lab.ts'
import { fails, labWith } from './dispatch-lab.ts'

/** Writes the tags of a lease as one who took it after ours had ended; the number is beyond any that was given. */
async function steal(lab: Lab, device: string): Promise<void> {
  const until = new Date(Date.now() + 60_000).toISOString()
  const tags = { 'drover-lease': 'x', 'drover-lease-holder': 'Ada at the bench', 'drover-lease-until': until }
  const all = Object.entries({ ...tags, 'drover-lease-number': '99' })
  const json = all.map(([name, value]) => ({ name, value }))
  assert.equal((await lab.operate('PUT', `/v1/inventory/devices/${device}/tags`, json)).status, 200)
}

test('a run that was slower than its lease orders nothing', async (t) => {
  const { lab, device, go } = await labWith(t, 'success')
  const findDeployment = async (name: string) => {
    await steal(lab, device.key)
    return await lab.server.findDeployment(name)
  }
  const server = { ...lab.server, findDeployment }
  await assert.rejects(go({ server }), fails('device-busy', /has ended: Ada at the bench holds it until 20/))
  assert.deepEqual(device.statuses, [])
  assert.deepEqual(await lab.server.openDeployments(), [])
  assert.equal((await lab.server.leaseOf(device.key))?.id, 'x')
})

test('a run whose lease another has by now ends, and takes no order back', async (t) => {
  const { lab, device, go, lines } = await labWith(t, 'never asks')
  const going = go()
  await Promise.all([
    assert.rejects(going, fails('device-busy', /^Ada at the bench holds device .* now, until 20/)),
    until(async () => (await lab.server.openDeployments()).length === 1).then(() => steal(lab, device.key)),
  ])
  assert.equal((await lab.server.openDeployments()).length, 1)
  assert.match(lines.join('\n'), /is left: Ada at the bench holds the device by now/)
  assert.equal((await lab.server.leaseOf(device.key))?.id, 'x')
})

const lease = (id: string, ms: number) => ({
  id,
  holder: 'Ada at the bench',
  until: new Date(Date.now() + ms).toISOString(),
})

test("a caller's lease that is about to end is prolonged while its device is waited for", async (t) => {
  const { lab, device, go } = await labWith(t, 'hangs')
  const { number } = await lab.server.takeLease(device.key, lease('x', 3000))
  const going = go({ lease: 'x' })
  await until(async () => device.statuses.includes('installing'))
  await new Promise((resolve) => setTimeout(resolve, 3500))
  assert.equal((await lab.server.takeLease(device.key, lease('y', 60_000))).id, 'x')
  device.behaviour = 'success'
  assert.equal((await going).result, 'success')
  const held = await lab.server.leaseOf(device.key)
  assert.deepEqual([held?.id, held?.number], ['x', number])
})

test('a lease that has ended is taken anew where nobody has held the device since', async (t) => {
  const { lab, device, go } = await labWith(t, 'hangs')
  const { number } = await lab.server.takeLease(device.key, lease('x', 60_000))
  const going = go({ lease: 'x' })
  await until(async () => device.statuses.includes('installing'))
  await lab.server.returnLease(device.key, 'x')
  await until(async () => (await lab.server.leaseOf(device.key))?.number === number + 1)
  device.behaviour = 'success'
  assert.equal((await going).result, 'success')
  assert.equal((await lab.server.leaseOf(device.key))?.id, 'x')
})

test('a lease that others have held meanwhile is lost, also where they are gone', async (t) => {
  const { lab, device, go } = await labWith(t, 'hangs')
  await lab.server.takeLease(device.key, lease('x', 60_000))
  const going = go({ lease: 'x' })
  const others = async () => {
    await until(async () => device.statuses.includes('installing'))
    await lab.server.returnLease(device.key, 'x')
    // a look in between may take it back, and then it was never lost
    await until(
      async () =>
        (await lab.server.takeLease(device.key, lease('y', 60_000))).id === 'y' ||
        (await lab.server.returnLease(device.key, 'x'), false),
    )
    await lab.server.returnLease(device.key, 'y')
  }
  await Promise.all([
    assert.rejects(going, fails('device-busy', /others have held it since|Ada at the bench holds/)),
    others(),
  ])
  assert.equal(await lab.server.leaseOf(device.key), undefined)
})
