import { type KeyObject, createHash, sign, verify } from 'node:crypto'
import { payloadType } from './statement.ts'

/** What is signed: type and payload with their lengths before them, so that no two pairs give the same bytes. */
function preAuthenticationEncoding(type: string, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload])
}

/** The signature of a payload, which `openssl dgst -sha256 -verify` accepts too. */
export function signPayload(payload: Uint8Array, privateKey: KeyObject): Buffer {
  return sign('sha256', preAuthenticationEncoding(payloadType, payload), privateKey)
}

/** Whether this key signed the payload. How it is verified follows from the key, never from the envelope. */
export function isSignedBy(payload: Uint8Array, signature: Uint8Array, publicKey: KeyObject): boolean {
  return verify('sha256', preAuthenticationEncoding(payloadType, payload), publicKey, signature)
}

/** SHA-256 of a public key (SPKI, DER), hex. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
