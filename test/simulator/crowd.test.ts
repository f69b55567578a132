// A crowd against the embedded server: every fault does what its name says, as the server and the devices' facts show it.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { plainContext } from '../../src/platform/platform.ts'
import {
  type CrowdEvent,
  type CrowdOptions,
  type CrowdReport,
  faults,
  parseFaults,
  startCrowd,
} from '../../src/simulator/simulator.ts'
import { type Lab, allDevices, openLab, until } from '../support/mender-lab.ts'
import { undo } from '../support/undo.ts'

const week = 7 * 24 * 3_600_000

async function crowdOf(t: TestContext, given: Partial<CrowdOptions> = {}, lab?: Lab) {
  const server = lab ?? (await openLab(t))
  const events: CrowdEvent[] = []
  const crowd = startCrowd(
    {
      url: server.url,
      deviceTypes: { virtual: 10 },
      release: 'os-1',
      attributes: { site: 'north' },
      faults: [],
      seed: 'test',
      pollMs: 1_800_000,
      speed: 18_000, // a poll each 0.1 s
      onEvent: (event) => events.push(event),
      ...given,
    },
    plainContext(),
  )
  undo(t, () => crowd.stop())
  return { lab: server, crowd, events }
}

async function orderFor(lab: Lab, release: string) {
  await lab.server.upload(await lab.artifact(release))
  const devices = (await allDevices(lab.server)).map(({ id }) => id)
  return lab.server.deploy({ name: `to ${release}`, release, devices })
}

/** The release that the server shows for a device, and how its deployment ended. */
async function outcomeOf(lab: Lab, deployment: string, report: CrowdReport, fault: string | null) {
  const { devices } = await lab.server.deployment(deployment)
  const one = report.list.find((device) => device.fault === fault)
  assert.ok(one, `no device has the fault ${fault}`)
  return {
    state: devices.get(one.id),
    release: (await lab.server.device(one.id)).release,
    really: one.release,
  }
}

test('a healthy crowd is let in, reports, and takes an update', async (t) => {
  const { lab, crowd } = await crowdOf(t)
  await until(async () => (await allDevices(lab.server)).filter(({ reportedAt }) => reportedAt).length === 10)
  const [first] = await allDevices(lab.server)
  assert.equal(first?.release, 'os-1')
  assert.equal(first.deviceType, 'virtual')
  assert.equal(first.attributes['site'], 'north')
  const { id } = await orderFor(lab, 'os-2')
  await until(async () => (await lab.server.deployment(id)).isFinished)
  const states = [...(await lab.server.deployment(id)).devices.values()]
  assert.deepEqual([...new Set(states)], ['success'])
  await until(async () => (await allDevices(lab.server)).every(({ release }) => release === 'os-2'))
  const report = crowd.report()
  assert.deepEqual(report.releases, { 'os-2': 10 })
  assert.deepEqual(report.outcomes, { success: 10 })
  assert.ok(report.downloadedBytes > 10 * 5000)
})

test('every fault does what its name says', { timeout: 60_000 }, async (t) => {
  const names = Object.keys(faults)
  const shares = parseFaults(names.map((name) => `${name}=5%`).join(', '))
  const { lab, crowd, events } = await crowdOf(t, {
    deviceTypes: { virtual: 20 },
    faults: shares,
    speed: 90_000,
  })
  await until(async () => (await allDevices(lab.server)).filter(({ reportedAt }) => reportedAt).length === 20)
  const { id } = await orderFor(lab, 'os-2')
  // all but the one that says nothing any more
  await until(
    async () =>
      [...(await lab.server.deployment(id)).devices.values()].filter(
        (s) => s === 'success' || s === 'failure',
      ).length === 19,
  )
  await until(async () => crowd.report().releases['os-2'] === 16)
  const report = crowd.report()
  const outcome = (fault: string | null) => outcomeOf(lab, id, report, fault)
  const good = { state: 'success', release: 'os-2', really: 'os-2' }
  const bad = { state: 'failure', release: 'os-1', really: 'os-1' }
  await until(async () => (await allDevices(lab.server)).filter((d) => d.release === 'os-2').length === 15)
  for (const fault of [
    null,
    'asleep',
    'download-cut',
    'power-lost@downloading',
    'power-lost@rebooting',
    'gone-a-week',
  ]) {
    assert.deepEqual(await outcome(fault), good, String(fault))
  }
  for (const fault of ['install-fails', 'rolls-back', 'power-lost@installing']) {
    assert.deepEqual(await outcome(fault), bad, fault)
    const device = report.list.find((one) => one.fault === fault)
    assert.match((await lab.server.log(id, device?.id ?? '')) ?? '', /error/)
  }
  assert.deepEqual(await outcome('rolls-back-silently'), { ...bad, state: 'rebooting' })
  assert.deepEqual(await outcome('old-facts'), { state: 'success', release: 'os-1', really: 'os-2' })
  const told = (fault: string, event: string) => {
    const name = report.list.find((one) => one.fault === fault)?.device
    return events.find((one) => one.device === name && one.event === event)
  }
  assert.match(told('download-cut', 'cut')?.detail ?? '', /after \d+ bytes/)
  assert.equal(told('gone-a-week', 'dark')?.detail, `for ${(week / 3_600_000).toFixed(1)} h`)
  assert.ok(told('asleep', 'asleep'))
})

