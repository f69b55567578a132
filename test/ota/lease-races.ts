// Of several who want a device one gets it, in whatever order their requests come and whatever gets lost.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type OtaServer, type ServerType, openServer } from '../../src/ota/ota.ts'
import { Failure, plainContext, systemClock } from '../../src/platform/platform.ts'
import type { ServerLab } from '../support/lab.ts'
import { reorderingProxy } from '../support/reordering-proxy.ts'

// what is waited for between attempts need not be waited for here; a moment has to pass, or nothing else would run
const clock = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 5), signal),
}

interface RacingLab extends ServerLab {
  url: string
  token: string
}

/** Lets four runs race for a device, and again for the lease that the winner returned or that ended, `rounds` times. */
export function leaseRaces(
  type: ServerType,
  open: (t: TestContext) => Promise<RacingLab>,
  { skip = false, rounds }: { skip?: false | string; rounds: number },
): void {
  test(`${type}: one of those who race for a lease gets it`, { skip }, async (t) => {
    const lab = await open(t)
    const device = await lab.device()
    await device.stop()
    const proxy = await reorderingProxy(t, lab.url)
    const server = openServer({ type, url: proxy.url, token: lab.token }, plainContext({ clock }))
    let lastNumber = 0
    for (let round = 0; round < rounds; round++) {
      proxy.shuffle(round, round % 3 === 0 ? 0 : 5 * (round % 3))
      const holders = await race(server, device.key, round)
      const held = await lab.server.leaseOf(device.key)
      const what = `round ${round}: ${[...holders].join(', ')} of ${JSON.stringify(held)}`
      assert.ok(holders.size <= 1, what)
      if (holders.size === 1) assert.ok(held !== undefined && holders.has(held.id), what)
      if (!held) continue
      assert.ok(held.number > lastNumber, what)
      lastNumber = held.number
      // by turns it is returned, and ends by itself
      const ended = { ...held, until: new Date(Date.now() - 1000).toISOString() }
      if (round % 2 === 0) await lab.server.returnLease(device.key, held.id)
      else await lab.server.takeLease(device.key, ended)
      assert.equal(await lab.server.leaseOf(device.key), undefined)
    }
    assert.ok(lastNumber >= rounds / 2, 'most races had a winner')
  })
}

/** Who holds the device, as those who raced were told. Whose requests got lost for good was told nothing. */
async function race(server: OtaServer, device: string, round: number): Promise<Set<string>> {
  const until = new Date(Date.now() + 60_000).toISOString()
  const takers = ['a', 'b', 'c', 'd'].map((name) => {
    const id = `${name} ${round}`
    return server.takeLease(device, { id, holder: name, until })
  })
  const told = await Promise.allSettled(takers)
  const holders = new Set<string>()
  for (const one of told) {
    if (one.status === 'fulfilled') holders.add(one.value.id)
    else assert.ok(one.reason instanceof Failure && one.reason.reason === 'unreachable', String(one.reason))
  }
  return holders
}
