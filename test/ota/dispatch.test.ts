// A dispatch, from the order to what the device itself reports. The devices are stand-ins that go wrong on command.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { dispatch } from '../../src/ota/ota.ts'
import { tellingLines } from '../../src/ota/device-log.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { type Lab, openLab, until } from '../support/mender-lab.ts'
import { dispatcher, fails, labWith, toLab } from './dispatch-lab.ts'

test('a dispatch ends when the device itself reports the release', async (t) => {
  const { lab, device, go, told, lines } = await labWith(t, 'success')
  const dispatched = await go()
  assert.deepEqual(dispatched, told)
  assert.equal(dispatched.result, 'success')
  assert.equal(dispatched.changed, true)
  assert.equal(dispatched.device, device.key)
  assert.equal((await lab.server.device(device.key)).release, 'os-2')
  assert.deepEqual(device.statuses, ['downloading', 'installing', 'rebooting', 'success'])
  assert.match(lines.join('\n'), /is success/)
  assert.equal(await lab.server.leaseOf(device.key), undefined, 'the lease is returned')
  assert.deepEqual(await lab.server.openDeployments(), [])
})

test('a device that runs the release already is success without a change', async (t) => {
  const { go } = await labWith(t, 'success', { release: 'os-2' })
  const { result, changed } = await go()
  assert.deepEqual({ result, changed }, { result: 'success', changed: false })
})

test('any free lab device of the type is taken, and only such a one', async (t) => {
  const { lab, device, go } = await labWith(t, 'success')
  await lab.device({ serial: 'not in the lab' })
  const other = await lab.device({ serial: 'other type', deviceType: 'other' })
  await toLab(lab, other.key)
  assert.equal((await go({ device: 'lab:virtual' })).device, device.key)
  await assert.rejects(go({ device: 'lab:printer' }), fails('no-device-matched', /group "lab"/))
  await assert.rejects(go({ device: 'lab:other' }), fails('wrong-device-type', /is for virtual/))
})

test('another lab device is taken where one is excepted, such as one that could not be tested', async (t) => {
  const { lab, device, go } = await labWith(t, 'success')
  const second = await lab.device({ serial: 'second' })
  await toLab(lab, second.key)
  const [first, other] = [device.key, second.key].sort()
  assert.equal((await go({ device: 'lab:virtual except ' })).device, first)
  assert.equal((await go({ device: `lab:virtual except ${first}` })).device, other)
  await assert.rejects(
    go({ device: `lab:virtual except ${first}, ${other}` }),
    fails('no-device-matched', /excepted/),
  )
})

test('what cannot work is refused before anything is ordered', async (t) => {
  const { lab, device, go } = await labWith(t, 'success')
  await assert.rejects(go({ release: 'os-9' }), fails('release-missing', /upload its artifact first/))
  await assert.rejects(go({ device: 'nobody' }), fails('device-missing', /not its serial number/))
  const other = await lab.device({ deviceType: 'other' })
  await assert.rejects(go({ device: other.key }), fails('wrong-device-type', /is a other/))
  assert.deepEqual(await lab.server.openDeployments(), [])
  assert.deepEqual(device.statuses, [])
})

test('a device that is not accepted is named as such', async (t) => {
  const lab = await openLab(t, { accept: 'none' })
  await lab.device({}, false)
  let pending = ''
  await until(async () => {
    for await (const page of lab.server.devices()) pending = page[0]?.id ?? ''
    return pending !== ''
  })
  await lab.server.upload(await lab.artifact('os-2'))
  const { go } = dispatcher(lab, pending)
  await assert.rejects(go(), fails('device-not-accepted', /pending.*accept it/))
})

test("an update that fails is failed, with the device's log in a file and its end in the message", async (t) => {
  const { go, told } = await labWith(t, 'fails')
  await assert.rejects(go(), fails('update-failed', /no space left on device \(whole log: .*\.log\)$/))
  assert.match(await readFile(told.log ?? '', 'utf8'), /no space left on device/)
  assert.equal(told.result, 'failure')
})

