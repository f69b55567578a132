// A stage of devices with SWUpdate on the real hawkBit server, brought by ticks to a release and a configuration of Git's.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeSwupdate } from '../../src/artifact/artifact.ts'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { schedule } from '../../src/plan/plan.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { authority } from '../artifact/certificates.ts'
import { makeRepository } from '../plan/fleet-repository.ts'
import type { HawkbitLab } from '../support/hawkbit-lab.ts'
import { allDevices } from '../support/lab.ts'
import { needs } from '../support/needs.ts'
import { until } from '../support/until.ts'
import { crowdOf } from './hawkbit-crowd.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

async function uploadSwu({ folder, server }: HawkbitLab, name: string, key: string): Promise<void> {
  const source = join(folder, `${name}.ext4`)
  await writeFile(source, name.padEnd(8192, '.'))
  const { path } = await writeSwupdate(
    {
      source,
      output: join(folder, `${name}.swu`),
      name,
      deviceTypes: ['virtual'],
      compression: 'gzip',
      signing: { key },
      says: { type: 'raw', device: '/dev/mmcblk0p2' },
    },
    plainContext(),
  )
  await server.upload(path)
}

const variables = (release: string, url: string) =>
  `subscribed_branch: main\nos_image: ${release}\nurl: ${url}\nconfiguration: { template: kiosk.json }\n`

test(
  'ticks bring a stage on hawkBit to a release, and then to its configuration',
  { skip: skip || needs('openssl', 'git') },
  async (t) => {
    const lab = await openTenant(t)
    const { server } = lab
    const key = authority('fleet').issue('signer', {
      extensions: 'extendedKeyUsage=codeSigning',
      type: 'rsa',
    }).all
    for (const name of ['os-1', 'os-2']) await uploadSwu(lab, name, key)
    const crowd = await crowdOf(t, lab, { deviceTypes: { virtual: 3 }, seed: 'kiosk' })
    const ids = crowd.report().list.map(({ id }) => id)
    const repository = await makeRepository(t, {
      'inventory.yml': `all:\n  hosts:\n${ids.map((_, at) => `    kiosk-${at}:\n`).join('')}`,
      'group_vars/all.yml': variables('os-2', 'https://a.example/'),
      'templates/kiosk.json': '{ "url": "{{ url }}" }\n',
      'fleet.yml': `server: { type: hawkbit, url: ${lab.url} }\nstages:\n  main:\n    branch: main\n    waves: [1 per device type, 100%]\n    gate: { soak: 0s, max-failures: 0 }\n`,
      ...Object.fromEntries(ids.map((id, at) => [`host_vars/kiosk-${at}.yml`, `device_id: ${id}\n`])),
    })
    await repository.push()
    const orders: string[] = []
    let state = ''
    for (let round = 0; round < 20 && state !== 'done'; round++) {
      const fleet = await loadFleet(repository.folder)
      const tick = await schedule(fleet, 'main', server, { signing: { key } }, plainContext())
      state = tick.state
      orders.push(...tick.orders.map(({ release, devices }) => `${release}: ${devices.length}`))
      await until('the orders end', async () => (await server.openDeployments()).length === 0, 30_000)
      const now = new Date().toISOString()
      await until('all have reported since', async () => {
        // asked for one by one, for the list asks for what is older than minutes only
        const facts = await Promise.all(ids.map((id) => server.device(id)))
        return facts.every(({ reportedAt = '' }) => reportedAt > now)
      })
    }
    assert.equal(state, 'done')
    const [first = '', ...rest] = orders.map((order) => order.replace(/-[0-9a-f]{16}-by-[0-9a-f]{8}-/, '-…-'))
    assert.deepEqual(
      [first, ...rest],
      ['os-2: 1', 'os-2: 2', 'configuration-kiosk-…-on-os-2: 1', 'configuration-kiosk-…-on-os-2: 2'],
    )
    const devices = await allDevices(server)
    assert.deepEqual([...new Set(devices.map(({ release }) => release))], ['os-2'])
    const configurations = new Set(devices.map(({ attributes }) => attributes['configuration']))
    assert.equal(configurations.size, 1)
    assert.match([...configurations][0] ?? '', /^sha256:[0-9a-f]{64}$/)
    const formats = (await server.releases()).map(({ artifacts }) => artifacts[0]?.format)
    assert.deepEqual(formats, ['swupdate', 'swupdate', 'swupdate'])
  },
)
