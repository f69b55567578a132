// A release of the variant lab goes to lab devices alone, whatever Git says of the others.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { variantProvide, writeMender } from '../../src/artifact/artifact.ts'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { schedule } from '../../src/plan/plan.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { openLab, until } from '../support/mender-lab.ts'
import { makeRepository } from './fleet-repository.ts'
import { image } from './world.ts'

/** A server with the release `new` of a variant, and a stage of one lab device and one in the field that are to run it. */
async function stageOf(t: TestContext, variant: string) {
  const lab = await openLab(t)
  const [source, output] = [join(lab.folder, 'new.ext4'), join(lab.folder, 'new.mender')]
  await writeFile(source, 'new'.padEnd(8192, '.'))
  const provides = { [variantProvide]: variant }
  await writeMender(
    { source, output, name: 'new', deviceTypes: ['virtual'], compression: 'none', signing: {}, provides },
    plainContext(),
  )
  await lab.server.upload(output)
  const bench = await lab.device({ serial: 'bench', release: 'old', behaviour: 'never asks', pollMs: 50 })
  const field = await lab.device({ serial: 'field', release: 'old', behaviour: 'never asks', pollMs: 50 })
  const variables = (key: string, text: string) => `device_id: ${key}\n${text}`
  const repository = await makeRepository(t, {
    'inventory.yml': 'all:\n  hosts:\n    bench:\n    field:\n',
    'group_vars/all.yml': `subscribed_branch: main\n${image('new')}`,
    'fleet.yml': `server: { type: mender, url: ${lab.url} }\nstages: { main: { branch: main, waves: [100%] } }\n`,
    'host_vars/bench.yml': variables(bench.key, 'lab: true\n'),
    'host_vars/field.yml': variables(field.key, ''),
  })
  const tick = async () =>
    await schedule(await loadFleet(repository.folder), 'main', lab.server, {}, plainContext())
  const say = async (host: string, key: string, text: string) => {
    await repository.commit({ [`host_vars/${host}.yml`]: variables(key, text) })
    await repository.push()
  }
  return { lab, bench, field, tick, say }
}

test('a tick orders a lab release for lab devices alone, and takes it back from one that is none any more', async (t) => {
  const { lab, bench, field, tick, say } = await stageOf(t, 'lab')
  const first = await tick()
  assert.deepEqual(
    first.orders.map(({ devices }) => devices),
    [[bench.key]],
  )
  const held = first.plan?.changes.find(({ host }) => host === 'field')
  assert.ok(held?.kind === 'blocked' && held.by === 'lab-artifact')
  assert.match(held.why, /^new is of the variant lab .* Git says no lab: true/)
  assert.ok(first.waiting.some(({ why }) => why === held.why))

  await say('bench', bench.key, 'lab: false\n')
  const second = await tick()
  assert.deepEqual([second.withdrawn, second.orders], [[first.orders[0]?.name], []])
  await until(async () => (await lab.server.openDeployments()).length === 0)

  await say('field', field.key, 'lab: true\n')
  const third = await tick()
  assert.deepEqual(
    third.orders.map(({ devices }) => devices),
    [[field.key]],
  )
})

test('a release of another variant is for all', async (t) => {
  const { bench, field, tick } = await stageOf(t, 'field')
  const { orders } = await tick()
  assert.deepEqual(orders[0]?.devices.toSorted(), [bench.key, field.key].toSorted())
})
