// Keys and signatures of artifacts: RSA (PKCS#1 v1.5) and ECDSA on P-256 (r and s as 64 bytes), both over SHA-256.
import { type KeyObject, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { Failure } from '../platform/platform.ts'
import { signEcdsa } from './ecdsa.ts'
import { isMadeBy } from './made-by.ts'

const howToMake =
  'make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072` or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`'

/**
 * The public key (PEM, SPKI) of a private or public key in PEM, to verify with what the private one signs. Throws
 * `bad-key`, which never shows the key.
 */
export function publicKeyOf(pem: string): string {
  return spki(readPublicKey(pem))
}

/** Signs with a private key; the same input gives the same signature. */
export interface Signer {
  /** PEM, SPKI: what its signatures are verified with. */
  publicKey: string
  signatureBytes: number
  sign(data: Uint8Array, signal: AbortSignal): Promise<Buffer>
}

/** Reads a private key (PEM: PKCS#1, SEC1 or PKCS#8). Throws `bad-key`, which never shows the key. */
export function signerOf(pem: string): Signer {
  const what = 'the signing key'
  const key = checked(parse(pem, createPrivateKey, what), what)
  return key.asymmetricKeyType === 'ec' ? ecdsaSigner(key) : rsaSigner(key)
}

/**
 * Checks a signature with the accepted keys (PEM): `verified` where one of them made it, `unverified` where no key was
 * given. Throws `artifact-unsigned` where it is by none of them, and `bad-key`.
 */
export function checkSignature(
  data: Uint8Array,
  signature: Uint8Array,
  keys: readonly string[],
): 'verified' | 'unverified' {
  if (keys.length === 0) return 'unverified'
  const isValid = (key: KeyObject) => verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
  const accepted = keys.map(readPublicKey)
  if (accepted.some(isValid)) return 'verified'
  if (accepted.some((key) => isMadeBy(key, signature))) {
    throw new Failure(
      'artifact-unsigned',
      'the artifact’s signature is by an accepted key, but not of what the artifact holds: it was changed after signing',
      { detail: 'artifact-signature' },
    )
  }
  const which = keys.length === 1 ? 'the given key' : `any of the ${keys.length} given keys`
  throw new Failure(
    'artifact-unsigned',
    `the artifact's signature is not by ${which}: it was changed after signing, or signed with another key`,
    { detail: 'artifact-wrong-key' },
  )
}

function rsaSigner(key: KeyObject): Signer {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  return {
    publicKey: spki(key),
    signatureBytes: Math.ceil(bits / 8),
    sign: async (data) => sign('sha256', data, key),
  }
}

function ecdsaSigner(key: KeyObject): Signer {
  return { publicKey: spki(key), signatureBytes: 64, sign: async (data) => signEcdsa(data, key) }
}

function spki(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key
  return half.export({ type: 'spki', format: 'pem' }).toString()
}

function readPublicKey(pem: string): KeyObject {
  const what = 'the key to verify with'
  return checked(parse(pem, createPublicKey, what), what)
}

// what OpenSSL says about a key it can't read helps nobody and might quote it: neither message nor cause is kept
function parse(pem: string, read: (pem: string) => KeyObject, what: string): KeyObject {
  // told apart before OpenSSL sees it, which would ask a terminal for the passphrase
  if (/BEGIN ENCRYPTED|Proc-Type:.*ENCRYPTED/.test(pem)) {
    throw new Failure('bad-key', `${what} is encrypted: give it without a passphrase`)
  }
  try {
    return read(pem)
  } catch {
    throw new Failure('bad-key', `${what} is no PEM key that can be read: ${howToMake}`)
  }
}

function checked(key: KeyObject, what: string): KeyObject {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048) return key
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return key
  const found =
    type === 'rsa'
      ? `RSA with ${details?.modulusLength} bits`
      : `${type}${details?.namedCurve === undefined ? '' : ` (${details.namedCurve})`}`
  throw new Failure(
    'bad-key',
    `${what} is ${found}; artifacts are signed with RSA of 2048 bits or more or with ECDSA on P-256: ${howToMake}`,
  )
}
