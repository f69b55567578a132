// Ten thousand broken, odd and hostile update files: none crashes a reader, none hangs it, none fools it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { campaign } from './fuzz/campaign.ts'
import { menderSeeds } from './fuzz/seeds.ts'

test(
  'ten thousand mutants are accepted or refused for a foreseen reason',
  { timeout: 300_000 },
  async (t) => {
    const figures = await campaign(await menderSeeds(), { from: 0, to: 10_000 })
    const { bugs, ...rest } = figures
    t.diagnostic(JSON.stringify(rest))
    assert.equal(bugs.length, 0, bugs.join('\n\n'))
    assert.ok(figures.accepted > 300, 'too few get through: the mutants are too broken to test much')
    assert.ok(figures.peakMiB < 600, `${figures.peakMiB} MiB`)
  },
)
