// Who signs: a key at hand, or a program that has one (a KMS, a token, a vault).
import { type Digest, Failure } from '../platform/platform.ts'
import { externalSigner } from './external-signer.ts'
import { type Signer, fingerprintOf, privateKeyOf, publicKeysOf, signerOf } from './keys.ts'

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

/**
 * Which key `signing` signs with, as the SHA-256 of its public half (DER, SPKI); undefined where it is empty. Throws `bad-key`,
 * and `bad-input` for half of one.
 */
export function signingKeyOf(signing: Signing | undefined): Digest | undefined {
  const { key, passphrase, command, publicKey, certificate } = signing ?? {}
  if (key === undefined && command === undefined) return undefined
  if (key !== undefined && !key.trim().startsWith('pkcs11:'))
    return fingerprintOf(privateKeyOf(key, passphrase))
  const [known] = publicKeysOf(publicKey ?? certificate ?? '', 'the public key of what signs')
  return known && fingerprintOf(known)
}
