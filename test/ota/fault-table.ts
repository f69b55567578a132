// Every call of every step × every fault, once: a fault that passes ends as if it had not been, one that lasts ends with its
// reason; nothing is green that was not done, and nothing is done twice.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { type OtaServer, dispatch, gatherFacts, leaseDevice, openServer } from '../../src/ota/ota.ts'
import { type Context, Failure, plainContext, systemClock } from '../../src/platform/platform.ts'
import { faults, faultyProxy } from '../support/faults.ts'
import { type Lab, openLab } from '../support/mender-lab.ts'

// what is waited for between attempts need not be waited for here; a moment has to pass, or nothing else would run
const clock = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 15), signal),
}

/** A step that is tried: `prepare` makes what one run needs, `run` does it, `check` looks at what stands on the server. */
interface Step {
  /** Calls that are made or not, as the moment has it. */
  mayLack?: RegExp
  prepare(lab: Lab, index: number): Promise<Run>
}

interface Run {
  run(server: OtaServer, context: Context): Promise<unknown>
  check(): Promise<void>
}

/** Most of the time is waiting, so several servers are used at once, each for a share of the faults. */
const lanes = 3
/** A device that has reported, and says no more. */
const quiet = { pollMs: 1e6 }

async function table(t: TestContext, newStep: () => Step, share = 1): Promise<void> {
  const tallies = await Promise.all(
    Array.from({ length: lanes }, (_, lane) => column(t, newStep(), lane, share)),
  )
  const sum = (key: 'calls' | 'green' | 'red') => tallies.reduce((total, tally) => total + tally[key], 0)
  t.diagnostic(
    `${sum('calls')} calls with a fault each: ${sum('green')} green, ${sum('red')} red with a reason`,
  )
  assert.ok(sum('red') > 0)
}

/** Every call × a share of the faults. */
async function column(t: TestContext, step: Step, lane: number, share: number) {
  const lab = await openLab(t)
  const proxy = await faultyProxy(t, lab.url)
  const context = plainContext({ clock })
  const server = openServer({ type: 'mender', url: proxy.url, token: lab.token }, context)
  const tally = { calls: 0, green: 0, red: 0 }
  const clean = await step.prepare(lab, 0)
  await clean.run(server, context)
  await clean.check()
  for (const [k, kind] of [...proxy.kinds].entries()) {
    for (const [f, fault] of faults.entries()) {
      if (f % lanes !== lane || (k + Math.floor(f / lanes)) % share !== 0) continue
      const run = await step.prepare(lab, ++tally.calls)
      proxy.strike(kind, fault)
      const error = await run.run(server, context).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      const what = `${kind}: ${fault.name}`
      assert.ok(proxy.hasStruck || step.mayLack?.test(kind), `${what}: never struck`)
      if (error === undefined) {
        await run.check().catch((reason: unknown) => assert.fail(`${what}: green, but ${inspect(reason)}`))
        tally.green++
      } else {
        assert.ok(error instanceof Failure && error.reason !== 'internal', `${what}: ${inspect(error)}`)
        assert.ok(!fault.passes, `${what}: ${error.reason}: ${error.message}`)
        assert.ok(!error.message.includes(lab.token), what)
        tally.red++
      }
    }
  }
  return tally
}

