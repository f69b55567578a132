// The certificates that go with a signing key, for formats whose signatures carry them.
import { X509Certificate, createPublicKey } from 'node:crypto'
import { Failure } from '../platform/platform.ts'
import { certificatesOf } from './pem.ts'
import type { Signing } from './signing.ts'

/** All certificates that were given with a key, in their order, and which of them is the key's own. */
export interface KeyCertificates {
  own: X509Certificate
  all: readonly X509Certificate[]
}

/**
 * The certificates that follow a key in its PEM text, or those of `signing.certificate`. Throws `bad-key` where none is that
 * of `publicKey` (PEM), or the one that is isn't valid at `now`.
 */
export function keyCertificates(signing: Signing, publicKey: string, now: Date): KeyCertificates {
  const all = readCertificates(signing.certificate ?? signing.key ?? '')
  const key = createPublicKey(publicKey)
  const own = all.find((certificate) => certificate.publicKey.equals(key))
  if (own === undefined) {
    const why = all.length === 0 ? 'comes without its certificate' : 'belongs to none of the certificates'
    throw new Failure(
      'bad-key',
      `the signing key ${why}: append the certificate to the key's PEM text, or name its file as signing.certificate in the options file`,
    )
  }
  checkValid(own, now)
  return { own, all }
}

/** The certificates in a PEM text. Throws `bad-key` where one can't be read. */
export function readCertificates(pem: string): X509Certificate[] {
  try {
    return certificatesOf(pem).map((text) => new X509Certificate(text))
  } catch {
    throw new Failure('bad-key', 'a certificate of the signing key can’t be read: give it as PEM')
  }
}

/** Throws `bad-key` where a certificate isn't valid at `now`. */
export function checkValid(
  { validFrom, validTo, validFromDate, validToDate }: X509Certificate,
  now: Date,
): void {
  if (now >= validFromDate && now <= validToDate) return
  throw new Failure(
    'bad-key',
    `the certificate of the signing key is valid from ${validFrom} to ${validTo}, not today, and devices refuse what it signs: renew it`,
  )
}