test('the same seed is the same crowd, so that a run can be had again', async (t) => {
  const options = { faults: parseFaults('install-fails=20%, asleep=30%') }
  const lab = await openLab(t)
  const first = await crowdOf(t, options, lab)
  await until(async () => (await allDevices(lab.server)).length === 10)
  await first.crowd.stop()
  const again = await crowdOf(t, options, lab)
  await until(async () => again.crowd.report().list.every(({ id }) => id !== ''))
  assert.deepEqual(
    again.crowd.report().list.map(({ device, id, fault }) => ({ device, id, fault })),
    first.crowd.report().list.map(({ device, id, fault }) => ({ device, id, fault })),
  )
  assert.equal((await allDevices(lab.server)).length, 10)
  const other = await crowdOf(t, { ...options, seed: 'other' }, lab)
  assert.notDeepEqual(
    other.crowd.report().list.map(({ fault }) => fault),
    first.crowd.report().list.map(({ fault }) => fault),
  )
})

test('shares of faults are met by whole devices, one at least', async (t) => {
  const { crowd } = await crowdOf(t, {
    deviceTypes: { a: 30, b: 10 },
    faults: parseFaults('install-fails=1%,asleep=25%'),
  })
  assert.deepEqual(crowd.report().faults, { asleep: 10, 'install-fails': 1 })
  assert.equal(crowd.report().list.filter(({ deviceType }) => deviceType === 'a').length, 30)
})

test('devices wait where nobody accepts them, and refuse what is not for them', async (t) => {
  const lab = await openLab(t, { accept: 'none' })
  const { crowd } = await crowdOf(t, { deviceTypes: { virtual: 1, other: 1 } }, lab)
  await until(async () => crowd.report().standing['waiting'] === 2)
  for (const { id } of await allDevices(lab.server)) await lab.server.accept(id)
  await until(async () => crowd.report().standing['idle'] === 2)
  const { id } = await orderFor(lab, 'os-2')
  await until(async () => (await lab.server.deployment(id)).isFinished)
  const { devices } = await lab.server.deployment(id)
  const states = crowd.report().list.map((device) => [device.deviceType, devices.get(device.id)])
  assert.deepEqual(Object.fromEntries(states), { virtual: 'success', other: 'no-artifact' })
})

test('a crowd outlives a server that goes away', async (t) => {
  const { crowd } = await crowdOf(t, { url: 'http://127.0.0.1:9', deviceTypes: { virtual: 3 } })
  await until(async () => crowd.report().errors > 5)
  assert.equal(
    crowd.report().list.every(({ standing }) => standing === 'starting'),
    true,
  )
  await crowd.stop()
  assert.deepEqual(crowd.report().standing, { stopped: 3 })
})

test('everything wrong with the faults is said at once', () => {
  assert.deepEqual(parseFaults(''), [])
  assert.deepEqual(parseFaults('asleep=10%\ninstall-fails = 2.5%'), [
    { fault: 'asleep', share: 0.1 },
    { fault: 'install-fails', share: 0.025 },
  ])
  assert.throws(
    () => parseFaults('slepy=10%, asleep, rolls-back=80%, rolls-back=1%, old-facts=40%'),
    (error: Error & { reason: string }) => {
      assert.equal(error.reason, 'bad-input')
      for (const part of ['"slepy" is no fault', 'asleep=5%', 'rolls-back is there twice', '120 %']) {
        assert.ok(error.message.includes(part), `${error.message} lacks ${part}`)
      }
      return true
    },
  )
})
