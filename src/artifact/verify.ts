import { type Context, Failure } from '../platform/platform.ts'
import type { ArtifactInfo, ArtifactLimits } from './artifact-info.ts'
import { openArtifact } from './read.ts'
import {
  type Check,
  type Verdict,
  type VerifyPolicy,
  checkOk,
  judge,
  notChecked,
  refusal,
  verdictOf,
} from './verdict.ts'

/**
 * Reads an update file of any format to its end and says whether it is what `policy` asks for, with everything that is
 * wrong at once: of a damaged file only the damage, of one with a wrong signature all the rest too. Throws only where
 * nothing can be said: `file-missing`, `bad-key`, `missing-tool`, and what aborts `context`.
 */
export async function verifyArtifact(
  path: string,
  policy: VerifyPolicy,
  context: Context,
  limits?: Partial<ArtifactLimits>,
): Promise<Verdict> {
  const read = (verifyKeys: readonly string[]) =>
    openArtifact(path, { verifyKeys, limits, signal: context.signal, log: context.log })
  const checks: Check[] = []
  let info: ArtifactInfo
  try {
    try {
      info = await read(policy.keys)
      checks.push(signatureOf(info, policy.keys))
    } catch (error) {
      if (!(error instanceof Failure) || error.reason !== 'artifact-unsigned') throw error
      checks.push(refusal('signature', error.message, error.detail))
      // nothing of it is true, but whoever made it may want to hear of all mistakes at once
      info = await read([])
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (error.reason === 'artifact-unsigned') return verdictOf(unfitSignature(error, checks))
    if (!isAboutFile(error)) throw error
    return verdictOf([refusal('file', error.message, error.detail), ...checks])
  }
  return verdictOf([fileOf(info), ...checks, ...judge(info, policy)], info)
}

/** A signature in CMS over the whole file is read before anything else, with or without a key to check whose it is. */
function unfitSignature({ message, detail }: Failure, found: readonly Check[]): Check[] {
  const signature = found.length > 0 ? found : [refusal('signature', message, detail)]
  return [notChecked('file', 'it was not read beyond its signature'), ...signature]
}

/** What no release is called that should become a file's or a folder's name. */
// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const unsafeName = /[\u0000-\u001f\u007f-\u009f/\\]|^\.{1,2}$/

function fileOf({ format, sizeBytes, name }: ArtifactInfo): Check {
  if (!unsafeName.test(name)) return checkOk('file', `${format}, ${sizeBytes} bytes, every checksum is right`)
  return refusal(
    'file',
    `its release is called ${JSON.stringify(name)}, which would leave a folder: give it another name`,
    'artifact-path',
  )
}

/** `bad-input` is a version or a compression that can't be read. */
const isAboutFile = ({ reason }: Failure) => reason === 'artifact-damaged' || reason === 'bad-input'

function signatureOf(info: ArtifactInfo, keys: readonly string[]): Check {
  const { signature, signedBy } = info
  switch (signature) {
    case 'verified':
      return checkOk(
        'signature',
        `it is signed with an accepted key${signedBy === undefined ? '' : `, ${signedBy}`}`,
      )
    case 'unverified':
      return notChecked('signature', 'it is signed, but no key was given to check that with')
    case 'none':
      return keys.length === 0
        ? notChecked('signature', 'it is not signed, and no key was given that should have signed it')
        : refusal('signature', 'it is not signed', 'artifact-unsigned')
  }
}
