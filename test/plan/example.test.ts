// The fleet repository that users copy: what it says is read, and planned stage by stage.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Fleet, loadFleet } from '../../src/fleet/fleet.ts'
import type { Facts } from '../../src/ota/ota.ts'
import { digestOf } from '../../src/platform/platform.ts'
import { makePlan, overBudget, stageOf } from '../../src/plan/plan.ts'

const folder = join(import.meta.dirname, '../../examples/fleet')
const now = new Date('2026-02-03T12:00:00Z') // a Tuesday
const wanted = 'replace-with-a-release'

/** What a server would say where every device of the example runs `release`. */
function factsOf(fleet: Fleet, release: string): Facts {
  const reportedAt = now.toISOString()
  const content = digestOf(wanted)
  const artifact = {
    id: 'a',
    deviceTypes: ['virtual-amd64'],
    contentDigest: content,
    sizeBytes: 1,
    isSigned: false,
  }
  return {
    server: 'http://127.0.0.1:8090',
    gatheredAt: reportedAt,
    devices: fleet.devices.map(({ id }) => ({
      id,
      group: undefined,
      identity: {},
      status: 'accepted',
      deviceType: 'virtual-amd64',
      release,
      reportedAt,
      attributes: { 'rootfs-image.version': release },
    })),
    releases: [{ name: wanted, artifacts: [artifact] }],
    openDeployments: [],
  }
}

test('the example has development, canary and production, each after the one before, and devices in each', async () => {
  const fleet = await loadFleet(folder)
  assert.deepEqual(
    [...fleet.stages.values()].map(({ name, branch, after, needsReview }) => [
      name,
      branch,
      after,
      needsReview,
    ]),
    [
      ['development', 'main', undefined, false],
      ['canary', 'canary', 'development', true],
      ['production', 'production', 'canary', true],
    ],
  )
  assert.deepEqual(
    fleet.devices.map(({ host, stage, site, isLab }) => [host, stage, site, isLab]),
    [
      ['lab-01', 'development', 'workshop', true],
      ['canary-01', 'canary', 'workshop', false],
      ['shop-zurich-01', 'production', 'zurich', false],
      ['shop-lisbon-01', 'production', 'lisbon', false],
    ],
  )
  const others = fleet.warnings.filter(({ message }) => !message.startsWith('stages.production.window:'))
  assert.deepEqual(others, [])
})

test('a release goes out in the waves that the example names, within its budget and at night', async () => {
  const fleet = await loadFleet(folder)
  const moves = (stage: string) =>
    makePlan(fleet, stage, factsOf(fleet, 'an-older-release'), now)
      .changes.flatMap((change) =>
        change.kind === 'update' ? [[change.wave, change.notBefore] as const] : [],
      )
      .toSorted(([one], [other]) => one - other)
  assert.deepEqual(moves('development'), [[1, '2026-02-03T13:00:00+01:00']])
  assert.deepEqual(moves('canary'), [[1, '2026-02-03T13:00:00+01:00']])
  const [first, second, ...others] = moves('production')
  assert.deepEqual([first?.[0], second?.[0], others], [1, 2, []])
  // the second waits for a soak of 24 h, and so for another night
  assert.match(String(first?.[1]), /^2026-02-04T02:00:00/)
  assert.match(String(second?.[1]), /^2026-02-05T02:00:00/)
  const plan = makePlan(fleet, 'production', factsOf(fleet, 'an-older-release'), now)
  assert.deepEqual(overBudget(plan, stageOf(fleet, 'production')), [])
})

test('where the devices run what it says, its first plan has the pages of their kiosks and nothing else', async () => {
  const fleet = await loadFleet(folder)
  const pages: [string, string | undefined][] = []
  for (const stage of fleet.stages.keys()) {
    const { counts, changes } = makePlan(fleet, stage, factsOf(fleet, wanted), now)
    assert.equal(counts.configures, counts.inGit)
    for (const { host } of changes) {
      const device = fleet.devices.find((one) => one.host === host)
      pages.push([host, device?.configuration?.values.get('kiosk_url')])
    }
  }
  assert.deepEqual(pages, [
    ['lab-01', 'https://workshop.example.com/'],
    ['canary-01', 'https://workshop.example.com/'],
    ['shop-zurich-01', 'https://zurich.example.com/'],
    ['shop-lisbon-01', 'https://lisbon.example.com/'],
  ])
})