/** Tries every call × every fault of every step; of the slow ones one in `share`. */
export function faultTable(share: number): void {
  test('upload: each fault in each call', async (t) => {
    await table(t, () => ({
      prepare: async (lab, index) => {
        const name = `os-${index}`
        const path = await lab.artifact(name)
        return {
          run: (server) => server.upload(path),
          check: async () => {
            const release = await lab.server.release(name)
            assert.equal(release?.artifacts.length, 1)
          },
        }
      },
    }))
  })

  test('gather-facts: each fault in each call', async (t) => {
    await table(t, () => ({
      prepare: async (lab, index) => {
        if (index === 0) {
          await lab.device(quiet)
          await lab.device(quiet)
          await lab.server.upload(await lab.artifact('os-1'))
        }
        let found = { devices: 0, releases: 0 }
        return {
          run: async (server, context) => {
            const { devices, releases } = await gatherFacts(server, context)
            found = { devices: devices.length, releases: releases.length }
          },
          check: async () => assert.deepEqual(found, { devices: 2, releases: 1 }),
        }
      },
    }))
  })

  test('orders to a group, and how they stand: each fault in each call', async (t) => {
    await table(
      t,
      () => {
        let keys: string[] = []
        return {
          prepare: async (lab, index) => {
            if (index === 0) {
              keys = [(await lab.device(quiet)).key, (await lab.device(quiet)).key]
              await lab.group('bench', keys)
              await lab.server.upload(await lab.artifact('os-2'))
            }
            // what a red run left is none of the next one's business
            for (const { id } of await lab.server.openDeployments()) await lab.server.withdraw(id)
            const order = { name: `wave ${index}`, release: 'os-2', group: 'bench' }
            const [first = ''] = keys
            let taken: ReadonlyMap<string, string> | undefined
            return {
              run: async (server) => {
                const { id } = await server.deploy(order)
                const found = await server.findDeployments([order.name, 'nowhere'])
                assert.deepEqual([...(found.get(order.name)?.devices.keys() ?? [])].sort(), keys.toSorted())
                await server.withdraw(id, [], [first])
                assert.equal((await server.openDeployments()).length, 1)
                await server.withdraw(id)
                taken = await server.lastTaken(keys)
              },
              check: async () => {
                const all = (await (
                  await lab.operate('GET', `/v2/deployments/deployments?name=wave%20${index}`)
                ).json()) as { status: string }[]
                assert.deepEqual(
                  all.map(({ status }) => status),
                  ['finished'],
                )
                const { devices } = (await lab.server.findDeployment(order.name)) ?? {}
                assert.deepEqual([...(devices?.values() ?? [])], ['aborted', 'aborted'])
                assert.deepEqual(taken, new Map())
              },
            }
          },
        }
      },
      share,
    )
  })

  test('letting a device in before it comes: each fault in each call', async (t) => {
    await table(t, () => ({
      prepare: async (lab, index) => {
        const { identity, key } = lab.newcomer(`N-${index}`)
        let id = ''
        return {
          run: async (server) => {
            id = await server.preauthorise({ identity, key })
          },
          check: async () => {
            const { status, identity: known } = await lab.server.device(id)
            assert.deepEqual([status, known], ['preauthorized', identity])
          },
        }
      },
    }))
  })

  test('lease-device: each fault in each call', async (t) => {
    await table(t, () => {
      let key = ''
      return {
        prepare: async (lab, index) => {
          if (index === 0) {
            key = (await lab.device(quiet)).key
            await lab.operate('PUT', `/v1/inventory/devices/${key}/group`, { group: 'lab' })
          } else {
            const held = await lab.server.leaseOf(key)
            if (held) await lab.server.returnLease(key, held.id)
          }
          let lease = ''
          return {
            run: async (server, context) => {
              const request = { device: 'lab:virtual', timeoutMs: 60_000, holder: `run ${index}` }
              lease = (await leaseDevice(server, request, context)).lease
            },
            check: async () => assert.equal((await lab.server.leaseOf(key))?.id, lease),
          }
        },
      }
    })
  })

  test('dispatch-artifact: each fault in each call', async (t) => {
    await table(
      t,
      () => {
        let key = ''
        return {
          // all devices of an order that has been asked for are known without it
          mayLack: /device_list$/,
          prepare: async (lab, index) => {
            if (index === 0) key = (await lab.device({ pollMs: 50 })).key
            const held = await lab.server.leaseOf(key)
            if (held) await lab.server.returnLease(key, held.id)
            const release = `os-${index}`
            await lab.server.upload(await lab.artifact(release))
            return {
              run: (server, context) =>
                dispatch(
                  server,
                  {
                    release,
                    device: key,
                    timeoutMs: 20_000,
                    runId: `run ${randomUUID()}`,
                    logFolder: lab.folder,
                  },
                  context,
                ),
              check: async () => {
                assert.equal((await lab.server.device(key)).release, release)
                const all = (await (
                  await lab.operate('GET', '/v1/deployments/deployments?per_page=500')
                ).json()) as {
                  artifact_name: string
                }[]
                assert.equal(all.filter(({ artifact_name }) => artifact_name === release).length, 1)
              },
            }
          },
        }
      },
      share,
    )
  })
}
