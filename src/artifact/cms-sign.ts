// Makes detached signatures in CMS (RFC 5652) around a bare signature, so that every signer can make them: a key at hand, or
// a program that only ever answers with a bare one. No attributes, so no time: the same input gives the same bytes, with
// ECDSA too.
import type { X509Certificate } from 'node:crypto'
import { der, derOid, derSet, derValues } from './der.ts'
import { derEcdsa } from './ecdsa-der.ts'
import { keyCertificates } from './key-certificates.ts'
import { type Signing, openSigner } from './signing.ts'

const oids = {
  signedData: '1.2.840.113549.1.7.2',
  data: '1.2.840.113549.1.7.1',
  sha256: '2.16.840.1.101.3.4.2.1',
  rsaEncryption: '1.2.840.113549.1.1.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
}
const derNull = der(0x05)

/** A signer with the certificate of its key, and those between it and an authority. */
export interface CmsSigner {
  /** PEM, SPKI: what its signatures are verified with. */
  publicKey: string
  certificate: X509Certificate
  /** Whether there are certificates besides the key's own. */
  hasIntermediates: boolean
  /** How long most signatures are; with RSA all are. */
  usualBytes: number
  /** A detached signature (DER) of `content`, which carries the certificates. */
  sign(content: Uint8Array, signal: AbortSignal): Promise<Buffer>
}

/**
 * The signer that `signing` describes, with the certificates that follow its key or are in `signing.certificate`; undefined
 * where it is empty. Throws `bad-key` where no certificate is the key's or the key's isn't valid at `now`, and what
 * `openSigner` throws.
 */
export async function openCmsSigner(signing: Signing | undefined, now: Date): Promise<CmsSigner | undefined> {
  const signer = await openSigner(signing)
  if (signer === undefined) return undefined
  const { own, all: certificates } = keyCertificates(signing ?? {}, signer.publicKey, now)
  // half of all ECDSA signatures have one number that takes a byte more: the usual length is in between
  const usual = Buffer.alloc(signer.signatureBytes, 0x7f).fill(0xff, 0, signer.signatureBytes / 2)
  return {
    publicKey: signer.publicKey,
    certificate: own,
    hasIntermediates: certificates.length > 1,
    usualBytes: signedData(own, certificates, usual).length,
    sign: async (content, signal) => signedData(own, certificates, await signer.sign(content, signal)),
  }
}

function signedData(own: X509Certificate, certificates: readonly X509Certificate[], bare: Buffer): Buffer {
  const isEc = own.publicKey.asymmetricKeyType === 'ec'
  const digest = der(0x30, derOid(oids.sha256))
  const signerInfo = der(
    0x30,
    Buffer.of(2, 1, 1), // version 1: known by issuer and serial number
    der(0x30, ...issuerAndSerial(own)),
    digest,
    isEc ? der(0x30, derOid(oids.ecdsaWithSha256)) : der(0x30, derOid(oids.rsaEncryption), derNull),
    der(0x04, isEc ? derEcdsa(bare) : bare),
  )
  const data = der(
    0x30,
    Buffer.of(2, 1, 1),
    derSet(0x31, [digest]),
    der(0x30, derOid(oids.data)),
    derSet(
      0xa0,
      certificates.map(({ raw }) => raw),
    ),
    derSet(0x31, [signerInfo]),
  )
  return der(0x30, derOid(oids.signedData), der(0xa0, data))
}

// RFC 5280: Certificate { tbsCertificate { [0] version, serialNumber, signature, issuer, … }, … }
function issuerAndSerial(certificate: X509Certificate): [Buffer, Buffer] {
  const [outer] = derValues(certificate.raw) ?? []
  const [tbs] = derValues(outer?.content ?? Buffer.alloc(0)) ?? []
  const fields = (derValues(tbs?.content ?? Buffer.alloc(0)) ?? []).filter(({ tag }) => tag !== 0xa0)
  const [serial, , issuer] = fields
  if (serial === undefined || issuer === undefined) throw new Error('a certificate without issuer and number')
  return [issuer.whole, serial.whole]
}