test('a failure after the reboot is a roll-back', async (t) => {
  const { go, told } = await labWith(t, 'fails after reboot')
  const message = new RegExp(
    `^the device reported .* back on old: health-check: no ssh on port 22 \\(whole log: ${told.log ?? '.*'}\\)$`,
  )
  await assert.rejects(go(), fails('rolled-back', message))
  assert.match(await readFile(told.log ?? '', 'utf8'), /health-check': 1 : exit status 1/)
})

test('a message tells the point of a long log in a line', () => {
  const at = '2026-01-31T12:00:00Z'
  const output = (script: string, said: string) =>
    `${at} info: Collected output (stderr) while running script /var/lib/mender/scripts/${script}\n${said}\n\n---------- end of script output\n`
  const log = `${at} info: Running Mender client
${output('Download_Enter_00_note', 'all is well')}${output('ArtifactCommit_Enter_00_health', 'health-check: no ssh\nhealth-check: no ssh')}${at} error: transient error: statescript: error executing 'ArtifactCommit_Enter_00_health': 1 : exit status 1
${at} info: Performing rollback
`
  assert.equal(tellingLines(log), 'health-check: no ssh')
  const zoned = '2026-01-31 12:00:00.5 +0000 UTC'
  assert.equal(
    tellingLines(`${zoned} error: disk full\n${zoned} error: disk full\n${at} info: x`),
    'disk full',
  )
  assert.equal(tellingLines(`${at} info: first\n${at} info: last\n`), 'last')
  assert.equal(tellingLines('a line without a time'), 'a line without a time')
  assert.equal(tellingLines(`${at} error: ${'x'.repeat(999)}`).length, 200)
  assert.equal(tellingLines(''), '')
})

test('a device that goes back without a word is found out by its facts', async (t) => {
  const { lab, go } = await labWith(t, 'goes back silently')
  await assert.rejects(go(), fails('rolled-back', /reports old again.*still says rebooting/))
  assert.deepEqual(await lab.server.openDeployments(), [], 'the order does not hold the device for ever')
})

test('a device that goes back without a word again and again is stopped', async (t) => {
  const { lab, go } = await labWith(t, 'goes back and tries again')
  await assert.rejects(go(), fails('rolled-back', /./))
  assert.deepEqual(await lab.server.openDeployments(), [])
})

test('a device that runs the release but lost its word of success is success', async (t) => {
  const { go, lines } = await labWith(t, 'succeeds silently')
  assert.equal((await go()).result, 'success')
  assert.match(lines.join('\n'), /never reported its end/)
})

test('what the server calls success is none while the device reports something else', async (t) => {
  const { go } = await labWith(t, 'lies')
  await assert.rejects(go(), fails('rolled-back', /server says success.*itself reports old/))
})

test('an update that restarts a device is over when the device has restarted', async (t) => {
  const lab = await openLab(t)
  await lab.server.upload(await lab.artifact('os-2'))
  const up = await lab.device({ hasBootId: true, behaviour: 'stays up' })
  const stays = dispatcher(lab, up.key)
  await assert.rejects(stays.go(), fails('wrong-release', /has not restarted since.*boot_id is still/))
  const good = await lab.device({ hasBootId: true })
  const boot = async () => (await lab.server.device(good.key)).attributes['boot_id']
  const before = await boot()
  const restarts = dispatcher(lab, good.key)
  assert.equal((await restarts.go()).changed, true)
  assert.notEqual(await boot(), before)
  assert.equal(
    (await restarts.go({ runId: 'run 2' })).changed,
    false,
    'it has it already, and need not restart',
  )
})

test('what a device reported before it was done proves nothing', async (t) => {
  const { lab, device, go } = await labWith(t, 'reports too early')
  await assert.rejects(go({ timeoutMs: 3000 }), fails('update-timeout', /is success since.*last seen at 20/))
  assert.equal((await lab.server.device(device.key)).release, 'os-2')
})

test('what ends an update from outside is named', async (t) => {
  const abort = (lab: Lab, id: string) =>
    lab.operate('PUT', `/v1/deployments/deployments/${id}/status`, { status: 'aborted' })
  const begun = async (lab: Lab) => {
    let id = ''
    await until(async () => {
      const [order] = await lab.server.openDeployments()
      id = order?.id ?? ''
      return order !== undefined && [...order.devices.values()].some((state) => state !== 'pending')
    })
    return id
  }
  const first = await labWith(t, 'hangs')
  const aborted = assert.rejects(first.go(), fails('update-failed', /somebody aborted the deployment/))
  await abort(first.lab, await begun(first.lab))
  await aborted
  first.device.behaviour = 'success'
  const second = await labWith(t, 'hangs')
  const removed = assert.rejects(second.go(), fails('device-missing', /./))
  await begun(second.lab)
  await second.lab.server.retire(second.device.key)
  await removed
  second.device.behaviour = 'success'
})

test('a device that asks as another than it reports is named', async (t) => {
  const lab = await openLab(t)
  await lab.server.upload(await lab.artifact('os-2'))
  const claims = { artifact_name: 'os-1', 'rootfs-image.version': 'os-1' }
  const there = await lab.device({ release: 'os-2', attributes: claims })
  const message = /server says already-installed, but the device itself reports os-1/
  await assert.rejects(dispatcher(lab, there.key).go(), fails('wrong-release', message))
  const other = await lab.device({ deviceType: 'printer', attributes: { device_type: 'virtual' } })
  await assert.rejects(dispatcher(lab, other.key).go(), fails('wrong-device-type', /no artifact for its/))
})

test('an image that was packaged under another name is told from a roll-back', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device({ attributes: { 'rootfs-image.version': 'os-1-final' } })
  await lab.server.upload(await lab.artifact('os-2'))
  const { go } = dispatcher(lab, device.key)
  await assert.rejects(go(), fails('wrong-release', /calls itself os-1-final: package it under that name/))
})

