// Configurations from a repository in Git over a real hawkBit server to simulated devices.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { reportedConfiguration } from '../../src/ota/ota.ts'
import { schedule } from '../../src/plan/plan.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { startCrowd } from '../../src/simulator/simulator.ts'
import { openTenant, skip } from '../ota/hawkbit-tenant.ts'
import { allDevices } from '../support/lab.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'
import { makeRepository } from './fleet-repository.ts'

const variables = (release: string, url: string) =>
  `subscribed_branch: main\nos_image: ${release}\nurl: ${url}\nconfiguration: { template: kiosk.json }\n`

test('a setting and a release get to devices on hawkBit, one after the other', { skip }, async (t) => {
  const lab = await openTenant(t)
  const token = 'a-gateway-token'
  for (const [key, value] of [
    ['enabled', true],
    ['key', token],
  ] as const)
    await lab.operate('PUT', `/system/configs/authentication.gatewaytoken.${key}`, { value })
  const crowd = startCrowd(
    {
      url: `${lab.url}/${lab.tenant}`,
      serverType: 'hawkbit',
      token,
      deviceTypes: { virtual: 3 },
      release: 'os-1',
      attributes: {},
      faults: [],
      seed: 'kiosk',
      pollMs: 1_800_000,
      speed: 6000,
    },
    plainContext(),
  )
  undo(t, () => crowd.stop())
  const devices = () => allDevices(lab.server)
  await until('all have reported', async () => {
    return (await devices()).filter(({ release }) => release === 'os-1').length === 3
  })
  for (const name of ['os-1', 'os-2']) await lab.server.upload(await lab.artifact(name))
  const ids = (await devices()).map(({ id }) => id)
  const repository = await makeRepository(t, {
    'inventory.yml': `all:\n  hosts:\n${ids.map((_, at) => `    kiosk-${at}:\n`).join('')}`,
    'group_vars/all.yml': variables('os-1', 'a'),
    'templates/kiosk.json': '{ "url": "{{ url }}" }\n',
    'fleet.yml': `server: { type: hawkbit, url: ${lab.url} }\nstages:\n  main:\n    branch: main\n    waves: [1 per device type, 100%]\n    gate: { soak: 0s, max-failures: 0 }\n`,
    ...Object.fromEntries(ids.map((id, at) => [`host_vars/kiosk-${at}.yml`, `device_id: ${id}\n`])),
  })
  const untilDone = async () => {
    const ordered: string[] = []
    for (let round = 0; round < 20; round++) {
      const fleet = await loadFleet(repository.folder)
      const tick = await schedule(fleet, 'main', lab.server, {}, plainContext())
      assert.notEqual(tick.state, 'halted', tick.haltedBy)
      ordered.push(...tick.orders.map(({ release }) => release.replace(/-[0-9a-f]{16}-/, '-…-')))
      if (tick.state === 'done') return ordered
      const expected = new Map(
        tick.plan?.changes.flatMap((change) =>
          change.kind === 'update' || change.kind === 'configure' ? [[change.device, change] as const] : [],
        ),
      )
      const waited = tick.orders.flatMap((order) => order.devices)
      await until(
        'those that were ordered something report it',
        async () => {
          if ((await lab.server.openDeployments()).length > 0) return false
          const all = new Map((await devices()).map((device) => [device.id, device]))
          return waited.every((id) => {
            const [device, change] = [all.get(id), expected.get(id)]
            const reported =
              device && change?.kind === 'configure' ? reportedConfiguration(device) : device?.release
            return reported === change?.to
          })
        },
        60_000,
      )
    }
    throw new Error('it is never done')
  }
  const one = 'configuration-kiosk-…-on-os-1'
  assert.deepEqual(await untilDone(), [one, one])
  const before = new Set((await devices()).map(reportedConfiguration))
  assert.equal(before.size, 1)
  await repository.commit({ 'group_vars/all.yml': variables('os-2', 'b') })
  await repository.push()
  const both = await untilDone()
  assert.deepEqual(
    both.toSorted((a, b) => (a < b ? -1 : 1)),
    ['configuration-kiosk-…-on-os-2', 'configuration-kiosk-…-on-os-2', 'os-2', 'os-2'],
  )
  const after = new Set((await devices()).map(reportedConfiguration))
  assert.equal(after.size, 1)
  assert.notDeepEqual(after, before)
  assert.deepEqual([...new Set((await devices()).map(({ release }) => release))], ['os-2'])
})
