// Keys of receipts: RSA (PKCS#1 v1.5) and ECDSA on P-256, both over SHA-256. The kind of key decides, so that no envelope
// can have an RSA key taken for a secret or a weaker algorithm.
import { type KeyObject, createPrivateKey, createPublicKey } from 'node:crypto'
import { Failure } from '../platform/platform.ts'

/** Reads a private key (PEM). Throws `bad-key`, which never shows the key. */
export function receiptSigningKey(pem: string): KeyObject {
  if (/BEGIN ENCRYPTED|Proc-Type:.*ENCRYPTED/.test(pem))
    throw new Failure('bad-key', 'the signing key of receipts is encrypted: give it without a passphrase')
  return checked(parse(pem, createPrivateKey, 'the signing key of receipts'), 'the signing key of receipts')
}

/** Throws `bad-key` where receipts can't be signed with this key (PEM). */
export function checkReceiptKey(pem: string): void {
  receiptSigningKey(pem)
}

/**
 * Reads the public keys (PEM) in a text, one after another; a private one stands for its public half. Throws `bad-key`,
 * also where there is none.
 */
export function receiptKeys(text: string): KeyObject[] {
  const what = 'a key to verify receipts with'
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g) ?? []
  if (blocks.length === 0) throw new Failure('bad-key', `${what} is no PEM text`)
  return blocks.map((pem) => {
    if (/BEGIN ENCRYPTED|Proc-Type:.*ENCRYPTED/.test(pem))
      throw new Failure('bad-key', `${what} is encrypted: give its public half`)
    return checked(parse(pem, createPublicKey, what), what)
  })
}

// what OpenSSL says about a key that it can't read might quote it: neither message nor cause is kept
function parse(pem: string, read: (pem: string) => KeyObject, what: string): KeyObject {
  try {
    return read(pem)
  } catch {
    throw new Failure('bad-key', `${what} is no PEM key that can be read`)
  }
}

function checked(key: KeyObject, what: string): KeyObject {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048) return key
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return key
  throw new Failure(
    'bad-key',
    `${what} is ${type}; receipts are signed with RSA of 2048 bits or more, or ECDSA on P-256`,
  )
}