test('facts from before the order prove nothing, even where they show the release', async (t) => {
  const lab = await openLab(t)
  const claims = { artifact_name: 'os-2', 'rootfs-image.version': 'os-2' }
  const device = await lab.device({ behaviour: 'reports once', attributes: claims })
  await lab.server.upload(await lab.artifact('os-2'))
  const { go, told } = dispatcher(lab, device.key)
  await assert.rejects(go({ timeoutMs: 3000 }), fails('update-timeout', /is success since/))
  assert.equal(told.result, undefined)
})

test('a device that never asks is silent, and its order is withdrawn', async (t) => {
  const { lab, device, go } = await labWith(t, 'success')
  await device.stop()
  await assert.rejects(go({ timeoutMs: 1500 }), fails('device-silent', /last reported 20/))
  assert.deepEqual(await lab.server.openDeployments(), [])
})

test('a timeout says in which state the device is, and leaves it there', async (t) => {
  const { lab, device, go, lines } = await labWith(t, 'hangs')
  await assert.rejects(go({ timeoutMs: 4000 }), fails('update-timeout', /is installing since 20.*runs old/))
  const [left] = await lab.server.openDeployments()
  assert.equal(left?.devices.get(device.key), 'installing')
  assert.match(lines.join('\n'), /left to finish/)
  assert.equal(await lab.server.leaseOf(device.key), undefined)
})

test('an abort takes the order back where the device has not begun', async (t) => {
  const { lab, device, go } = await labWith(t, 'never asks')
  const controller = new AbortController()
  const going = go({}, controller.signal)
  await until(async () => (await lab.server.openDeployments()).length === 1)
  controller.abort(new Failure('cancelled', 'ended by SIGTERM'))
  await assert.rejects(going, fails('cancelled', /SIGTERM/))
  assert.deepEqual(await lab.server.openDeployments(), [])
  assert.equal(await lab.server.leaseOf(device.key), undefined)
})

