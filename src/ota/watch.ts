// What the waiting for one device has seen, and what follows from it. Pure: no clock, no server.
import { namesVariant } from '../artifact/artifact.ts'
import type { FailureReason } from '../platform/platform.ts'
import type { DeviceFacts, DeviceState, ReleaseArtifact } from './ota-server.ts'

/** One look at the server: how the device stands in the deployment, then what it reports. */
export interface Sight {
  /** When we looked (our clock, ISO 8601). */
  at: string
  state: DeviceState
  /** When the device was done with the deployment, where the server tells it (its clock). */
  finishedAt?: string | undefined
  facts: DeviceFacts
}

/** Everything that was seen so far. */
export interface Watch {
  release: string
  /** The release's artifact for the device, where that is known. */
  artifact: ReleaseArtifact | undefined
  /** When the server took the order (its clock, as all times of facts). */
  orderedAt: string
  /** The release that the device reported before. */
  before: string | undefined
  /** The boot id that it reported before the order; undefined where it reports none. */
  bootBefore: string | undefined
  state: DeviceState
  /** When this state was seen first (our clock). */
  stateSince: string
  finishedAt: string | undefined
  facts: DeviceFacts
  hasRebooted: boolean
  /** How often it has begun again after a reboot: it went back without a word, and the server offered the order again. */
  restarts: number
  /** When the device had last reported as `state` was seen first. */
  reportedAtChange: string
  /** How often it has reported since then. */
  reports: number
}

export type Verdict =
  | { kind: 'wait' }
  | { kind: 'success'; isChanged: boolean; warning?: string }
  | { kind: 'failed'; reason: FailureReason; why: string }

/** A device may report between the change of a state and our look at it, so one report proves nothing. */
const enoughReports = 2
/** A device that lost its server for a moment succeeds the second time; one that goes back again has a reason to. */
const maxRestarts = 1

/** The watch after the first look. */
export function startWatch(
  order: Pick<Watch, 'release' | 'artifact' | 'orderedAt' | 'before' | 'bootBefore'>,
  { at, state, finishedAt, facts }: Sight,
): Watch {
  const hasRebooted = state === 'rebooting'
  return { ...order, ...changed(at, state, facts), finishedAt, hasRebooted, restarts: 0 }
}

/** The watch after one more look. */
export function seen(watch: Watch, { at, state, finishedAt, facts }: Sight): Watch {
  if (state !== watch.state) {
    const hasRebooted = watch.hasRebooted || state === 'rebooting'
    const restarts = watch.restarts + (watch.hasRebooted && state === 'downloading' ? 1 : 0)
    return { ...watch, ...changed(at, state, facts), finishedAt, hasRebooted, restarts }
  }
  const isNews = (facts.reportedAt ?? '') > (watch.facts.reportedAt ?? '')
  return { ...watch, facts, finishedAt, reports: watch.reports + (isNews ? 1 : 0) }
}

function changed(at: string, state: DeviceState, facts: DeviceFacts) {
  return { state, stateSince: at, facts, reportedAtChange: facts.reportedAt ?? '', reports: 0 }
}

/**
 * What follows. A device has a release when its own facts, newer than the deployment's end, say so, and it has restarted
 * where the update needs that; what the server says is not enough.
 */
export function verdictOf(watch: Watch): Verdict {
  const { state, facts, release, orderedAt, finishedAt = '' } = watch
  const isFresh = (facts.reportedAt ?? '') > (finishedAt > orderedAt ? finishedAt : orderedAt)
  const isThere = isFresh && reportsRelease(facts, release, watch.artifact) && !isStillRunning(watch)
  switch (state) {
    case 'success':
    case 'already-installed':
      if (isThere) return { kind: 'success', isChanged: state === 'success' }
      return watch.reports >= enoughReports ? wrongRelease(watch) : { kind: 'wait' }
    case 'no-artifact':
      return failed(
        'wrong-device-type',
        `the release has no artifact for its device type ${facts.deviceType ?? ''}`,
      )
    case 'aborted':
      return failed('update-failed', 'somebody aborted the deployment on the server')
    case 'decommissioned':
      return failed('device-missing', 'the device was removed from the server')
    case 'failure':
      return failed('update-failed', 'the device reported that the update failed')
    default:
      return stillOpen(watch, isThere)
  }
}

/**
 * A device that lost the server for some seconds in the middle of an update gives up reporting: its deployment then stays
 * open for ever. While a device updates it doesn't report facts, so facts tell that it has ended.
 */
function stillOpen(watch: Watch, isThere: boolean): Verdict {
  const { state, facts, reports, restarts } = watch
  if (restarts > maxRestarts) {
    return failed('rolled-back', `it went back ${restarts} times without a word and has begun once more`)
  }
  if (state === 'pending' || state === 'downloading' || reports < enoughReports) return { kind: 'wait' }
  if (isThere) {
    const warning = `it reports the release, but never reported its end: the server still says ${state}`
    return { kind: 'success', isChanged: true, warning }
  }
  if (isStillRunning(watch)) return wrongRelease(watch)
  const is = `reports ${facts.release ?? 'no release'} again and never said why; the server still says ${state}`
  return watch.hasRebooted
    ? failed('rolled-back', `it went back: it ${is}`)
    : failed('update-failed', `it has ended the update: it ${is}`)
}

/** The name under which a device reports the kernel's boot id. */
const bootId = 'boot_id'

/** The boot id that a device reports, where it does. */
export function bootIdOf({ attributes }: DeviceFacts): string | undefined {
  return attributes[bootId] || undefined
}

/** Whether a device that the update restarts is still in the boot in which it took the order. */
function isStillRunning({ state, facts, artifact, bootBefore, hasRebooted }: Watch): boolean {
  if (bootBefore === undefined || state === 'already-installed') return false
  const needsRestart = hasRebooted || artifact?.provides?.['rootfs-image.version'] !== undefined
  return needsRestart && bootIdOf(facts) === bootBefore
}

function wrongRelease(watch: Watch): Verdict {
  const { state, facts, before, release } = watch
  if (isStillRunning(watch) && reportsRelease(facts, release, watch.artifact)) {
    const why = `it reports ${release}, but has not restarted since it took the order: its ${bootId} is still ${watch.bootBefore}`
    return failed('wrong-release', why)
  }
  const said = `the server says ${state}, but the device itself reports ${facts.release ?? 'no release'}`
  if (facts.attributes['artifact_name'] === release) {
    const why = `the client installed it, but the image in it calls itself ${facts.release}: package it under that name`
    return failed('wrong-release', why)
  }
  return state === 'success' && facts.release === before && before !== release
    ? failed('rolled-back', `it went back after it had reported success: ${said}`)
    : failed('wrong-release', said)
}

function failed(reason: FailureReason, why: string): Verdict {
  return { kind: 'failed', reason, why }
}

/**
 * Whether facts show a release. Where the device reports any of what the artifact provides, all that it reports of it has
 * to agree: so an update of one module is told from an OS release, and another image of the same name from the right one.
 */
export function reportsRelease(
  facts: DeviceFacts,
  release: string,
  artifact: ReleaseArtifact | undefined,
): boolean {
  const provided = Object.entries(artifact?.provides ?? {}).filter(
    ([name]) =>
      name !== 'artifact_name' && name !== 'artifact_group' && Object.hasOwn(facts.attributes, name),
  )
  // a variant alone tells no release from the next
  const isTold = provided.some(([name]) => !namesVariant(name)) || facts.release === release
  return isTold && provided.every(([name, value]) => facts.attributes[name] === value)
}
