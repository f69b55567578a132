// A million mutants, split over the machine's cores; DROVER_FUZZ_INPUTS says another number, DROVER_FUZZ_FROM where to begin.
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import * as v from 'valibot'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { type Figures, added } from './fuzz/campaign.ts'
import { objection } from './fuzz/second-opinion.ts'

const inputs = Number(process.env['DROVER_FUZZ_INPUTS'] ?? 1_000_000)
const first = Number(process.env['DROVER_FUZZ_FROM'] ?? 1_000_000)
const rangeInputs = 2000
/** Accepted mutants of each range that mender-artifact is shown. */
const shown = needs('mender-artifact') === false ? 5 : 0

const replySchema = v.object({
  figures: v.custom<Figures>((value) => typeof value === 'object' && value !== null),
  accepted: v.array(v.object({ input: v.number(), base64: v.string() })),
})

test(
  'a million mutants are accepted or refused for a foreseen reason',
  { timeout: 4 * 3_600_000 },
  async (t) => {
    const folder = await temporaryFolder(t)
    const started = performance.now()
    let total: Figures | undefined
    let next = first
    let compared = 0
    const work = async (worker: ChildProcess) => {
      while (next < first + inputs && (total === undefined || total.bugs.length === 0)) {
        const range = { from: next, to: Math.min(next + rangeInputs, first + inputs), shown }
        next = range.to
        worker.send(range)
        const { figures, accepted } = v.parse(replySchema, await reply(worker))
        total = total === undefined ? figures : added(total, figures)
        for (const { input, base64 } of accepted) {
          const bytes = Buffer.from(base64, 'base64')
          if (bytes.toString('latin1', 0, 7) !== 'version') continue
          assert.equal(await objection(bytes, folder, String(worker.pid)), undefined, `input ${input}`)
          compared++
        }
      }
    }
    const workers = Array.from({ length: availableParallelism() }, () =>
      fork(new URL('./fuzz/worker.ts', import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
    )
    try {
      await Promise.all(
        workers.map(async (worker) => {
          await reply(worker)
          await work(worker)
        }),
      )
    } finally {
      for (const worker of workers) worker.kill()
    }
    assert.ok(total !== undefined)
    const { bugs, ...figures } = total
    const seconds = Math.round((performance.now() - started) / 1000)
    t.diagnostic(JSON.stringify({ ...figures, compared, seconds, workers: workers.length }))
    assert.equal(bugs.length, 0, bugs.join('\n\n'))
    assert.equal(figures.inputs, inputs)
  },
)

async function reply(worker: ChildProcess): Promise<unknown> {
  const died = once(worker, 'exit').then(() => {
    throw new Error('a worker died')
  })
  const [message]: unknown[] = await Promise.race([once(worker, 'message'), died])
  return message
}
