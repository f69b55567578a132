// Signatures in CMS (RFC 5652), which Node can't make or check: the program openssl does. A private key goes to it encrypted
// under a passphrase that is made for this one call and given on standard input, so that no disk ever holds it in the clear.
import { type KeyObject, X509Certificate, createPublicKey, randomBytes } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Context,
  Failure,
  lastWords,
  plainContext,
  start,
  temporaryFolder,
} from '../platform/platform.ts'
import { damaged } from './archive/byte-reader.ts'

/** A private key with its certificate, and those between it and an authority, all PEM. */
export interface CmsIdentity {
  key: KeyObject
  certificate: string
  intermediates: readonly string[]
}

/** What a signature that was accepted says. */
export interface CmsVerified {
  /** The content that the signature itself carries; empty for a detached one. */
  content: Buffer
  /** Certificates of all who signed, PEM. */
  signers: readonly string[]
  /** `unverified`: nothing to verify with was given, so only that the signature fits content and certificate is known. */
  signature: 'verified' | 'unverified'
}

/**
 * Signs `content` with a detached signature (DER) that carries the certificates, has no attributes and so no time: with RSA
 * the same input gives the same bytes. With ECDSA openssl takes a random number, and every signature is another. Throws
 * `missing-tool`, `bad-key`, and the signal's reason.
 */
export async function signCms(
  content: Uint8Array,
  identity: CmsIdentity,
  context: Context,
): Promise<Buffer<ArrayBuffer>> {
  const passphrase = randomBytes(32).toString('hex')
  const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const
  return inFolder(context, async (folder) => {
    await writeFile(join(folder, 'content'), content)
    await writeFile(join(folder, 'certificate.pem'), identity.certificate)
    await writeFile(join(folder, 'intermediates.pem'), identity.intermediates.join('\n'))
    await writeFile(join(folder, 'key.pem'), identity.key.export(cipher), { mode: 0o600 })
    const chain = identity.intermediates.length === 0 ? [] : ['-certfile', 'intermediates.pem']
    const { code, stdout, stderr } = await openssl(
      [
        ...['cms', '-sign', '-binary', '-noattr', '-md', 'sha256', '-in', 'content', '-outform', 'PEM'],
        ...['-signer', 'certificate.pem', '-inkey', 'key.pem', '-passin', 'stdin', ...chain],
      ],
      { cwd: folder, input: `${passphrase}\n`, signal: context.signal },
    )
    if (code === 0) return derOf(stdout)
    throw new Failure('bad-key', `openssl can't sign with the key: ${lastWords(stderr, 'openssl', code)}`)
  })
}

/**
 * Checks a signature (DER) over `content`, or over what it carries itself where that is not given. `accepted` (PEM) may hold
 * certificates and public keys: a signer has to have a valid certificate for any purpose that leads to one of the
 * certificates, which have to be authorities or the signer's own self-signed one, as devices have it; or one of the keys,
 * and then dates and issuer of its certificate don't count. Throws `artifact-unsigned` (detail `artifact-signature` or
 * `artifact-wrong-key`), `artifact-damaged` where it is no CMS, `missing-tool`, and `bad-key` for `accepted`.
 */
export async function verifyCms(
  signature: Uint8Array,
  content: Uint8Array | undefined,
  accepted: readonly string[],
  signal?: AbortSignal,
): Promise<CmsVerified> {
  const { certificates, keys } = acceptedOf(accepted)
  if (derBytes(signature) !== signature.length) {
    throw damaged('the signature', 0, 'it is not one whole CMS and nothing else')
  }
  return inFolder(plainContext(signal ? { signal } : {}), async (folder) => {
    await writeFile(join(folder, 'signature'), signature)
    await writeFile(join(folder, 'content'), content ?? '')
    await writeFile(join(folder, 'accepted.pem'), certificates.join('\n'))
    const options = { cwd: folder, ...(signal ? { signal } : {}) }
    const detached = content === undefined ? [] : ['-content', 'content']
    const check = ['cms', '-verify', '-binary', '-inform', 'DER', '-in', 'signature', ...detached]
    const fits = await openssl([...check, '-noverify', '-signer', 'signers.pem', '-out', 'verified'], options)
    if (fits.code !== 0) throw unfit(fits.stderr)
    const signers = pemBlocks(await readFile(join(folder, 'signers.pem'), 'latin1'), 'CERTIFICATE')
    const result = { signers, content: await contentOf(join(folder, 'verified'), content !== undefined) }
    if (accepted.length === 0) return { ...result, signature: 'unverified' }
    if (signers.length > 0 && signers.every((signer) => keys.includes(spkiOf(new X509Certificate(signer)))))
      return { ...result, signature: 'verified' }
    // without these, the authorities that the machine trusts for the web would count as accepted
    const chain = ['-CAfile', 'accepted.pem', '-no-CApath', '-no-CAstore', '-purpose', 'any']
    const leads =
      certificates.length > 0 && (await openssl([...check, ...chain, '-out', 'verified'], options))
    if (leads && leads.code === 0) return { ...result, signature: 'verified' }
    throw notAccepted(signers, accepted.length, leads ? leads.stderr : '')
  })
}

