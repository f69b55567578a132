// Configurations as the loader makes them, without a repository.
import { createHmac } from 'node:crypto'
import type { Configuration } from '../../src/fleet/fleet.ts'
import { canonicalJson, digestOf } from '../../src/platform/platform.ts'

/** A configuration with these values; those of `secrets` are secret, and without a `key` it has no fingerprint then. */
export function configurationWith(
  values: Readonly<Record<string, string>>,
  {
    template = 'kiosk.json',
    text = template,
    secrets = [],
    key,
  }: { template?: string; text?: string; secrets?: string[]; key?: string } = {},
): Configuration {
  const canonical = canonicalJson(values)
  const digest = digestOf(canonical)
  const keyed = (use: string) =>
    key === undefined
      ? undefined
      : createHmac('sha256', key).update(`drover configuration ${use}\0${canonical}`).digest('hex')
  const fingerprint = keyed('fingerprint')
  const isSecret = secrets.length > 0
  return {
    template,
    source: { file: `templates/${template}`, digest: digestOf(text) },
    values: new Map(Object.entries(values)),
    secretKeys: new Set(secrets),
    digest,
    fingerprint: isSecret ? fingerprint && `hmac-sha256:${fingerprint}` : digest,
    salt: isSecret ? keyed('salt') : undefined,
    at: () => ({ file: 'host_vars/a.yml', line: 3, column: 1 }),
  }
}
