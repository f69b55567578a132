// Keys and signatures of artifacts: RSA (PKCS#1 v1.5) and ECDSA on P-256 (r and s as 64 bytes), both over SHA-256.
import { X509Certificate, type KeyObject, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { type Digest, Failure, digestOf } from '../platform/platform.ts'
import { signEcdsa } from './ecdsa.ts'
import { isMadeBy } from './made-by.ts'
import {
  type PemBlock,
  isCertificate,
  isEncrypted,
  isPrivateKey,
  isPublicKey,
  otherFormOf,
  pemBlocks,
} from './pem.ts'

const howToMake =
  'make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072` or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`'

/** Where the passphrase of an encrypted signing key comes from; it is no input, so that it stands in no workflow file. */
const passphraseVariable = 'DROVER_SIGNING_KEY_PASSPHRASE'

/** Signs with a private key. */
export interface Signer {
  /** PEM, SPKI: what its signatures are verified with. */
  publicKey: string
  signatureBytes: number
  /** RSA: PKCS#1 v1.5. ECDSA: r and s, 32 bytes each. Both over the SHA-256 of `data`. */
  sign(data: Uint8Array, signal: AbortSignal): Promise<Buffer>
}

/**
 * Reads the one private key in a PEM text (PKCS#1, SEC1 or PKCS#8, also encrypted), which certificates and parameters may
 * surround. Nothing ever asks for a passphrase. Throws `bad-key`, which shows neither the key nor the passphrase.
 */
export function privateKeyOf(pem: string, passphrase?: string): KeyObject {
  const what = 'the signing key'
  const block = onlyPrivateKey(pem, what)
  return checked(isEncrypted(block) ? decrypted(block, passphrase, what) : read(block, what), what)
}

/** The signer of a private key; see `privateKeyOf`. The same data gives the same signature, also with ECDSA. */
export function signerOf(pem: string, passphrase?: string): Signer {
  const key = privateKeyOf(pem, passphrase)
  const isEc = key.asymmetricKeyType === 'ec'
  return {
    publicKey: spki(key),
    signatureBytes: signatureBytesOf(key),
    sign: async (data) => (isEc ? signEcdsa(data, key) : sign('sha256', data, key)),
  }
}

/**
 * All keys to verify with in a PEM text: public keys, certificates, or private keys, whose public halves they are. Throws
 * `bad-key` where there is none, or one that no artifact can be signed with.
 */
export function publicKeysOf(pem: string, what = 'the key to verify with'): KeyObject[] {
  const blocks = blocksOf(pem, what).filter(
    (block) => isPublicKey(block) || isCertificate(block) || isPrivateKey(block),
  )
  if (blocks.length === 0) throw notReadable(what, pem)
  return blocks.map((block) => {
    if (!isPrivateKey(block)) return checked(read(block, what), what)
    if (!isEncrypted(block)) return checked(createPublicKey(read(block, what)), what)
    throw new Failure('bad-key', `${what} is an encrypted private key: give the public key instead`)
  })
}

/** The first of `publicKeysOf`, in PEM (SPKI). */
export function publicKeyOf(pem: string): string {
  const [key] = publicKeysOf(pem)
  if (key === undefined) throw new Error('no key and no failure')
  return spki(key)
}

/** What a key is called where it is shown: the SHA-256 of its public half (DER, SPKI). */
export function fingerprintOf(key: KeyObject): Digest {
  const half = key.type === 'private' ? createPublicKey(key) : key
  return digestOf(half.export({ type: 'spki', format: 'der' }))
}

/** What is known of a signature after it was looked at. */
export type SignatureState =
  | { signature: 'verified'; signedBy: Digest }
  /** No key was given to verify it with. */
  | { signature: 'unverified' }

/**
 * Checks a signature with the accepted keys, each PEM text one or several. Throws `artifact-unsigned` where it is by none of
 * them, and `bad-key`.
 */
export function checkSignature(
  data: Uint8Array,
  signature: Uint8Array,
  keys: readonly string[],
): SignatureState {
  if (keys.length === 0) return { signature: 'unverified' }
  const accepted = keys.flatMap((pem) => publicKeysOf(pem))
  const by = accepted.find((key) => isValid(key, data, signature))
  if (by !== undefined) return { signature: 'verified', signedBy: fingerprintOf(by) }
  if (accepted.some((key) => isMadeBy(key, signature))) {
    throw new Failure(
      'artifact-unsigned',
      'the artifact’s signature is by an accepted key, but not of what the artifact holds: it was changed after signing',
      { detail: 'artifact-signature' },
    )
  }
  const which = accepted.length === 1 ? 'the given key' : `any of the ${accepted.length} given keys`
  throw new Failure(
    'artifact-unsigned',
    `the artifact's signature is not by ${which}: it was changed after signing, or signed with another key`,
    { detail: 'artifact-wrong-key' },
  )
}

/** Whether `signature` is one of `data` by the private half of `key`. */
export function isValid(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** How long every signature of a key is. */
export function signatureBytesOf(key: KeyObject): number {
  const bits = key.asymmetricKeyDetails?.modulusLength
  return bits === undefined ? 64 : Math.ceil(bits / 8)
}

/** The public half of a key in PEM (SPKI). */
export function spki(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key
  return half.export({ type: 'spki', format: 'pem' }).toString()
}

function blocksOf(pem: string, what: string): PemBlock[] {
  const blocks = pemBlocks(pem)
  if (blocks !== undefined) return blocks
  throw new Failure(
    'bad-key',
    `${what} is cut off: a PEM block begins and doesn't end; copy all of its lines`,
  )
}

function onlyPrivateKey(pem: string, what: string): PemBlock {
  const blocks = blocksOf(pem, what)
  const [key, ...others] = blocks.filter(isPrivateKey)
  if (others.length > 0) {
    throw new Failure('bad-key', `${what} holds ${others.length + 1} private keys: give the one to sign with`)
  }
  if (key !== undefined) return key
  if (pem.trimStart().startsWith('pkcs11:')) {
    throw new Failure(
      'bad-key',
      `${what} is a PKCS#11 URI, which only RAUC bundles are signed with: for other formats name a command in the options file, signing.command`,
    )
  }
  const found = blocks.some(isPublicKey) ? 'a public key' : blocks.some(isCertificate) ? 'a certificate' : ''
  if (found === '') throw notReadable(what, pem)
  throw new Failure('bad-key', `${what} is ${found}: give the private key that belongs to it`)
}

// what OpenSSL says about a key it can't read helps nobody and might quote it: neither message nor cause is kept
function read(block: PemBlock, what: string): KeyObject {
  try {
    if (isPrivateKey(block)) return createPrivateKey(block.text)
    return isCertificate(block) ? new X509Certificate(block.text).publicKey : createPublicKey(block.text)
  } catch {
    throw notReadable(what, block.text)
  }
}

function decrypted(block: PemBlock, passphrase: string | undefined, what: string): KeyObject {
  // told before OpenSSL sees the key, which would ask a terminal for the passphrase
  if (passphrase === undefined || passphrase === '') {
    throw new Failure(
      'bad-key',
      `${what} is encrypted: give its passphrase in the environment variable ${passphraseVariable}`,
    )
  }
  const key = opened(block, passphrase)
  if (typeof key === 'object') return key
  // what a wrong passphrase makes of a key looks like one of an unknown kind now and then, but not with every passphrase
  const isOld = [passphrase, `${passphrase}-`, `${passphrase}+`].every(
    (one) => opened(block, one) === 'ERR_OSSL_UNSUPPORTED',
  )
  const why = isOld
    ? 'is encrypted in a way that is no longer supported: encrypt it again with `openssl pkcs8 -topk8 -v2 aes-256-cbc`'
    : `can't be opened with the passphrase in ${passphraseVariable}: it is another key's, or the key is damaged`
  throw new Failure('bad-key', `${what} ${why}`)
}

/** The key, or the code of the error: OpenSSL's words might quote the key. */
function opened(block: PemBlock, passphrase: string): KeyObject | string {
  try {
    return createPrivateKey({ key: block.text, format: 'pem', passphrase })
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : ''
  }
}

function notReadable(what: string, text: string): Failure {
  return new Failure('bad-key', `${what} is no PEM key that can be read: ${otherFormOf(text) ?? howToMake}`)
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