/** All blocks of one kind (`CERTIFICATE`, say) in a PEM text, each with a line end. */
export function pemBlocks(pem: string, kind: string): string[] {
  const pattern = new RegExp(`-----BEGIN ${kind}-----[^-]*-----END ${kind}-----`, 'g')
  return [...pem.matchAll(pattern)].map(([block]) => `${block}\n`)
}

/** How long the DER value that `bytes` begin with says it is, its head included; undefined where they don't begin with one. */
function derBytes(bytes: Uint8Array): number | undefined {
  const first = bytes[1]
  if (bytes[0] !== 0x30 || first === undefined) return undefined
  if (first < 0x80) return 2 + first
  const count = first - 0x80 // bytes of the length; 0 would be a length that only the end tells
  if (count < 1 || count > 4 || bytes.length < 2 + count) return undefined
  return 2 + count + Buffer.from(bytes).readUIntBE(2, count)
}

function derOf(pem: string): Buffer<ArrayBuffer> {
  const [, base64 = ''] = /-----BEGIN CMS-----([^-]+)-----END CMS-----/.exec(pem) ?? []
  return Buffer.from(base64, 'base64')
}

async function contentOf(path: string, isDetached: boolean): Promise<Buffer> {
  return isDetached ? Buffer.alloc(0) : readFile(path)
}

function acceptedOf(accepted: readonly string[]): { certificates: string[]; keys: string[] } {
  const certificates = accepted.flatMap((pem) => pemBlocks(pem, 'CERTIFICATE'))
  const bare = accepted.filter((pem) => pemBlocks(pem, 'CERTIFICATE').length === 0)
  try {
    for (const certificate of certificates) spkiOf(new X509Certificate(certificate))
    return { certificates, keys: bare.map((pem) => spki(createPublicKey(pem))) }
  } catch {
    throw new Failure(
      'bad-key',
      'the key to verify with is no PEM that can be read: give a certificate or a public key',
    )
  }
}

function spkiOf(certificate: X509Certificate): string {
  return spki(certificate.publicKey)
}

function spki(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64')
}

function unfit(said: string): Failure {
  if (/verification failure|digest|signature/i.test(said) && !/Error reading|asn1|ASN1/.test(said)) {
    return new Failure(
      'artifact-unsigned',
      "the artifact's signature doesn't fit what it signs: it was changed after signing",
      { detail: 'artifact-signature' },
    )
  }
  return damaged('the signature', 0, `it is no CMS that can be read (${lastWords(said, 'openssl', 1)})`)
}

function notAccepted(signers: readonly string[], count: number, said: string): Failure {
  const who = signers.map((pem) => new X509Certificate(pem).subject.replaceAll('\n', ', ')).join('; ')
  const which =
    count === 1 ? 'the given certificate or key' : `any of the ${count} given certificates and keys`
  const why = /Verify error: *(.+)/.exec(said)?.[1]
  return new Failure(
    'artifact-unsigned',
    `the artifact is signed by ${who || 'nobody'}, which is not accepted by ${which}${why === undefined ? '' : ` (${why})`}`,
    { detail: 'artifact-wrong-key' },
  )
}

async function openssl(
  args: readonly string[],
  options: { cwd: string; input?: string; signal?: AbortSignal },
) {
  return await start('openssl', args, options).done
}

async function inFolder<T>(context: Context, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder('drover-cms', context)
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
