// Checks signatures in CMS (RFC 5652), which Node can't: the program openssl does. Making them: cms-sign.ts.
import { type KeyObject, X509Certificate, createPublicKey } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Digest,
  Failure,
  digestOf,
  lastWords,
  plainContext,
  runOk,
  start,
  temporaryFolder,
} from '../platform/platform.ts'
import { damaged } from './archive/byte-reader.ts'
import { derValues } from './der.ts'
import { feed } from './named-pipe.ts'
import { isCertificate, pemBlocks } from './pem.ts'

/** What a signature that was accepted says. */
export interface CmsVerified {
  /** The content that the signature itself carries; empty for a detached one. */
  content: Buffer
  /** Certificates of all who signed, PEM. */
  signers: readonly string[]
  /** `unverified`: nothing to verify with was given, so only that the signature fits content and certificate is known. */
  signature: 'verified' | 'unverified'
  /** Of a verified signature: whose it is, as the SHA-256 of the public key (DER, SPKI). */
  signedBy?: Digest
}

/**
 * Checks a signature (DER) over `content`, or over what it carries itself where that is not given. A stream is read once, and
 * never as a whole in memory or on the disk. `accepted` (PEM) may hold
 * certificates and public keys: all signers have to have a certificate that is valid today, for whatever purpose, and leads
 * to one of the certificates, which have to be authorities or the signer's own self-signed one, as on devices; or all have
 * one of the keys, and then dates and issuers of their certificates don't count. Throws `artifact-unsigned` (detail
 * `artifact-signature` or `artifact-wrong-key`), `artifact-damaged` where it is no CMS, `missing-tool`, and `bad-key` for
 * `accepted`.
 */
export async function verifyCms(
  signature: Uint8Array,
  content: Uint8Array | AsyncIterable<Uint8Array> | undefined,
  accepted: readonly string[],
  signal?: AbortSignal,
): Promise<CmsVerified> {
  const trust = trustOf(accepted)
  if (derValues(Buffer.from(signature))?.length !== 1) {
    throw damaged('the signature', 0, 'it is not one whole CMS and nothing else')
  }
  const folder = await temporaryFolder('drover-cms', plainContext(signal ? { signal } : {}))
  try {
    await writeFile(join(folder, 'signature'), signature)
    const isStream = content !== undefined && !(content instanceof Uint8Array)
    if (isStream) await runOk('mkfifo', [join(folder, 'content')], { what: 'making a pipe for openssl' })
    else await writeFile(join(folder, 'content'), content ?? '')
    await writeFile(join(folder, 'accepted.pem'), trust.certificates.join('\n'))
    const openssl = async (...args: string[]) =>
      await start('openssl', args, { cwd: folder, ...(signal ? { signal } : {}) }).done
    const check = ['cms', '-verify', '-binary', '-inform', 'DER', '-in', 'signature']
    const detached = content === undefined ? [] : ['-content', 'content']
    const output = ['-out', content === undefined ? 'verified' : '/dev/null']
    const running = openssl(...check, ...detached, '-noverify', '-signer', 'signers.pem', ...output)
    if (isStream) await feed(join(folder, 'content'), content, running)
    const fits = await running
    if (fits.code !== 0) throw unfit(fits.stderr)
    const signers = certificatesOf(await readFile(join(folder, 'signers.pem'), 'latin1'))
    const carried = content === undefined ? await readFile(join(folder, 'verified')) : Buffer.alloc(0)
    const facts = { content: carried, signers }
    const [first] = signers
    if (accepted.length === 0 || first === undefined) return { ...facts, signature: 'unverified' }
    const verified = { ...facts, signature: 'verified', signedBy: digestOf(keyOf(first)) } as const
    if (signers.every((signer) => trust.keys.some((key) => key.equals(keyOf(signer))))) return verified
    if (trust.certificates.length === 0) throw notAccepted(signers, accepted.length, '')
    // without the last two, the authorities that the machine trusts for the web would count as accepted
    const chain = ['-purpose', 'any', '-CAfile', 'accepted.pem', '-no-CApath', '-no-CAstore']
    // what a stream held is known to fit by now
    const again = isStream ? ['-content', '/dev/null', '-no_content_verify'] : detached
    const leads = await openssl(...check, ...again, ...chain, ...output)
    if (leads.code === 0) return verified
    throw notAccepted(signers, accepted.length, leads.stderr)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function trustOf(accepted: readonly string[]): { certificates: string[]; keys: Buffer[] } {
  const certificates = accepted.flatMap(certificatesOf)
  const bare = accepted.filter((pem) => certificatesOf(pem).length === 0)
  try {
    certificates.forEach(keyOf)
    return { certificates, keys: bare.map((pem) => spki(createPublicKey(pem))) }
  } catch {
    throw new Failure(
      'bad-key',
      'the key to verify with can’t be read: give certificates or public keys, as PEM',
    )
  }
}

function certificatesOf(pem: string): string[] {
  return (pemBlocks(pem) ?? []).filter(isCertificate).map(({ text }) => text)
}

function keyOf(certificate: string): Buffer {
  return spki(new X509Certificate(certificate).publicKey)
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function unfit(said: string): Failure {
  // the content's digest or the signature itself; everything else is about a CMS of another shape
  if (/bad signature|verification failure|CMS_SignerInfo_verify|digest/i.test(said)) {
    return new Failure(
      'artifact-unsigned',
      'the artifact’s signature doesn’t fit what it signs: it was changed after it was signed',
      { detail: 'artifact-signature' },
    )
  }
  return damaged('the signature', 0, `it can't be read as CMS (${lastWords(said, 'openssl', 1)})`)
}

function notAccepted(signers: readonly string[], count: number, said: string): Failure {
  const who = signers.map((pem) => new X509Certificate(pem).subject.replaceAll('\n', ', ')).join('; ')
  const which =
    count === 1 ? 'the given certificate or key' : `any of the ${count} given certificates and keys`
  const why = /Verify error: *(.+)/.exec(said)?.[1]
  return new Failure(
    'artifact-unsigned',
    `the artifact is signed by ${who}, which ${which} doesn't accept${why === undefined ? '' : ` (${why})`}`,
    { detail: 'artifact-wrong-key' },
  )
}
