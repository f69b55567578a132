// Checks signatures in CMS (RFC 5652), which Node can't: the program openssl does. Making them: cms-sign.ts.
import { type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Digest,
  Failure,
  type RunResult,
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
import { publicKeysOf } from './keys.ts'
import { certificatesOf, isCertificate, pemBlocks } from './pem.ts'

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
 * never as a whole in memory or on the disk. `accepted` (PEM) may hold certificates and public keys: all signers have to have a certificate that is valid today, for whatever purpose, and leads
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
    const openssl: OpenSsl = async (...args) =>
      await start('openssl', ['cms', ...checkArgs, ...args], { cwd: folder, ...(signal ? { signal } : {}) })
        .done
    const facts = await fitting(openssl, folder, content)
    if (accepted.length === 0) return { ...facts, signature: 'unverified' }
    const isStream = content !== undefined && !(content instanceof Uint8Array)
    // what a stream held is known to fit by now
    const again = isStream ? ['-content', '/dev/null', '-no_content_verify'] : contentArgs(content)
    await checkTrust(openssl, folder, facts.signers, trust, again)
    const [first = ''] = facts.signers
    return { ...facts, signature: 'verified', signedBy: digestOf(keyOf(first)) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type OpenSsl = (...args: string[]) => Promise<RunResult>

const checkArgs = ['-verify', '-binary', '-inform', 'DER', '-in', 'signature']

function contentArgs(content: unknown): string[] {
  return content === undefined ? ['-out', 'verified'] : ['-content', 'content', '-out', '/dev/null']
}

/** Checks that the signature fits the content and the certificates that it carries, whoever's they are. */
async function fitting(
  openssl: OpenSsl,
  folder: string,
  content: Uint8Array | AsyncIterable<Uint8Array> | undefined,
): Promise<Pick<CmsVerified, 'content' | 'signers'>> {
  const path = join(folder, 'content')
  const isStream = content !== undefined && !(content instanceof Uint8Array)
  if (isStream) await runOk('mkfifo', [path], { what: 'making a pipe for openssl' })
  else await writeFile(path, content ?? '')
  const running = openssl('-noverify', '-signer', 'signers.pem', ...contentArgs(content))
  if (isStream) await feed(path, content, running)
  const fits = await running
  if (fits.code !== 0) throw unfit(fits.stderr)
  const signers = certificatesOf(await readFile(join(folder, 'signers.pem'), 'latin1'))
  if (signers.length === 0) throw damaged('the signature', 0, 'nobody signed')
  const carried = content === undefined ? await readFile(join(folder, 'verified')) : Buffer.alloc(0)
  return { content: carried, signers }
}

interface Trust {
  certificates: readonly string[]
  /** DER, SPKI. */
  keys: readonly Buffer[]
}

async function checkTrust(
  openssl: OpenSsl,
  folder: string,
  signers: readonly string[],
  { certificates, keys }: Trust,
  content: readonly string[],
): Promise<void> {
  if (signers.every((signer) => keys.some((key) => key.equals(keyOf(signer))))) return
  const count = certificates.length + keys.length
  if (certificates.length === 0) throw notAccepted(signers, count, '')
  await writeFile(join(folder, 'accepted.pem'), certificates.join('\n'))
  // without the last two, the authorities that the machine trusts for the web would count as accepted
  const chain = ['-purpose', 'any', '-CAfile', 'accepted.pem', '-no-CApath', '-no-CAstore']
  const leads = await openssl(...content, ...chain)
  if (leads.code !== 0) throw notAccepted(signers, count, leads.stderr)
}

function trustOf(accepted: readonly string[]): Trust {
  const what = 'the key to verify with'
  const blocks = accepted.flatMap((pem) => {
    const found = pemBlocks(pem)
    // with nothing in it, it is for the reader of keys to name
    return found === undefined || found.length === 0 ? [{ label: '', text: pem }] : found
  })
  const certificates = blocks.filter(isCertificate).map(({ text }) => text)
  try {
    certificates.forEach(keyOf)
  } catch {
    throw new Failure('bad-key', `${what} has a certificate that can’t be read: give it as PEM`)
  }
  const bare = blocks.filter((block) => !isCertificate(block) && !block.label.endsWith('PARAMETERS'))
  return { certificates, keys: bare.flatMap(({ text }) => publicKeysOf(text, what)).map(derOfKey) }
}

function keyOf(certificate: string): Buffer {
  return derOfKey(new X509Certificate(certificate).publicKey)
}

function derOfKey(key: KeyObject): Buffer {
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
