import { type KeyObject, constants, publicDecrypt } from 'node:crypto'

/** What precedes a SHA-256 digest in a PKCS#1 v1.5 signature (RFC 8017, section 9.2). */
const sha256Prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')

/**
 * Whether `signature` was made with this key, whatever it signs: then what it signed was changed afterwards. Only RSA
 * signatures can tell; for ECDSA it is always false.
 */
export function isMadeBy(key: KeyObject, signature: Uint8Array): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false
  try {
    const signed = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)
    return signed.length === sha256Prefix.length + 32 && signed.indexOf(sha256Prefix) === 0
  } catch {
    return false
  }
}
