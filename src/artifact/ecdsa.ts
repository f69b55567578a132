// ECDSA on P-256 with the nonce of RFC 6979, which depends on key and data alone: what is signed twice is the same twice,
// so that signed artifacts are reproducible too. Node signs with a random nonce only. The curve's arithmetic stays
// OpenSSL's (a Diffie-Hellman key made of the nonce gives its point); here are the nonce and one line of modular arithmetic.
import {
  type KeyObject,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  randomBytes,
  verify,
} from 'node:crypto'

/** The order of the curve's group. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** Signs the SHA-256 of `data` with a P-256 key: r and s, 32 bytes each, big-endian (IEEE P1363). */
export function signEcdsa(data: Uint8Array, key: KeyObject): Buffer {
  const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')
  const digest = createHash('sha256').update(data).digest()
  for (const nonce of nonces(secret, digest)) {
    const r = pointX(nonce) % order
    const s = r === 0n ? 0n : multiplied(nonce, numberOf(digest), r, numberOf(secret))
    if (s === 0n) continue
    const signature = Buffer.concat([bytesOf(r), bytesOf(s)])
    // a fault in this arithmetic could give the key away, so nothing leaves that doesn't verify
    const isValid = verify(
      'sha256',
      data,
      { key: createPublicKey(key), dsaEncoding: 'ieee-p1363' },
      signature,
    )
    if (!isValid) throw new Error('the ECDSA signature does not verify')
    return signature
  }
  throw new Error('no nonce')
}

/** RFC 6979, section 3.2, for SHA-256 and a 256-bit order: candidates until one is in range. */
function* nonces(secret: Buffer, digest: Buffer): Generator<bigint> {
  const hashed = bytesOf(numberOf(digest) % order)
  let v: Buffer = Buffer.alloc(32, 1)
  let k: Buffer = Buffer.alloc(32, 0)
  const step = (...parts: Buffer[]) => {
    k = hmac(k, v, ...parts)
    v = hmac(k, v)
  }
  step(Buffer.of(0), secret, hashed)
  step(Buffer.of(1), secret, hashed)
  for (;;) {
    v = hmac(k, v)
    const nonce = numberOf(v)
    if (nonce > 0n && nonce < order) yield nonce
    step(Buffer.of(0))
  }
}

/** The first coordinate of the curve's generator, `nonce` times. */
function pointX(nonce: bigint): bigint {
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(bytesOf(nonce))
  return numberOf(curve.getPublicKey().subarray(1, 33))
}

// s = (digest + r · secret) / nonce; big integers take time that depends on their value, so a random factor hides both
function multiplied(nonce: bigint, digest: bigint, r: bigint, secret: bigint): bigint {
  const blind = (numberOf(randomBytes(40)) % (order - 1n)) + 1n
  const blindedSecret = (blind * secret) % order
  return (
    (inverse((blind * nonce) % order) * (((blind * digest) % order) + ((r * blindedSecret) % order))) % order
  )
}

/** The modular inverse, by Euclid. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value, order, 1n, 0n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b] = [b, a - quotient * b]
    ;[x, y] = [y, x - quotient * y]
  }
  return ((x % order) + order) % order
}

function hmac(key: Buffer, ...parts: Buffer[]): Buffer {
  const hash = createHmac('sha256', key)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function bytesOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex')
}
