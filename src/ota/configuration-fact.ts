// What a device says of the configuration that it has.
import { plannedForProvide } from './configuration-artifact.ts'
import { configurationFact, configurationProvide } from './configuration-kind.ts'
import type { DeviceFacts } from './ota-server.ts'

/**
 * The fingerprint of the configuration that a device reports to have applied, or another word where it has none (`none`) or
 * could not apply what it has (`not-applied`); undefined where it says nothing of configurations.
 */
export function reportedConfiguration({ attributes }: DeviceFacts): string | undefined {
  const applied = attributes[configurationFact] ?? ''
  // another image may mean something else by that name
  const isOurs = isFingerprint(applied) || applied === 'none' || applied === 'not-applied'
  return (isOurs ? applied : attributes[configurationProvide]) || undefined
}

/** Whether a configuration can be planned for the release that the device runs: only then does it know one from another. */
export function canBeConfigured({ attributes, release }: DeviceFacts): boolean {
  return release !== undefined && attributes[plannedForProvide] === release
}

/**
 * What of a device's report of its configuration may be published: a plain digest only where a release on the server provides
 * it, since it is of a configuration without secrets then. From any other a short secret could be guessed.
 */
export function publicConfiguration(
  { attributes }: DeviceFacts,
  provided: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  const applied = attributes[configurationFact]
  if (applied === undefined) return {}
  const isKeyed = applied.startsWith('hmac-sha256:') && isFingerprint(applied)
  const isKnown = isKeyed || applied === 'none' || applied === 'not-applied' || provided.has(applied)
  return { [configurationFact]: isKnown ? applied : 'other' }
}

/** Whether a text has the form of a fingerprint. */
export function isFingerprint(text: string): boolean {
  return /^(hmac-sha256|sha256):[0-9a-f]{64}$/.test(text)
}
