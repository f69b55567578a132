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
type Reply = v.InferOutput<typeof replySchema>

test(
  'a million mutants are accepted or refused for a foreseen reason',
  { timeout: 4 * 3_600_000 },
  async (t) => {
    const folder = await temporaryFolder(t)
    const started = performance.now()
    let total: Figures | undefined
    let compared = 0
    for await (const { figures, accepted } of replies()) {
      total = total === undefined ? figures : added(total, figures)
      for (const { input, base64 } of accepted) {
        const bytes = Buffer.from(base64, 'base64')
        if (bytes.toString('latin1', 0, 7) !== 'version') continue
        assert.equal(await objection(bytes, folder), undefined, `input ${input}`)
        compared++
      }
      if (total.bugs.length > 0) break
    }
    assert.ok(total !== undefined)
    const { bugs, ...figures } = total
    const seconds = Math.round((performance.now() - started) / 1000)
    t.diagnostic(JSON.stringify({ ...figures, compared, seconds }))
    assert.equal(bugs.length, 0, bugs.join('\n\n'))
    assert.equal(figures.inputs, inputs)
  },
)

/** What the workers say of all ranges, in any order; each has its next range before its last one is looked at. */
async function* replies(): AsyncGenerator<Reply> {
  const workers = Array.from({ length: availableParallelism() }, () =>
    fork(new URL('./fuzz/worker.ts', import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
  )
  try {
    let next = first
    const ask = async (worker: ChildProcess, died: Promise<never>) => {
      const range = { from: next, to: Math.min(next + rangeInputs, first + inputs), shown }
      if (range.from >= range.to) return undefined
      next = range.to
      worker.send(range)
      return { reply: v.parse(replySchema, await said(worker, died)), again: () => ask(worker, died) }
    }
    const pending = new Map(
      workers.map((worker) => {
        const died = death(worker)
        died.catch(() => {}) // at the end they are told to
        return [worker, said(worker, died).then(() => ask(worker, died))] as const
      }),
    )
    while (pending.size > 0) {
      const [worker, answer] = await Promise.race(
        [...pending].map(async ([one, asked]) => [one, await asked] as const),
      )
      pending.delete(worker)
      if (answer === undefined) continue
      pending.set(worker, answer.again())
      yield answer.reply
    }
  } finally {
    for (const worker of workers) worker.kill()
  }
}

/** The next thing that a worker says; `died` rejects once it can say no more. */
async function said(worker: ChildProcess, died: Promise<never>): Promise<unknown> {
  const controller = new AbortController()
  try {
    const [message]: unknown[] = await Promise.race([
      once(worker, 'message', { signal: controller.signal }),
      died,
    ])
    return message
  } finally {
    controller.abort()
  }
}

async function death(worker: ChildProcess): Promise<never> {
  await once(worker, 'exit')
  throw new Error('a worker died')
}
