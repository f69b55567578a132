// A release that only devices outside of the lab can't run: how far it comes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { demonstrate, emptyCache, pageOf, processesOf, skip } from './demonstrate.ts'

test(
  'a release that passes in the lab and fails on the canary device is halted there, proposed as known to be bad, and never gets into production',
  { skip },
  async (t) => {
    const cache = await emptyCache(t)
    const { said, ended } = demonstrate(cache, ['--break-canary'])
    const [code] = await ended
    const { text } = said
    assert.equal(code, 1, text)
    assert.match(text, /\d+ tests passed, 0 failed, 0 skipped/, 'it passes in the lab')
    assert.match(text, /lab-01 itself reports example-os-20260114T1020-/)
    assert.match(text, /production +waiting: .*0 of 1 devices .* in stage canary report example-os-20260114/)
    assert.match(text, /canary +halted: .*1 rolled back; .*max-failures allows 0/)
    assert.match(text, /this system can't apply the device's configuration/, "the device's own reason")
    assert.match(text, /^ +\+known-bad: \["sha256:[0-9a-f]{64}"\]/m, 'what is proposed')
    assert.match(text, /production +waiting: .* is listed in known-bad/, 'once that is merged')
    assert.match(text, /canary-01, shop-zurich-01, shop-lisbon-01 report example-os-20260105T0800-/)
    assert.match(text, /production never had an order/)
    assert.match(text, /^failure-reason: halted$/m)
    assert.equal(processesOf(cache), 0)
    const page = pageOf(cache)
    for (const shown of [
      /Waves of canary[^]*?1 failed/,
      /Waves of production[^]*?1 to come[^]*?1 to come/,
      /The pull request that was opened: Mark example-os-20260114T1020-/,
    ])
      assert.ok(shown.test(page), String(shown))
  },
)
