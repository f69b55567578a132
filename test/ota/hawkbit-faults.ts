// Every call of the hawkBit adapter × every fault, once: a fault that passes ends as if it had not been, one that lasts ends
// with its reason; nothing is green that was not done, and nothing is done twice.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { type OtaServer, openServer } from '../../src/ota/ota.ts'
import { Failure, plainContext, silentLog, systemClock } from '../../src/platform/platform.ts'
import { faults, faultyProxy } from '../support/faults.ts'
import type { HawkbitLab } from '../support/hawkbit-lab.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

// what is waited for between attempts need not be waited for here; a moment has to pass, or nothing else would run
const clock = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 15), signal),
}

/** What was warned of. */
const warnings: string[] = []

interface Run {
  run(server: OtaServer): Promise<unknown>
  check(): Promise<void>
}

/** Strikes each kind of call of a step with one fault in `share`. */
async function table(
  t: TestContext,
  share: number,
  prepare: (lab: HawkbitLab, index: number) => Promise<Run>,
): Promise<void> {
  const lab = await openTenant(t)
  const proxy = await faultyProxy(t, lab.url)
  const context = plainContext({ clock, log: { ...silentLog, warn: (line) => warnings.push(line) } })
  const server = openServer({ type: 'hawkbit', url: proxy.url, token: lab.token }, context)
  const clean = await prepare(lab, 0)
  await clean.run(server)
  await clean.check()
  const pairs = proxy.kinds.flatMap((kind, k) =>
    faults.flatMap((fault, f) => ((k * 7 + f) % share === 0 ? [{ kind, fault }] : [])),
  )
  let green = 0
  for (const [index, { kind, fault }] of pairs.entries()) {
    const run = await prepare(lab, index + 1)
    proxy.strike(kind, fault)
    const error = await run.run(server).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    const what = `${kind}: ${fault.name}`
    assert.ok(proxy.hasStruck, `${what}: never struck`)
    if (error === undefined) {
      await run.check().catch((reason: unknown) => assert.fail(`${what}: green, but ${inspect(reason)}`))
      green++
    } else {
      assert.ok(error instanceof Failure && error.reason !== 'internal', `${what}: ${inspect(error)}`)
      assert.ok(!fault.passes, `${what}: ${error.reason}: ${error.message}`)
      assert.ok(!error.message.includes('secret of'), what)
    }
  }
  t.diagnostic(
    `${pairs.length} calls with a fault each: ${green} green, ${pairs.length - green} red with a reason`,
  )
}

/** Tries one in `share` of all calls × all faults of each step. */
export function hawkbitFaults(share: number): void {
  test('hawkBit, upload: each fault in each call', { skip }, async (t) => {
    await table(t, share, async (lab, index) => {
      const name = `os-${index}`
      const path = await lab.artifact(name)
      return {
        run: (server) => server.upload(path),
        check: async () => assert.equal((await lab.server.release(name))?.artifacts.length, 1),
      }
    })
  })

  test('hawkBit, orders: each fault in each call', { skip }, async (t) => {
    await table(t, share, async (lab, index) => {
      if (index === 0) await lab.server.upload(await lab.artifact('os-2'))
      const [there, other] = [randomUUID(), randomUUID()]
      const ready = async (serial: string, release: string) => (await lab.device({ serial, release })).stop()
      await Promise.all([ready(there, 'os-2'), ready(other, 'old')])
      const order = { name: `wave ${index}`, release: 'os-2', devices: [there, other] }
      return {
        run: async (server) => {
          const { id } = await server.deploy(order)
          await server.withdraw(id)
        },
        check: async () => {
          const found = await lab.server.findDeployment(order.name)
          assert.deepEqual(
            [found?.devices.get(there), found?.devices.get(other), found?.isFinished],
            ['already-installed', 'aborted', true],
          )
        },
      }
    })
  })

  test('hawkBit, groups and newcomers: each fault in each call', { skip }, async (t) => {
    await table(t, share, async (lab, index) => {
      if (index === 0) await lab.server.upload(await lab.artifact('os-2'))
      const { start: _, ...newcomer } = lab.newcomer(randomUUID())
      const order = { name: `wave ${index}`, release: 'os-2', group: `group-${index}` }
      const other = randomUUID()
      await (await lab.device({ serial: other })).stop()
      await lab.group(order.group, [other])
      return {
        run: async (server) => {
          await server.preauthorise(newcomer)
          await server.deploy(order)
          const found = await server.findDeployments([order.name, 'nowhere'])
          const { id = '' } = found.get(order.name) ?? {}
          await server.withdraw(id)
          assert.deepEqual(
            await server.lastTaken([other, newcomer.identity['controllerId'] ?? '']),
            new Map(),
          )
        },
        check: async () => {
          const found = await lab.server.findDeployment(order.name)
          assert.deepEqual([...(found?.devices ?? [])], [[other, 'aborted']])
          const { securityToken } = (await (
            await lab.operate('GET', `/targets/${newcomer.identity['controllerId']}`)
          ).json()) as { securityToken: string }
          assert.equal(securityToken, newcomer.key)
        },
      }
    })
  })

  test('hawkBit, leases and devices: each fault in each call', { skip }, async (t) => {
    await table(t, share, async (lab) => {
      const id = randomUUID()
      let holder = ''
      await lab.createTarget(id)
      const until = new Date(Date.now() + 60_000).toISOString()
      return {
        run: async (server) => {
          assert.equal((await server.takeLease(id, { id: 'a', holder: 'run', until })).id, 'a')
          assert.equal((await server.takeLease(id, { id: 'b', holder: 'other', until })).id, 'a')
          warnings.length = 0
          await server.returnLease(id, 'a')
          holder = (await server.takeLease(id, { id: 'b', holder: 'other', until })).id
          assert.equal((await server.device(id)).reportedAt, undefined)
        },
        check: async () => {
          assert.equal((await lab.server.leaseOf(id))?.id, holder)
          assert.ok(holder === 'b' || warnings.some((line) => line.includes('could not be returned')))
        },
      }
    })
  })
}
