import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFleetPolicy, withKnownBad } from '../../src/fleet/fleet.ts'

const entry = `sha256:${'a'.repeat(64)}`

test('an entry is added to known-bad however it is written, and the rest stays to the byte', () => {
  const table: [before: string, after: string][] = [
    ['', `known-bad:\n  - "${entry}"\n`],
    ['freeze: null # x', `freeze: null # x\nknown-bad:\n  - "${entry}"\n`],
    ['known-bad: []  # none\nretry: {}\n', `known-bad: ["${entry}"]  # none\nretry: {}\n`],
    ['known-bad: [one, "two"]\n', `known-bad: [one, "two", "${entry}"]\n`],
    [
      'known-bad:\n  - one # why\n\n# next\nretry: {}\n',
      `known-bad:\n  - one # why\n  - "${entry}"\n\n# next\nretry: {}\n`,
    ],
    ['known-bad:\n- one\n- two', `known-bad:\n- one\n- two\n- "${entry}"`],
    ['known-bad:\nretry: {}\n', `known-bad:\n  - "${entry}"\nretry: {}\n`],
    ['known-bad: null # x\nretry: {}\n', `known-bad:  # x\n  - "${entry}"\nretry: {}\n`],
    ['"known-bad": ~\n', `"known-bad": \n  - "${entry}"\n`],
  ]
  for (const [before, after] of table) {
    const changed = withKnownBad(before, [entry], 'fleet.yml')
    assert.equal(changed, after, JSON.stringify(before))
    assert.ok(parseFleetPolicy(changed ?? '', 'fleet.yml').switches.knownBad.has(entry))
    assert.equal(withKnownBad(changed ?? '', [entry], 'fleet.yml'), undefined, 'once is enough')
  }
})

test('a file that can not be read is left alone', () => {
  assert.throws(() => withKnownBad('known-bad: { a: b }\n', [entry], 'main:fleet.yml'), {
    reason: 'invalid-file',
  })
})
