// How a configuration is named where others read it. Of one with secrets that name is keyed: from a plain digest a short
// secret could be guessed by whoever reads plans, facts or logs.
import { createHmac } from 'node:crypto'
import { type Digest, Failure } from '../platform/platform.ts'

/** Where the key is that digests of configurations with secrets are made with. */
export const configurationKeyVariable = 'DROVER_CONFIGURATION_KEY'

/** A shorter key could be guessed together with what it hides. */
const minKeyLength = 20

/** What may be shown of a configuration, and what only its artifact has. */
export interface Fingerprint {
  /**
   * `sha256:` and the digest of the keys and values; with secret values `hmac-sha256:` and the same, keyed. Equal exactly
   * where the configurations are, with the same key. Undefined where a key is needed and none is given.
   */
  fingerprint: string | undefined
  /** Goes into the artifact beside secret values, so that no digest of the artifact gives them away. Shown nowhere. */
  salt: string | undefined
}

/**
 * The fingerprint of a configuration whose keys and values are the text `canonical`. Throws `bad-input` for a key that is too
 * short.
 */
export function fingerprintOf(canonical: string, digest: Digest, hasSecrets: boolean): Fingerprint {
  if (!hasSecrets) return { fingerprint: digest, salt: undefined }
  const key = process.env[configurationKeyVariable]?.trim()
  if (!key) return { fingerprint: undefined, salt: undefined }
  if (key.length < minKeyLength)
    throw new Failure(
      'bad-input',
      `${configurationKeyVariable} has fewer than ${minKeyLength} characters: make one with openssl rand -hex 32`,
    )
  const keyed = (use: string) =>
    createHmac('sha256', key).update(`drover configuration ${use}\0${canonical}`).digest('hex')
  return { fingerprint: `hmac-sha256:${keyed('fingerprint')}`, salt: keyed('salt') }
}
