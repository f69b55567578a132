// A crowd of simulated devices on the real hawkBit server: what its faults come to there.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { plainContext } from '../../src/platform/platform.ts'
import { type CrowdOptions, parseFaults, startCrowd } from '../../src/simulator/simulator.ts'
import type { HawkbitLab } from '../support/hawkbit-lab.ts'
import { allDevices } from '../support/lab.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

const token = 'a gateway token'.replaceAll(' ', '-')

/** Lets in whoever has the gateway token. */
async function openGate({ operate }: HawkbitLab): Promise<void> {
  for (const [key, value] of [
    ['enabled', true],
    ['key', token],
  ] as const) {
    const reply = await operate('PUT', `/system/configs/authentication.gatewaytoken.${key}`, { value })
    assert.ok(reply.ok, `${key}: ${reply.status}`)
  }
}

/** Starts a crowd that the server lets in, and waits until all of it has reported. */
export async function crowdOf(t: TestContext, lab: HawkbitLab, given: Partial<CrowdOptions>) {
  await openGate(lab)
  const crowd = startCrowd(
    {
      url: `${lab.url}/${lab.tenant}`,
      serverType: 'hawkbit',
      token,
      deviceTypes: { virtual: 10 },
      release: 'os-1',
      attributes: { site: 'north' },
      faults: [],
      seed: 'test',
      pollMs: 1_800_000,
      speed: 6000, // a poll each 0.3 s
      ...given,
    },
    plainContext(),
  )
  undo(t, () => crowd.stop())
  const count = crowd.report().devices
  await until('all have reported', async () => {
    return (await allDevices(lab.server)).filter(({ release }) => release === 'os-1').length === count
  })
  return crowd
}

test('a crowd on hawkBit takes a release in two waves, and one device fails', { skip }, async (t) => {
  const lab = await openTenant(t)
  const crowd = await crowdOf(t, lab, { faults: parseFaults('install-fails=10%') })
  const { server } = lab
  const [first] = await allDevices(server)
  assert.deepEqual([first?.deviceType, first?.attributes['site']], ['virtual', 'north'])
  await server.upload(await lab.artifact('os-2'))
  const ids = crowd.report().list.map(({ id }) => id)
  const failing = crowd.report().list.find(({ fault }) => fault === 'install-fails')?.id ?? ''
  for (const [name, devices] of [
    ['wave 1', ids.slice(0, 3)],
    ['wave 2', ids.slice(3)],
  ] as const) {
    const { id } = await server.deploy({ name, release: 'os-2', devices })
    await until(`${name} ends`, async () => (await server.deployment(id)).isFinished, 30_000)
    const ended = (await server.deployment(id)).devices
    for (const device of devices) {
      assert.equal(ended.get(device), device === failing ? 'failure' : 'success', `${name}: ${device}`)
    }
    if (devices.includes(failing)) {
      assert.match((await server.log(id, failing)) ?? '', /error: write error: no space left on device/)
    }
  }
  await until('all but one report it', async () => {
    return (await allDevices(server)).filter(({ release }) => release === 'os-2').length === 9
  })
  assert.deepEqual(crowd.report().outcomes, { success: 9, failure: 1 })
  assert.equal((await server.device(failing)).release, 'os-1')
})

test('what goes wrong with a crowd on hawkBit is what its names say', { skip }, async (t) => {
  const lab = await openTenant(t)
  const good = ['asleep', 'download-cut', 'power-lost@downloading', 'old-facts', 'gone-a-week']
  const bad = ['power-lost@installing', 'rolls-back']
  const names = [...good, ...bad, 'rolls-back-silently']
  const faults = parseFaults(names.map((name) => `${name}=10%`).join(','))
  const crowd = await crowdOf(t, lab, { faults, speed: 54_000, pollMs: 10_800_000 })
  const { server } = lab
  await server.upload(await lab.artifact('os-2'))
  const ids = crowd.report().list.map(({ id }) => id)
  const { id } = await server.deploy({ name: 'all', release: 'os-2', devices: ids })
  const byFault = async (fault: string) => {
    const one = crowd.report().list.find((device) => device.fault === fault)
    return (await server.deployment(id)).devices.get(one?.id ?? '')
  }
  await until(
    'all but the silent one have ended',
    async () => {
      const states = [...(await server.deployment(id)).devices.values()]
      return states.filter((state) => state === 'success' || state === 'failure').length === 9
    },
    90_000,
    () => JSON.stringify(crowd.report().list),
  )
  for (const fault of good) assert.equal(await byFault(fault), 'success', fault)
  for (const fault of bad) assert.equal(await byFault(fault), 'failure', fault)
  assert.equal(await byFault('rolls-back-silently'), 'downloading')
  // the one with old facts has it and doesn't say so
  assert.deepEqual(crowd.report().releases, { 'os-2': 7, 'os-1': 3 })
  await until('those report it that do', async () => {
    return (await allDevices(server)).filter(({ release }) => release === 'os-2').length === 6
  })
})

test('an action starts a crowd on hawkBit, and leaves its token nowhere', { skip }, async (t) => {
  const lab = await openTenant(t)
  await openGate(lab)
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'crowd.yml'), 'device-types: { virtual: 2 }\nrelease: os-7\nspeed: 6000\n')
  const inputs = { server: `${lab.url}/${lab.tenant}`, 'server-type': 'hawkbit', devices: 'crowd.yml' }
  const missing = await runInRunner('simulate-fleet', { workspace, inputs })
  assert.deepEqual([missing.code, missing.outputs['failure-reason']], [1, 'bad-input'])
  assert.match(missing.log, /gateway token/)
  const main = await runInRunner('simulate-fleet', { workspace, inputs: { ...inputs, token } })
  undo(t, () => runInRunner('simulate-fleet', { phase: 'post', workspace, state: main.state }))
  assert.equal(main.code, 0, main.log)
  await until('they are there', async () => {
    return (await allDevices(lab.server)).filter(({ release }) => release === 'os-7').length === 2
  })
  for (const name of ['crowd.json', 'crowd.log', 'report.json']) {
    const text = await readFile(join(workspace, 'drover-crowd', name), 'utf8')
    assert.ok(!text.includes(token), name)
  }
})
