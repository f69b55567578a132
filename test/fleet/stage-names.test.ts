import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFleetPolicy } from '../../src/fleet/fleet.ts'

test('a stage that waits for one that every object seems to have waits for none, and that is a mistake', () => {
  // such a stage would be found nowhere, and its gate would be open
  for (const after of ['constructor', 'toString', 'nowhere']) {
    const text = `stages:\n  development: { branch: main }\n  canary: { branch: canary, after: ${after} }\n`
    assert.throws(() => parseFleetPolicy(text, 'fleet.yml'), {
      reason: 'invalid-file',
      message: new RegExp(`fleet.yml:3.*there is no stage ${after}`, 's'),
    })
  }
})
