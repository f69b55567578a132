import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { enrollRunner, requireRunner, runnerDevice } from '../../src/operate/operate.ts'
import { isRunnerOf, labelFor, runnerName } from '../../src/operate/runner-labels.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { memoryAdapter } from '../support/memory-adapter.ts'
import { MemoryServer } from '../support/memory-server.ts'
import { sshKey } from '../support/devices.ts'
import { memoryRegistry } from './memory-registry.ts'
import { fleetRepository } from './runner-lab.ts'

const facts = (attributes: Record<string, string>) => ({ deviceType: 'reported', attributes })
const hostKey = `ssh-ed25519 ${'A'.repeat(68)}`

/** A server that knows `id-of-lab-01`. */
function serverWith(attributes: Record<string, string>, isAccepted = true) {
  const server = new MemoryServer(() => new Date())
  server.join('id-of-lab-01', facts(attributes), isAccepted)
  return memoryAdapter(server, () => new Date())
}

test('names are one per device, run and attempt, and tell whose they are', () => {
  const attempt = { run: '42', attempt: '1' }
  const hosts = ['pi', 'pi-1', 'pi-1-5', 'pi 1', 'pi/1', 'zürich', 'x'.repeat(80), `${'x'.repeat(80)}y`]
  const names = hosts.map((host) => runnerName(host, attempt))
  assert.equal(new Set(names).size, hosts.length)
  for (const name of names) assert.match(name, /^[\w.-]{1,64}$/)
  for (const [index, host] of hosts.entries())
    assert.deepEqual(
      names.map((name) => isRunnerOf(host, name)),
      hosts.map((_, other) => other === index),
    )
  assert.ok(isRunnerOf('pi', runnerName('pi', { run: 'shell', attempt: '1' })))
  assert.ok(!isRunnerOf('pi', 'pi'))
})

test('a label says what the device is, and nobody can know it before', () => {
  assert.match(labelFor('raspberrypi4-64'), /^drover-raspberrypi4-64-[0-9a-f]{16}$/)
  assert.match(labelFor('Beagle Bone, black'), /^drover-Beagle-Bone-black-[0-9a-f]{16}$/)
  assert.match(labelFor(undefined), /^drover-device-[0-9a-f]{16}$/)
  assert.notEqual(labelFor('a'), labelFor('a'))
})

test('a device is found by its name and by its id, with what Git and its own report say', async (t) => {
  const fleet = await loadFleet(await fleetRepository(t))
  const address = 'ssh://runner@192.0.2.7:2222'
  const given = { device: 'lab-01', address, hostKey }
  const device = { host: 'lab-01', id: 'id-of-lab-01', deviceType: 'virtual', address }
  assert.deepEqual(await runnerDevice(fleet, given, undefined), { device, hostKey })
  assert.deepEqual(await runnerDevice(fleet, { ...given, device: 'id-of-lab-01' }, undefined), {
    device,
    hostKey,
  })
  const asked = { device: 'lab-01', address: undefined, hostKey: undefined }
  const reports = { ipv4_eth0: '192.0.2.9/24', ssh_host_key: hostKey }
  const found = await runnerDevice(fleet, asked, serverWith(reports))
  assert.deepEqual([found.device.address, found.hostKey], ['ssh://runner@192.0.2.9', hostKey])
  assert.equal(found.device.deviceType, 'virtual', 'Git goes before what a device claims')
  const six = await runnerDevice(fleet, asked, serverWith({ ...reports, ipv4_eth0: '2001:db8::7' }))
  assert.equal(six.device.address, 'ssh://runner@[2001:db8::7]')
})

test('a device that may not host a runner, or of which too little is known, is refused', async (t) => {
  const fleet = await loadFleet(await fleetRepository(t))
  const given = { device: 'lab-01', address: 'ssh://runner@192.0.2.7', hostKey }
  const refused = async (
    reason: string,
    message: RegExp,
    changes: Partial<typeof given> | Record<string, undefined>,
    server?: ReturnType<typeof serverWith>,
  ) => {
    await assert.rejects(runnerDevice(fleet, { ...given, ...changes }, server), { reason, message })
  }
  await refused('device-missing', /has no device lab-02/, { device: 'lab-02' })
  await refused('device-unsuitable', /no role `runner` in Git/, { device: 'shop-01' })
  await refused('bad-input', /without a token nobody can be asked/, { address: undefined })
  await refused('bad-input', /host-key: without a token/, { hostKey: undefined })
  await refused('bad-input', /over ssh/, { address: 'local:' })
  await refused('bad-input', /as root/, { address: 'ssh://192.0.2.7' })
  await refused('bad-input', /address: lab-01 reports none/, { address: undefined }, serverWith({}))
  await refused('bad-input', /host-key: lab-01 reports none/, { hostKey: undefined }, serverWith({}))
  await refused('device-unsuitable', /32-bit system \(armv7l\)/, {}, serverWith({ arch: 'armv7l' }))
  await refused('device-not-accepted', /is pending/, {}, serverWith({}, false))
})

test('a 32-bit device with the role runner is a mistake in the fleet repository already', async (t) => {
  const folder = await fleetRepository(t, 'architecture: armhf\n')
  await assert.rejects(loadFleet(folder), { reason: 'invalid-file', message: /./ })
})

test('labels have a runner that is online and has them all, or it fails at once with what is missing', async () => {
  const one = { id: 1, name: 'pi-1', isOnline: true, isBusy: true, labels: ['self-hosted', 'Linux', 'Pi-4'] }
  const off = { id: 2, name: 'pi-2', isOnline: false, isBusy: false, labels: ['self-hosted', 'pi-5'] }
  const registry = memoryRegistry([one, off])
  const found = await requireRunner(registry, ['self-hosted', 'pi-4', 'pi-4'])
  assert.deepEqual(found, { labels: ['self-hosted', 'pi-4'], runners: ['pi-1'] })
  const missing = (labels: string[], message: RegExp, where = registry) =>
    assert.rejects(requireRunner(where, labels), { reason: 'runner-missing', message })
  await missing(['pi-9'], /no runner has the label pi-9: there are Linux, Pi-4, .*wait for a day/)
  await missing(['pi-5'], /every runner with pi-5 is offline: pi-2/)
  await missing(['pi-4', 'pi-5'], /no runner has all of pi-4, pi-5/)
  await missing(['pi-4'], /the repository has no runner/, memoryRegistry())
  await assert.rejects(requireRunner(registry, ['a\nb']), { reason: 'bad-input' })
  await assert.rejects(requireRunner(registry, []), { reason: 'bad-input' })
})

test(
  'a device that nobody answers for is unreachable, and GitHub is asked for nothing',
  { skip: needs('ssh') },
  async (t) => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const port = (silent.address() as { port: number }).port
    await new Promise((resolve) => silent.close(resolve))
    const registry = memoryRegistry()
    const address = `ssh://runner@127.0.0.1:${port}`
    const { privateKey } = await sshKey(t)
    const request = {
      device: { host: 'lab-01', id: 'lab-01', deviceType: undefined, address },
      sshKey: privateKey,
      hostKey,
      attempt: { run: '42', attempt: '1' },
      group: 1,
      labels: [],
      mask: () => {},
      limits: { connectMs: 500 },
    }
    await assert.rejects(enrollRunner(request, registry, plainContext()), { reason: 'device-unreachable' })
    assert.deepEqual(registry.given, [])
  },
)
