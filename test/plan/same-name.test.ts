// A release whose name stands for other content than it did: nothing of the new content is shown by who runs the old.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/mender-lab.ts'
import { type World, hour, inLab, openWorld, ordered, releaseOf } from './world.ts'

/** What an operator does who uploads a build again under the name of the one before. */
async function uploadAgain({ lab }: World, release: string): Promise<void> {
  const there = await lab.server.release(release)
  for (const { id } of there?.artifacts ?? []) {
    const { status } = await lab.operate('DELETE', `/v1/deployments/artifacts/${id}`)
    assert.equal(status, 204)
  }
  await lab.server.upload(await lab.artifact(release, { content: 'another build' }))
}

const blockedBy = async (world: World, laterMs: number) => {
  const tick = await world.tick({}, laterMs)
  const changes = tick.plan?.changes ?? []
  return { tick, changes, by: changes.map((change) => (change.kind === 'blocked' ? change.by : change.kind)) }
}

test('a wave that runs other content of the same name opens no gate, and is told so', async (t) => {
  const world = await openWorld(t)
  await world.release('new')
  await inLab(world, 'new')
  const [first] = ordered(await world.tick())
  const index = world.devices.findIndex(({ key }) => key === first)
  await until(async () => (await releaseOf(world, index)) === 'new')
  await until(async () => (await world.lab.server.openDeployments()).length === 0)
  await uploadAgain(world, 'new')

  // the stage before runs the old content as well
  const before = await blockedBy(world, 2 * hour)
  assert.deepEqual([before.tick.orders, before.tick.state], [[], 'waiting'])
  assert.deepEqual(before.by.toSorted(), ['other-content', 'update'])
  const held = before.changes.find(({ device }) => device === first)
  assert.ok(held?.kind === 'blocked' && held.wave === 1)
  assert.match(
    held.why,
    /reports new, but its image is [0-9a-f]{12}….* give the newer build a name of its own/,
  )

  // and where nothing comes before, the wave itself holds the next
  await world.repository.git('checkout', '--quiet', 'canary')
  await world.repository.commit({ 'fleet.yml': stagesAlone(world) })
  await world.repository.push()
  const { tick } = await blockedBy(world, 3 * hour)
  assert.deepEqual(tick.orders, [])
  assert.match(JSON.stringify(tick.waiting), /no device of type virtual in wave 1 reports the release/)
})

const stagesAlone = ({ lab }: World) => `server: { type: mender, url: ${lab.url} }
stages:
  development: { branch: main }
  canary:
    branch: canary
    review: none
    waves: [1 per device type, 100%]
    gate: { soak: 1h, max-failures: 0 }
`

test('a device that tells no checksum is taken at its word', async (t) => {
  const world = await openWorld(t)
  // all were flashed with it, and the server got another build of that name
  await uploadAgain(world, 'old')
  const { tick, by } = await blockedBy(world, 0)
  assert.deepEqual([tick.state, by], ['done', ['no-op', 'no-op']])
})
