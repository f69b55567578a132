import { test } from 'node:test'
import { playAll } from './histories/play-all.ts'

test('what must hold of a stage holds in five thousand random histories', async (t) => {
  await playAll(t, { first: 1, count: 5000 })
})
