// The ssh host key that test-device pins, taken from what the device itself reported.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startVirtualDevice } from '../../src/device/device.ts'
import { type Facts, gatherFacts, writeFacts } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { baseImage, cannotBoot } from '../support/base-image.ts'
import { sshKey } from '../support/devices.ts'
import { allDevices, openLab, until } from '../support/mender-lab.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const context = plainContext()
const checks = 'files: { /etc/os-release: }\n'

test(
  'a device is tested by the host key that it reported, and one that shows another is not spoken to',
  { skip: cannotBoot },
  async (t) => {
    const lab = await openLab(t)
    const key = await sshKey(t)
    const given = { deviceType: 'virtual', serial: 'SN-1', authorizedKey: key.publicKey, serverUrl: lab.url }
    const folder = join(lab.folder, 'device')
    const running = await startVirtualDevice({ image: await baseImage(), folder, ...given }, context)
    undo(t, () => running.stop())
    await until(
      async () => (await allDevices(lab.server))[0]?.attributes['ssh_host_key'] === running.hostKey,
      60_000,
    )
    await writeFile(join(lab.folder, 'checks.yml'), checks)
    const testWith = (hostKey: string) =>
      runInRunner('test-device', {
        workspace: lab.folder,
        inputs: {
          device: running.sshUrl,
          'ssh-key': key.path,
          'host-key': hostKey,
          'boot-timeout': '2m',
          tests: 'checks.yml',
        },
      })
    const facts = await gatherFacts(lab.server, context)
    await writeFacts(join(lab.folder, 'facts.json'), facts)
    const passed = await testWith('facts.json')
    assert.deepEqual([passed.code, passed.outputs['result']], [0, 'pass'], passed.log)
    assert.doesNotMatch(passed.log, /host key was not given/)

    const [device] = facts.devices
    assert.ok(device)
    const other = (await sshKey(t)).publicKey
    const attributes = { ...device.attributes, ssh_host_key: other }
    await writeFacts(join(lab.folder, 'wrong.json'), { ...facts, devices: [{ ...device, attributes }] })
    const refused = await testWith(`wrong.json#${device.id}`)
    assert.deepEqual(
      [refused.outputs['result'], refused.outputs['failure-reason']],
      ['infra', 'host-key-mismatch'],
      refused.log,
    )
  },
)

test('a facts file from which no host key can be had is refused, with what to do', async (t) => {
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'checks.yml'), checks)
  const device = (id: string, address: string): Facts['devices'][number] => ({
    id,
    status: 'accepted',
    reportedAt: '2026-03-02T12:00:00.000Z',
    deviceType: 'virtual',
    release: 'os-1',
    group: undefined,
    identity: {},
    attributes: { address },
  })
  const facts: Facts = {
    server: 'https://ota.example',
    gatheredAt: '2026-03-02T12:00:00.000Z',
    devices: [device('a', '192.0.2.1'), device('b', '192.0.2.2'), device('c', '192.0.2.2')],
    releases: [],
    openDeployments: [],
  }
  await writeFacts(join(workspace, 'facts.json'), facts)
  await writeFacts(join(workspace, 'redacted.json'), { ...facts, isRedacted: true })
  const refusals: [hostKey: string, host: string, reason: string, message: RegExp][] = [
    ['facts.json', '192.0.2.1', 'bad-input', /device a reports no ssh host key.*ssh_host_key/],
    ['facts.json', '192.0.2.2', 'bad-input', /2 devices .*\(b, c\).*facts\.json#<its id>/],
    ['facts.json', '192.0.2.3', 'device-missing', /no device .* the address 192\.0\.2\.3/],
    ['facts.json#d', '192.0.2.1', 'device-missing', /has no device d/],
    ['redacted.json', '192.0.2.1', 'bad-input', /is redacted/],
    ['none.json', '192.0.2.1', 'file-missing', /none\.json/],
  ]
  for (const [hostKey, host, reason, message] of refusals) {
    const { outputs, errors } = await runInRunner('test-device', {
      workspace,
      inputs: { device: `ssh://root@${host}`, 'host-key': hostKey, tests: 'checks.yml' },
    })
    assert.equal(outputs['failure-reason'], reason, hostKey)
    assert.match(errors[0]?.message ?? '', message)
  }
})
