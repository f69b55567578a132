import type { KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../platform/platform.ts'
import { checkValid, keyCertificates, readCertificates } from '../key-certificates.ts'
import { privateKeyOf, spki } from '../keys.ts'
import type { Signing } from '../signing.ts'
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
  const { key, passphrase } = signing
  return key.trim().startsWith('pkcs11:')
    ? onToken(signing, now)
    : atHand(signing, privateKeyOf(key, passphrase), now)
}

function atHand(signing: Signing, key: KeyObject, now: Date): RaucIdentity {
  const publicKey = spki(key)
  const { own, all } = keyCertificates(signing, publicKey, now)
  const intermediates = all.filter((certificate) => certificate !== own)
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    key: { pem },
    certificate: own.toString(),
    intermediates: intermediates.map((one) => one.toString()),
    publicKey,
  }
}

function onToken({ key = '', certificate: given = '' }: Signing, now: Date): RaucIdentity {
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
  const [own, ...others] = readCertificates(given)
  if (own === undefined) {
    throw new Failure(
      'bad-key',
      'the key of a PKCS#11 URI needs its certificate: name its file as signing.certificate in the options file',
    )
  }
  checkValid(own, now)
  return {
    key: { uri },
    certificate: own.toString(),
    intermediates: others.map((one) => one.toString()),
    publicKey: spki(own.publicKey),
  }
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
