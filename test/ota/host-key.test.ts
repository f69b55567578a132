import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostKeysOf } from '../../src/ota/ota.ts'

const [ed25519, ecdsa] = [`ssh-ed25519 ${'A'.repeat(68)}`, `ecdsa-sha2-nistp256 ${'B'.repeat(100)}=`]

test('host keys are what a device reports as such, and nothing that only looks like one', () => {
  const cases: [reported: string | undefined, keys: string[]][] = [
    [undefined, []],
    ['', []],
    [ed25519, [ed25519]],
    // repeated attributes are joined by commas; the comment is nobody's key
    [`${ed25519} root@pi,${ecdsa}`, [ed25519, ecdsa]],
    [`${ed25519}\nother ${ecdsa}`, []],
    ['SHA256:abcdef', []],
    [`* ${ed25519}`, []],
    [`@cert-authority * ${ed25519}`, []],
  ]
  for (const [reported, keys] of cases) {
    const attributes: Record<string, string> = reported === undefined ? {} : { ssh_host_key: reported }
    assert.deepEqual(hostKeysOf({ attributes }), keys, reported)
  }
})
