import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Context, Failure } from '../platform/platform.ts'
import type { ArtifactInfo } from './artifact-info.ts'
import type { Signer } from './keys.ts'
import { signMender } from './mender/sign-mender.ts'
import { signRauc } from './rauc/sign-rauc.ts'
import { openArtifact } from './read.ts'
import { type Signing, openSigner } from './signing.ts'
import { signSwupdate } from './swupdate/sign-swupdate.ts'
import type { CheckedArtifact } from './write-request.ts'

export interface SignOptions {
  /** What to sign with. */
  signing: Signing
  /** Path of the file to write, the artifact itself where not given. */
  output?: string | undefined
  /** What `openArtifact` says of the artifact, where the caller has just read it. */
  before?: ArtifactInfo | undefined
}

/**
 * Adds a signature to an artifact that is there, or replaces the one it has, without packing it again: what a device installs
 * stays, and with it the content digest. The file is read in full before and after. A signature that is by the same key
 * already is kept, so it may be repeated. Throws what `openArtifact` throws, `bad-key`, `signing-failed`, `bad-input` where
 * there is nothing to sign with, `disk-full`, and the signal's reason; then `output` is as it was.
 */
export async function signArtifact(
  path: string,
  options: SignOptions,
  context: Context,
): Promise<CheckedArtifact> {
  // what a token has can only be told by the format that takes it
  const isOnToken = options.signing.key?.startsWith('pkcs11:') === true
  const signer = isOnToken ? undefined : await openSigner(options.signing)
  if (signer === undefined && !isOnToken) {
    throw new Failure(
      'bad-input',
      `${path} is there already, and there is no key to sign it with: give a signing key`,
    )
  }
  const before = options.before ?? (await openArtifact(path, { signal: context.signal }))
  const source = await realpath(path)
  const output = await realpath(options.output ?? path).catch(() => resolve(options.output ?? path))
  const after = await sign(source, before, output, { signer, signing: options.signing }, context).catch(
    (error: unknown) => {
      // a stream that is read when the abort comes throws an error of its own
      context.signal.throwIfAborted()
      throw error
    },
  )
  const isChanged = after.sha256 !== before.sha256 || output !== source
  context.log.info(
    isChanged
      ? `signed ${output} with ${after.signedBy}`
      : `${output} was signed with ${after.signedBy} already`,
  )
  const { name, sha256, contentDigest, sizeBytes } = after
  return { path: output, name, sha256, contentDigest, sizeBytes, isChanged }
}

async function sign(
  path: string,
  before: ArtifactInfo,
  output: string,
  { signer, signing }: { signer: Signer | undefined; signing: Signing },
  context: Context,
): Promise<ArtifactInfo> {
  switch (before.format) {
    case 'mender': {
      const opened = signer ?? (await openSigner(signing))
      if (opened === undefined) throw new Failure('bad-input', 'there is no key to sign with')
      return signMender(path, before, output, opened, context)
    }
    case 'rauc':
      return signRauc(path, output, signing, context)
    case 'swupdate':
      return signSwupdate(path, before, output, signing, context)
  }
}
