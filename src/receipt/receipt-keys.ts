// Keys of receipts: RSA (PKCS#1 v1.5) and ECDSA on P-256, both over SHA-256. The kind of key decides, so that no envelope
// can have an RSA key taken for a secret or a weaker algorithm.
import { type KeyObject, createPrivateKey, createPublicKey } from 'node:crypto'
import { Failure } from '../platform/platform.ts'

/** Reads a private key (PEM), with its passphrase where it is encrypted. Throws `bad-key`, which shows neither. */
export function receiptSigningKey(pem: string, passphrase?: string): KeyObject {
  const what = 'the signing key of receipts'
  if (isEncrypted.test(pem) && passphrase === undefined) {
    // told apart before OpenSSL sees it, which would ask a terminal
    const where = 'give its passphrase in the environment variable DROVER_SIGNING_KEY_PASSPHRASE'
    throw new Failure('bad-key', `${what} is encrypted: ${where}`)
  }
  const read = (key: string) => createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) })
  return checked(parse(pem, read, what), what)
}

const isEncrypted = /BEGIN ENCRYPTED|Proc-Type:.*ENCRYPTED/

/** Throws `bad-key` where receipts can't be signed with this key (PEM). */
export function checkReceiptKey(pem: string, passphrase?: string): void {
  receiptSigningKey(pem, passphrase)
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
    if (isEncrypted.test(pem)) throw new Failure('bad-key', `${what} is encrypted: give its public half`)
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
