import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { noCounts, play } from './play.ts'

/** Plays `count` histories from the number `first` on; prints how many, and what happened in them. */
export async function playAll(
  t: TestContext,
  { first, count }: { first: number; count: number },
): Promise<void> {
  const counts = noCounts()
  const started = performance.now()
  const wrong: string[] = []
  let played = 0
  for (let seed = first; seed < first + count && wrong.length < 3; seed++) {
    const found = await play(seed, counts)
    played += 1
    if (found !== undefined) wrong.push(found)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  t.diagnostic(`${played} histories in ${seconds} s: ${JSON.stringify(counts)}`)
  assert.equal(wrong.join('\n\n'), '')
}
