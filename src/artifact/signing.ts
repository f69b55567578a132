// Who signs: a key at hand, or a program that has one (a KMS, a token, a vault).
import { Failure } from '../platform/platform.ts'
import { type Signer, signerOf } from './keys.ts'

/** What an artifact is signed with; nothing of it is ever shown, written or handed to a program as an argument. */
export interface Signing {
  /** Private key (PEM: PKCS#1, SEC1 or PKCS#8), which its certificates may follow. */
  key?: string | undefined
  /** Opens an encrypted key. */
  passphrase?: string | undefined
  /** A program with its arguments that gets what is to be signed on standard input and answers with the bare signature. */
  command?: readonly string[] | undefined
  /** Public key (PEM) of what `command` signs with: its answer is checked with it. */
  publicKey?: string | undefined
  /** Certificate of the key (PEM), with intermediate ones after it; SWUpdate and RAUC need one. */
  certificate?: string | undefined
}

/** The signer of Mender artifacts that `signing` describes, undefined where it is empty. Throws `bad-key`. */
export async function openSigner(signing: Signing | undefined): Promise<Signer | undefined> {
  if (signing?.command !== undefined) throw new Failure('bad-input', 'an external signer is not supported')
  return signing?.key === undefined ? undefined : signerOf(signing.key)
}
