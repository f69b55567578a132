// Ten thousand broken, odd and hostile update files: none crashes a reader, none hangs it, none fools it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { campaign } from './fuzz/campaign.ts'
import { watchOutside } from './fuzz/outside.ts'
import { objection } from './fuzz/second-opinion.ts'
import { allSeeds } from './fuzz/seeds.ts'

const isMender = (bytes: Buffer) => bytes.toString('latin1', 0, 7) === 'version'
const accepted: { input: number; bytes: Buffer }[] = []

test(
  'ten thousand mutants are accepted or refused for a foreseen reason',
  { timeout: 300_000 },
  async (t) => {
    const seeds = await allSeeds()
    const outside = watchOutside()
    undo(t, outside.stop)
    const figures = await campaign(seeds, { from: 0, to: 10_000 }, ({ seed, bytes }, input) => {
      if (isMender(bytes) && !seed.bytes.equals(bytes)) accepted.push({ input, bytes })
    })
    outside.stop()
    const { bugs, ...rest } = figures
    t.diagnostic(JSON.stringify(rest))
    assert.equal(bugs.length, 0, bugs.join('\n\n'))
    assert.deepEqual(outside.touched, [])
    assert.ok(figures.accepted > 300, 'too few get through: the mutants are too broken to test much')
    assert.ok(figures.peakMiB < 600, `${figures.peakMiB} MiB`)
  },
)

test(
  'mender-artifact refuses none of those',
  { skip: needs('mender-artifact'), timeout: 60_000 },
  async (t) => {
    const folder = await temporaryFolder(t)
    const every = Math.ceil(accepted.length / 60)
    for (const { input, bytes } of accepted.filter((_, i) => i % every === 0)) {
      assert.equal(await objection(bytes, folder), undefined, `input ${input}`)
    }
  },
)
