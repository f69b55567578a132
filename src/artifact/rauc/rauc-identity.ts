import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../platform/platform.ts'
import { spki } from '../keys.ts'
import { isCertificate, pemBlocks } from '../pem.ts'
import { type Signing, openIdentity } from '../signing.ts'
import { secretFile } from './secret-file.ts'

/** Who signs a bundle. */
export interface RaucIdentity {
  /** The private key in PEM, or where a token has it. */
  key: { pem: string } | { uri: string }
  certificate: string
  intermediates: readonly string[]
  /** PEM, SPKI. */
  publicKey: string
}

/**
 * Who `signing` says that signs: a key (PEM) or a PKCS#11 URI, with the certificate. Throws `bad-input` where there is none
 * (bundles are always signed) or a command, and `bad-key`, also for a certificate that isn't valid at `now`.
 */
export function raucIdentity(signing: Signing | undefined, now: Date): RaucIdentity {
  if (signing?.command !== undefined) {
    throw new Failure(
      'bad-input',
      'a signing command can’t sign RAUC bundles: rauc signs them itself; give it a key, or the PKCS#11 URI of a key that a token or a KMS has',
    )
  }
  if (signing?.key === undefined || signing.key.trim() === '') {
    throw new Failure(
      'bad-input',
      'there is no key: a RAUC bundle is always signed; give a signing key with its certificate, for a laboratory a self-signed one',
    )
  }
  const identity = signing.key.trim().startsWith('pkcs11:') ? onToken(signing) : atHand(signing)
  checkDates(new X509Certificate(identity.certificate), now)
  return identity
}

function atHand(signing: Signing): RaucIdentity {
  const identity = openIdentity(signing)
  if (identity === undefined) throw new Error('a key and no identity')
  const { key, certificate, intermediates } = identity
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { key: { pem }, certificate, intermediates, publicKey: spki(key) }
}

function onToken({ key = '', certificate: given = '' }: Signing): RaucIdentity {
  const uri = key.trim()
  if (/[?&;]pin-value=/i.test(uri)) {
    throw new Failure(
      'bad-key',
      'the PKCS#11 URI has a pin-value, which every user of this machine would see: give the PIN in the environment variable RAUC_PKCS11_PIN',
    )
  }
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  if (/[\u0000-\u0020\u007f]/.test(uri))
    throw new Failure('bad-key', 'the PKCS#11 URI has white space: write it as one word')
  const [certificate, ...intermediates] = (pemBlocks(given) ?? [])
    .filter(isCertificate)
    .map(({ text }) => text)
  if (certificate === undefined) {
    throw new Failure(
      'bad-key',
      'the key of a PKCS#11 URI needs its certificate: name its file as signing.certificate in the options file',
    )
  }
  const { publicKey } = read(certificate)
  return { key: { uri }, certificate, intermediates, publicKey: spki(publicKey) }
}

function read(certificate: string): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch {
    throw new Failure('bad-key', 'the certificate of the signing key can’t be read: give it as PEM')
  }
}

function checkDates({ validFrom, validTo, validFromDate, validToDate }: X509Certificate, now: Date): void {
  if (now >= validFromDate && now <= validToDate) return
  throw new Failure(
    'bad-key',
    `the certificate of the signing key is valid from ${validFrom} to ${validTo}: devices would refuse the bundle; give one that is valid now`,
  )
}

/** Calls `work` with the arguments that let rauc sign as `identity`; nothing secret is among them or in `folder`. */
export async function withIdentity<T>(
  { key, certificate, intermediates }: RaucIdentity,
  folder: string,
  work: (args: string[]) => Promise<T>,
): Promise<T> {
  const args = [`--cert=${join(folder, 'certificate.pem')}`]
  await writeFile(join(folder, 'certificate.pem'), certificate)
  for (const [i, intermediate] of intermediates.entries()) {
    const path = join(folder, `intermediate-${i}.pem`)
    await writeFile(path, intermediate)
    args.push(`--intermediate=${path}`)
  }
  if ('uri' in key) return await work([...args, `--key=${key.uri}`])
  await using secret = await secretFile(key.pem)
  return await work([...args, `--key=${secret.path}`])
}