test('an abort leaves a device alone that has begun, and a new run goes on with it', async (t) => {
  const { lab, device, go, told, lines } = await labWith(t, 'hangs')
  const controller = new AbortController()
  const going = go({}, controller.signal)
  await until(async () => device.statuses.includes('installing'))
  controller.abort(new Failure('cancelled', 'ended by SIGTERM'))
  await assert.rejects(going, fails('cancelled', /./))
  const first = told.deployment
  const again = go({ runId: 'run 2' })
  await until(async () => lines.filter((line) => line.startsWith(`deployment ${first} `)).length === 2)
  device.behaviour = 'success'
  assert.equal((await again).deployment, first)
  assert.equal((await lab.server.deployment(first ?? '')).devices.get(device.key), 'success')
})

test('the same attempt of a run finds its deployment; there and back again is a new one', async (t) => {
  const { lab, go } = await labWith(t, 'success')
  await lab.server.upload(await lab.artifact('os-3'))
  const first = await go()
  assert.equal((await go()).deployment, first.deployment)
  await go({ release: 'os-3' })
  const second = await go()
  assert.notEqual(second.deployment, first.deployment)
  assert.equal(second.changed, true)
})

test('two runs do not take one device: the second waits and says for whom', async (t) => {
  const { lab, device, go } = await labWith(t, 'hangs')
  const other = dispatcher(lab, 'lab:virtual')
  const first = go({ runId: 'run 1' })
  await until(async () => device.statuses.includes('installing'))
  const second = other.go({ runId: 'run 2' })
  await until(async () => other.lines.some((line) => /leased to run 1 until/.test(line)))
  device.behaviour = 'success'
  await first
  assert.equal((await second).changed, false)
  device.behaviour = 'hangs'
})

test('a device that another holds is busy when the time is over', async (t) => {
  const { lab, device, go } = await labWith(t, 'success')
  const until = new Date(Date.now() + 60_000).toISOString()
  await lab.server.takeLease(device.key, { id: 'x', holder: 'Ada at the bench', until })
  await assert.rejects(go({ timeoutMs: 1000 }), fails('device-busy', /leased to Ada at the bench/))
  assert.deepEqual(device.statuses, [])
  await assert.rejects(go({ lease: 'y' }), fails('device-busy', /Ada at the bench holds it/))
  assert.equal((await go({ lease: 'x' })).result, 'success')
  assert.equal((await lab.server.leaseOf(device.key))?.id, 'x', "a caller's lease stays the caller's")
})

test('a device in another open deployment is waited for', async (t) => {
  const { lab, device, go, lines } = await labWith(t, 'hangs')
  await lab.server.upload(await lab.artifact('os-3'))
  await lab.server.deploy({ name: 'wave-7', release: 'os-3', devices: [device.key] })
  await until(async () => device.statuses.includes('installing'))
  const going = go()
  await until(async () => lines.some((line) => /in the open deployment wave-7/.test(line)))
  device.behaviour = 'success'
  assert.equal((await going).changed, true)
  assert.equal((await lab.server.device(device.key)).release, 'os-2')
})

test('lab devices without fresh facts are silent, each with its last word', async (t) => {
  const { lab, device } = await labWith(t, 'success')
  await device.stop()
  const aYearOn = { now: () => new Date(Date.now() + 3.15e10), sleep: async () => {} }
  const context = plainContext({ clock: aYearOn })
  const request = { release: 'os-2', device: 'lab:virtual', timeoutMs: 0, runId: 'r', logFolder: lab.folder }
  await assert.rejects(dispatch(lab.server, request, context), fails('device-silent', /last reported 20/))
})
