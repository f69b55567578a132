// A release for the lab on the real hawkBit server, as a .swu file and as a bundle: no device of the field gets it by a tick.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { variantProvide, writeRauc, writeSwupdate } from '../../src/artifact/artifact.ts'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { gatherFacts, readFacts, writeFacts } from '../../src/ota/ota.ts'
import { schedule } from '../../src/plan/plan.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { signer, withoutRauc } from '../artifact/rauc.ts'
import { makeRepository } from '../plan/fleet-repository.ts'
import { needs } from '../support/needs.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

/** A stage of a lab device and one of the field, which Git brings to a lab release in this format. */
async function labRelease(t: TestContext, format: 'swupdate' | 'rauc') {
  const lab = await openTenant(t)
  const { server, folder } = lab
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, randomBytes(16_384))
  const request = {
    source,
    name: 'os-2',
    deviceTypes: ['virtual'],
    compression: 'gzip',
    imageVariant: 'lab',
  } as const
  const { path } = await (format === 'rauc'
    ? writeRauc(
        { ...request, output: join(folder, 'os-2.raucb'), signing: { key: signer.all } },
        plainContext(),
      )
    : writeSwupdate(
        { ...request, output: join(folder, 'os-2.swu'), says: { type: 'raw', device: '/dev/mmcblk0p2' } },
        plainContext(),
      ))
  await server.upload(path)
  const bench = await lab.device({ release: 'os-1', behaviour: 'never asks' })
  const field = await lab.device({ release: 'os-1', behaviour: 'never asks' })
  const repository = await makeRepository(t, {
    'inventory.yml': 'all:\n  hosts:\n    bench:\n    field:\n',
    'group_vars/all.yml': 'subscribed_branch: main\nos_image: os-2\n',
    'fleet.yml': `server: { type: hawkbit, url: ${lab.url} }\nstages: { main: { branch: main, waves: [100%] } }\n`,
    'host_vars/bench.yml': `device_id: ${bench.key}\nlab: true\n`,
    'host_vars/field.yml': `device_id: ${field.key}\n`,
  })
  await repository.push()
  return { server, folder, bench, repository }
}

for (const [format, lacks] of [
  ['swupdate', needs('openssl', 'git')],
  ['rauc', withoutRauc || needs('git')],
] as const) {
  test(
    `a lab release in the format ${format} goes to lab devices alone`,
    { skip: skip || lacks },
    async (t) => {
      const { server, folder, bench, repository } = await labRelease(t, format)
      const fleet = await loadFleet(repository.folder)
      const tick = await schedule(fleet, 'main', server, {}, plainContext())
      assert.deepEqual(
        tick.orders.map(({ devices }) => devices),
        [[bench.key]],
      )
      const held = tick.plan?.changes.find(({ host }) => host === 'field')
      assert.ok(held?.kind === 'blocked' && held.by === 'lab-artifact', JSON.stringify(held))
      const path = join(folder, 'facts.json')
      await writeFacts(path, await gatherFacts(server, plainContext()))
      const [artifact] = (await readFacts(path)).releases[0]?.artifacts ?? []
      assert.deepEqual([artifact?.format, artifact?.provides?.[variantProvide]], [format, 'lab'])
    },
  )
}
