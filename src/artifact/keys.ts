import { Failure } from '../platform/platform.ts'

/** The public key (PEM, SPKI) of a private or public key in PEM. Throws `bad-key`, which never shows the key. */
export function publicKeyOf(_pem: string): string {
  throw new Failure('internal', 'not there yet')
}
