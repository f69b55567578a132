// The one test that looks behind the folder's face: signatures with a nonce of our own are held against published ones.
import assert from 'node:assert/strict'
import { createECDH, createPrivateKey, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { test } from 'node:test'
import { signEcdsa } from '../../src/artifact/ecdsa.ts'

test('signatures are the ones that RFC 6979 publishes (appendix A.2.5, SHA-256)', () => {
  const secret = Buffer.from('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721', 'hex')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(secret)
  const point = curve.getPublicKey()
  const [d, x, y] = [secret, point.subarray(1, 33), point.subarray(33)].map((part) =>
    part.toString('base64url'),
  )
  assert.ok(d && x && y)
  const key = createPrivateKey({ key: { kty: 'EC', crv: 'P-256', d, x, y }, format: 'jwk' })
  assert.equal(
    signEcdsa(Buffer.from('sample'), key).toString('hex'),
    'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
      'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
  )
  assert.equal(
    signEcdsa(Buffer.from('test'), key).toString('hex'),
    'f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367' +
      '019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
  )
})

test('whatever is signed with whatever key verifies, and twice is the same', () => {
  for (let i = 0; i < 100; i++) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const data = Buffer.from(`data ${i}`)
    const signature = signEcdsa(data, privateKey)
    assert.equal(signature.length, 64)
    const key = createPublicKey(privateKey)
    assert.ok(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature))
    assert.deepEqual(signEcdsa(data, privateKey), signature)
  }
})
