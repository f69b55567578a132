// What becomes of a device that runs its release: whether it has the configuration that Git wants on it, and what is in the way.
import type { Configuration, Fleet, FleetDevice } from '../fleet/fleet.ts'
import {
  type Deployment,
  type DeviceFacts,
  canBeConfigured,
  configurationContent,
  configurationName,
  fingerprintIn,
  isFingerprint,
  reportedConfiguration,
  withoutSigner,
} from '../ota/ota.ts'
import { type Held, busyWith, heldBy } from './held.ts'
import { type Moving, type WantedConfiguration, configurationOf, releaseOf } from './model.ts'

/** What a configuration of a plan is called on the server, whoever signs it. */
export function artifactOf({ template, to }: WantedConfiguration, release: string): string {
  return configurationName(template, to, release)
}

/** Names, whoever signs it, of all that brings a device to what a change wants: an order of anything else is in the way. */
export function wantedOnServer(change: Moving): string[] {
  const release = releaseOf(change)
  const configuration = configurationOf(change)
  // one for a release that the device doesn't run has to wait for it
  const runsIt = change.kind === 'blocked' ? change.from === change.to : change.kind !== 'update'
  return configuration && runsIt ? [release, artifactOf(configuration, release)] : [release]
}

/** The configuration of a device as a plan has it. Throws `bad-input` where it has secrets and no key to compare them with. */
export function plannedOf({ configuration }: FleetDevice): WantedConfiguration | undefined {
  return configuration && { template: configuration.template, to: fingerprintIn(configuration) }
}

/** Whether a device has what it is to be configured with. */
export function isConfigured(facts: DeviceFacts, { to }: { to: string }): boolean {
  return reportedConfiguration(facts) === to
}

export interface Standing {
  fleet: Fleet
  orders: readonly Deployment[]
  deviceType: string
  release: string
  now: Date
}

/** How a device stands that runs its release. */
export function standingThere(
  device: FleetDevice,
  facts: DeviceFacts,
  { fleet, orders, deviceType, release, now }: Standing,
): 'already-there' | 'already-pending' | 'configure' | Held {
  const planned = plannedOf(device)
  const wanted = planned ? [release, artifactOf(planned, release)] : [release]
  const other = orders.find((order) => !wanted.includes(withoutSigner(order.release)))
  if (other) return busyWith(other)
  if (!planned || !device.configuration || isConfigured(facts, planned)) return 'already-there'
  if (isKnownBad(device.configuration, wanted.at(-1) ?? '', deviceType, fleet))
    return {
      by: 'known-bad',
      why: `has a configuration in Git (made of ${planned.template}) that is listed in known-bad: change what it is made of`,
    }
  // one order at a time: also that of its release has to end first
  if (orders.length > 0) return 'already-pending'
  return problemOf(facts, fleet) ?? heldBy(facts, fleet, now) ?? 'configure'
}

/** Whether `known-bad` names a configuration: its artifact, its fingerprint, or its content. */
function isKnownBad(
  configuration: Configuration,
  artifact: string,
  deviceType: string,
  { switches: { knownBad } }: Fleet,
): boolean {
  // large fleets have none most of the time, and a content digest for each device takes its time
  if (knownBad.size === 0) return false
  const names = [artifact, fingerprintIn(configuration), configurationContent(configuration, deviceType)]
  return [...knownBad].some((bad) => names.includes(withoutSigner(bad)))
}

/** Why no configuration can be ordered for a device, whatever its turn. */
function problemOf(facts: DeviceFacts, fleet: Fleet): Held | undefined {
  // an updater behind hawkBit is told by the configuration itself which release it is for
  if (fleet.server?.type !== 'hawkbit' && !canBeConfigured(facts))
    return {
      by: 'no-release-fact',
      why: 'does not report its release as rootfs-image.version, which its configuration depends on: it has to get an update of its system first',
    }
  return undefined
}

/** A device's own words without the secrets that its configuration has. */
export function withoutSecrets(text: string, configuration: Configuration | undefined): string {
  const secrets = [...(configuration?.secretKeys ?? [])].flatMap(
    (key) => configuration?.values.get(key) ?? [],
  )
  // shorter ones would leave no word of the text whole
  return secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .filter((secret) => secret.trim().length >= 3)
    .sort((a, b) => b.length - a.length)
    .reduce((shown, secret) => shown.replaceAll(secret, '(secret)'), text)
}

/** What a device reports of its configuration, as far as it may be shown beside one that has secrets or none. */
export function shownFact(facts: DeviceFacts, { configuration }: FleetDevice): string | undefined {
  const reported = reportedConfiguration(facts)
  const isPlain = reported?.startsWith('sha256:') === true
  // an older one may have had the same secrets, and a plain digest gives short ones away
  if (isPlain && (configuration?.secretKeys.size ?? 0) > 0) return 'sha256:…'
  if (reported === undefined || isFingerprint(reported)) return reported
  return reported.slice(0, 100)
}
