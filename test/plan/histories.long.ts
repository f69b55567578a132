import { test } from 'node:test'
import { playAll } from './histories/play-all.ts'

test(
  'what must hold of a stage holds in a hundred thousand random histories',
  { timeout: 3_600_000 },
  async (t) => {
    await playAll(t, { first: 1_000_001, count: 100_000 })
  },
)
