// The one test that looks behind the folder's face: signatures with a nonce of our own are held against published ones.
import assert from 'node:assert/strict'
import {
  type KeyObject,
  createECDH,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from 'node:crypto'
import { test } from 'node:test'
import { derEcdsa, rawEcdsa } from '../../src/artifact/ecdsa-der.ts'
import { signEcdsa } from '../../src/artifact/ecdsa.ts'

test('signatures are the ones that RFC 6979 publishes (appendix A.2.5, SHA-256)', () => {
  const secret = Buffer.from('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721', 'hex')
  const key = keyOf(secret)
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
  for (let i = 0; i < 300; i++) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const data = Buffer.from(`data ${i}`)
    const signature = signEcdsa(data, privateKey)
    assert.equal(signature.length, 64)
    const key = createPublicKey(privateKey)
    assert.ok(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature))
    assert.deepEqual(signEcdsa(data, privateKey), signature)
  }
})

test('keys at the edges of the range and long or empty data verify, too', () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const secrets = [1n, 2n, 3n, 255n, 1n << 128n, (1n << 255n) + 1n, order / 2n, order - 2n, order - 1n]
  for (const secret of secrets) {
    const key = keyOf(Buffer.from(secret.toString(16).padStart(64, '0'), 'hex'))
    for (const data of ['', '\0', 'x'.repeat(100_000), Buffer.alloc(64, 0xff)].map((item) =>
      Buffer.from(item),
    )) {
      const signature = signEcdsa(data, key)
      const publicKey = createPublicKey(key)
      assert.ok(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
      assert.deepEqual(signEcdsa(data, key), signature)
    }
  }
})

test('both forms of a signature are the same signature, and nothing else is taken for one', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  for (let i = 0; i < 2000; i++) {
    const der = sign('sha256', Buffer.from(String(i)), privateKey)
    const raw = rawEcdsa(der)
    assert.ok(raw !== undefined && derEcdsa(raw).equals(der))
    const key = createPublicKey(privateKey)
    assert.ok(verify('sha256', Buffer.from(String(i)), { key, dsaEncoding: 'ieee-p1363' }, raw))
  }
  for (const [r, s] of [
    ['00', '00'],
    ['01', '80'],
    ['00ff', 'ff'.repeat(32)],
    [`${'00'.repeat(31)}01`, '7f'],
  ] as const) {
    const raw = Buffer.from(r.padStart(64, '0') + s.padStart(64, '0'), 'hex')
    assert.deepEqual(rawEcdsa(derEcdsa(raw)), raw)
  }
  const good = sign('sha256', Buffer.from('x'), privateKey)
  const wrong = [
    '',
    '30',
    '3000',
    '30060201010201',
    '3006020101020101ff',
    '3007020101020101',
    '300602010102010180',
    '3006028101020101',
    '3006020181020101',
    '300702020001020101',
    '3006030101020101',
    '30060201010200',
    `3045022100${'ff'.repeat(32)}0220${'7f'.repeat(31)}`,
    `3026022201${'ff'.repeat(33)}020101`,
  ].map((hex) => Buffer.from(hex, 'hex'))
  for (const bytes of [
    ...wrong,
    good.subarray(1),
    good.subarray(0, -1),
    Buffer.concat([good, Buffer.of(0)]),
  ]) {
    assert.equal(rawEcdsa(bytes), undefined, bytes.toString('hex'))
  }
})

/** The P-256 key of a secret number, 32 bytes. */
function keyOf(secret: Buffer): KeyObject {
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(secret)
  const point = curve.getPublicKey()
  const [d = '', x = '', y = ''] = [secret, point.subarray(1, 33), point.subarray(33)].map((part) =>
    part.toString('base64url'),
  )
  return createPrivateKey({ key: { kty: 'EC', crv: 'P-256', d, x, y }, format: 'jwk' })
}
