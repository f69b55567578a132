// What a device says of the configuration that it has.
import { configurationProvide, plannedForProvide } from './configuration-artifact.ts'
import type { DeviceFacts } from './ota-server.ts'

/** The attribute in which an image reports what is applied; one without it reports only what was installed. */
const appliedAttribute = 'configuration'

/**
 * The fingerprint of the configuration that a device reports to have applied, or another word where it has none (`none`) or
 * could not apply what it has (`not-applied`); undefined where it says nothing of configurations.
 */
export function reportedConfiguration({ attributes }: DeviceFacts): string | undefined {
  const applied = attributes[appliedAttribute] ?? ''
  // another image may mean something else by that name
  const isOurs = isFingerprint(applied) || applied === 'none' || applied === 'not-applied'
  return (isOurs ? applied : attributes[configurationProvide]) || undefined
}

/** Whether a configuration can be planned for the release that the device runs: only then does it know one from another. */
export function canBeConfigured({ attributes, release }: DeviceFacts): boolean {
  return release !== undefined && attributes[plannedForProvide] === release
}

/** Whether a text has the form of a fingerprint. */
export function isFingerprint(text: string): boolean {
  return /^(hmac-sha256|sha256):[0-9a-f]{64}$/.test(text)
}
