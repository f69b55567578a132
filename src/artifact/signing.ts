// Who signs: a key at hand, or a program that has one (a KMS, a token, a vault).
import { type KeyObject, X509Certificate } from 'node:crypto'
import { Failure } from '../platform/platform.ts'
import { externalSigner } from './external-signer.ts'
import { type Signer, privateKeyOf, signerOf } from './keys.ts'
import { isCertificate, pemBlocks } from './pem.ts'

/** What an artifact is signed with; nothing of it is ever shown, written or handed to a program as an argument. */
export interface Signing {
  /** Private key (PEM: PKCS#1, SEC1 or PKCS#8), which its certificates may follow. */
  key?: string | undefined
  /** Opens an encrypted key. */
  passphrase?: string | undefined
  /** A program with its arguments that gets what is to be signed on standard input and answers with the bare signature. */
  command?: readonly string[] | undefined
  /** Where `command` runs; the working directory where not given. */
  folder?: string | undefined
  /** How long `command` may take for one signature. */
  timeoutMs?: number | undefined
  /** Public key (PEM) of what `command` signs with: its answer is checked with it. */
  publicKey?: string | undefined
  /** Certificate of the key (PEM), with intermediate ones after it; SWUpdate and RAUC need one. */
  certificate?: string | undefined
}

/** The signer that `signing` describes, undefined where it is empty. Throws `bad-key`, and `bad-input` for half of one. */
export async function openSigner(signing: Signing | undefined): Promise<Signer | undefined> {
  const { key, passphrase, command, publicKey, certificate, folder = '.', timeoutMs } = signing ?? {}
  if (command === undefined) return key === undefined ? undefined : signerOf(key, passphrase)
  if (key !== undefined) {
    throw new Failure('bad-input', 'both a signing key and a signing command were given: give one of them')
  }
  const verifyWith = publicKey ?? certificate
  if (verifyWith === undefined) {
    throw new Failure('bad-input', 'a signing command needs the public key that its answers are checked with')
  }
  return externalSigner({ command, folder, publicKey: verifyWith, timeoutMs })
}

/** A private key that was opened, and its certificates (PEM, one each). */
export interface SigningIdentity {
  key: KeyObject
  certificate: string
  /** Those between it and an authority, in the order they were given. */
  intermediates: string[]
}

/**
 * The key and the certificates of `signing`, for formats whose signatures carry certificates: those that follow the key in
 * its PEM text, or `certificate`, with that of the key found among them. Undefined where it has no key. Throws `bad-key`
 * where no certificate is the key's.
 */
export function openIdentity(signing: Signing | undefined): SigningIdentity | undefined {
  if (signing?.key === undefined) return undefined
  const key = privateKeyOf(signing.key, signing.passphrase)
  const certificates = certificatesOf(signing.certificate ?? signing.key)
  const own = certificates.find((pem) => isOf(pem, key))
  if (own === undefined) {
    const why =
      certificates.length === 0 ? 'comes without its certificate' : 'belongs to none of the certificates'
    throw new Failure(
      'bad-key',
      `the signing key ${why}: append the certificate to the key's PEM text, or name its file as signing.certificate in the options file`,
    )
  }
  return { key, certificate: own, intermediates: certificates.filter((pem) => pem !== own) }
}

function certificatesOf(pem: string): string[] {
  return (pemBlocks(pem) ?? []).filter(isCertificate).map(({ text }) => text)
}

function isOf(pem: string, key: KeyObject): boolean {
  try {
    return new X509Certificate(pem).checkPrivateKey(key)
  } catch {
    throw new Failure('bad-key', 'a certificate of the signing key can’t be read: give it as PEM')
  }
}
