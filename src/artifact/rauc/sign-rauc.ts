import { X509Certificate } from 'node:crypto'
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Context, Failure, lastWords, requirePrograms, start } from '../../platform/platform.ts'
import type { ArtifactInfo } from '../artifact-info.ts'
import { checkSame } from '../keep-signed.ts'
import type { Signing } from '../signing.ts'
import { copyFast, inBundleFolder, keepBundle } from './bundle-folder.ts'
import { type RaucIdentity, raucIdentity } from './rauc-identity.ts'
import { type ReadBundle, readBundle, readRauc } from './read-rauc.ts'
import { secretFile } from './secret-file.ts'

/**
 * Writes the bundle at `path` to `output` (which may be the same) with a new signature instead of its own; everything before
 * the signature stays as it is, byte for byte. It is read in full before and after. Whoever signed it before doesn't matter
 * here: that is for the caller to check. A signature that is with the same certificate already is kept where `output` is the
 * bundle itself, so it may be repeated. Needs space for a second bundle. Throws what `openArtifact` throws, `missing-tool`,
 * `bad-key`, `bad-input`, `disk-full`, `signing-failed`, `artifact-damaged` where the bundle changed meanwhile, and the signal's
 * reason.
 *
 * `rauc resign` would do it too, but up to RAUC 1.8 it takes the hash tree of a bundle for a part of its squashfs and adds
 * another one: the bundle grows each time.
 */
export async function signRauc(
  path: string,
  output: string,
  signing: Signing,
  context: Context,
): Promise<ArtifactInfo> {
  requirePrograms(['cp', 'openssl', 'unsquashfs', 'prlimit'])
  const { signal } = context
  const identity = raucIdentity(signing, context.clock.now())
  const before = await readBundle(path, { signal })
  if (path === output && isSignedWith(before, identity))
    return await readRauc(path, { verifyKeys: [identity.publicKey], signal })
  return inBundleFolder(resolve(dirname(output)), context, async (work) => {
    const bundle = join(work, 'bundle.raucb')
    await copyFast(path, bundle, signal)
    await truncate(bundle, before.payloadBytes)
    const signature = await signatureOf(bundle, before.signedManifest, identity, work, signal)
    const size = Buffer.alloc(8)
    size.writeBigUInt64BE(BigInt(signature.length))
    await appendFile(bundle, Buffer.concat([signature, size]))
    const after = await readRauc(bundle, { verifyKeys: [identity.publicKey], signal })
    checkSame(path, before.info, after)
    await keepBundle(bundle, output, signal)
    return after
  })
}

function isSignedWith({ signers }: ReadBundle, { certificate }: RaucIdentity): boolean {
  const own = new X509Certificate(certificate).raw
  return signers.length > 0 && signers.every((signer) => own.equals(new X509Certificate(signer).raw))
}

/** The signature (DER) of a manifest, which it carries, or else of all that is in `payload`; with the time, as rauc makes it. */
async function signatureOf(
  payload: string,
  manifest: Buffer | undefined,
  identity: RaucIdentity,
  folder: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const path = (name: string) => join(folder, name)
  const { key, certificate, intermediates } = identity
  await writeFile(path('certificate.pem'), certificate)
  await writeFile(path('intermediates.pem'), intermediates.join('\n'))
  if (manifest !== undefined) await writeFile(path('manifest'), manifest)
  const args = ['cms', '-sign', '-binary', '-nosmimecap', '-md', 'sha256', '-outform', 'DER']
  args.push('-in', manifest === undefined ? payload : path('manifest'), '-out', path('signature'))
  args.push('-signer', path('certificate.pem'))
  if (manifest !== undefined) args.push('-nodetach')
  if (intermediates.length > 0) args.push('-certfile', path('intermediates.pem'))
  await runWithKey(args, key, signal)
  return await readFile(path('signature'))
}

async function runWithKey(args: string[], key: RaucIdentity['key'], signal: AbortSignal): Promise<void> {
  await using secret = 'pem' in key ? await secretFile(key.pem) : undefined
  // the same variables as for rauc, for the same engine
  const [module, pin] = [process.env['RAUC_PKCS11_MODULE'], process.env['RAUC_PKCS11_PIN']]
  const engine = ['-engine', 'pkcs11', '-keyform', 'engine']
  if (pin !== undefined) engine.push('-passin', 'env:RAUC_PKCS11_PIN')
  const where = 'pem' in key ? ['-inkey', secret?.path ?? ''] : [...engine, '-inkey', key.uri]
  const env = module === undefined ? {} : { PKCS11_MODULE_PATH: module }
  const { code, stderr } = await start('openssl', [...args, ...where], { signal, env }).done
  if (code === 0) return
  throw new Failure('signing-failed', `openssl can't sign: ${lastWords(stderr, 'openssl', code)}`)
}
