// The demonstration as a user runs it, in its unhappy ways; the happy way is `npm run demo` itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '../support/temporary.ts'
import { demonstrate, emptyCache, pageOf, processesOf, skip } from './demonstrate.ts'

test(
  'after a run that was killed the next one works, and a broken image ends it with 1 and leaves the fleet alone',
  { skip },
  async (t) => {
    const cache = await emptyCache(t)
    const killed = demonstrate(cache, [])
    await new Promise<void>((resolve, reject) => {
      killed.child.stdout.on('data', () => /\[5\/\d+\]/.test(killed.said.text) && resolve())
      void killed.ended.then(([code]) => reject(new Error(`it ended with ${code}: ${killed.said.text}`)))
    })
    killed.child.kill('SIGKILL')
    await killed.ended
    assert.ok(processesOf(cache) > 0, 'the server and the devices outlive a killed run')

    const { said, ended } = demonstrate(cache, ['--break'])
    const [code] = await ended
    assert.equal(code, 1, said.text)
    assert.match(said.text, /ended \d+ processes that an earlier run had left/)
    assert.match(said.text, /failure-reason: rolled-back/)
    assert.match(said.text, /canary-01, shop-zurich-01, shop-lisbon-01 report example-os-20260105T0800-/)
    assert.equal(processesOf(cache), 0)
    assert.match(pageOf(cache), /rolled-back/)
  },
)

test(
  'Ctrl-C, which reaches a terminal program twice, ends the server and the devices too',
  { skip },
  async (t) => {
    const cache = await temporaryFolder(t)
    const { child, said, ended } = demonstrate(cache, [])
    await new Promise<void>((resolve) => {
      child.stdout.on('data', () => /\[2\/\d+\]/.test(said.text) && resolve())
    })
    child.kill('SIGINT')
    setTimeout(() => child.kill('SIGINT'), 50)
    const [code] = await ended
    assert.equal(code, 1)
    assert.match(said.text, /failure-reason: cancelled/)
    assert.equal(processesOf(cache), 0)
  },
)

test('a terminal that is closed ends the server and the devices too', { skip }, async (t) => {
  const cache = await temporaryFolder(t)
  const { child, said, ended } = demonstrate(cache, [])
  await new Promise<void>((resolve) => {
    child.stdout.on('data', () => /\[2\/\d+\]/.test(said.text) && resolve())
  })
  child.stdout.destroy()
  const [code] = await ended
  assert.equal(code, 1)
  assert.equal(processesOf(cache), 0)
})
