import type { FleetDevice } from '../fleet/fleet.ts'
import { plannedOf } from './configuring.ts'
import type { Release, ReleaseArtifact } from '../ota/ota.ts'
import { type Digest, canonicalJson, digestOf } from '../platform/platform.ts'

export type Releases = ReadonlyMap<string, Release>

/** The artifacts of a release that are for a device type. */
export function artifactsFor(
  releases: Releases,
  release: string,
  deviceType: string,
): readonly ReleaseArtifact[] {
  const artifacts = releases.get(release)?.artifacts ?? []
  return artifacts.filter(({ deviceTypes }) => deviceTypes.includes(deviceType))
}

/** What a release holds for a device type: one artifact's content digest, or one over several; undefined where nothing. */
export function contentOf(releases: Releases, release: string, deviceType: string): Digest | undefined {
  return combined(artifactsFor(releases, release, deviceType).map(({ contentDigest }) => contentDigest))
}

/**
 * The digest of a stage's desired state: what each device should run, by content, and its configuration's fingerprint. No facts, times or commits are in it, so
 * it is the same on a pull request and after the merge. A release that the server doesn't have counts by its name.
 */
export function desiredDigest(stage: string, devices: readonly FleetDevice[], releases: Releases): Digest {
  const all = (release: string) =>
    combined((releases.get(release)?.artifacts ?? []).map(({ contentDigest }) => contentDigest))
  const wanted = devices.map((device): [string, unknown] => {
    if (device.isRetired) return [device.id, 'retired']
    const images = device.images
      .filter(
        ({ deviceType }) => deviceType === undefined || (device.deviceType ?? deviceType) === deviceType,
      )
      .map(({ deviceType, release }): [string, string] => {
        const type = deviceType ?? device.deviceType
        const content = type === undefined ? all(release) : contentOf(releases, release, type)
        return [type ?? '*', content ?? `missing:${release}`]
      })
    const planned = plannedOf(device)
    const runs = Object.fromEntries(images)
    return [device.id, planned ? { images: runs, configuration: planned.to } : runs]
  })
  return digestOf(canonicalJson({ stage, devices: Object.fromEntries(wanted) }))
}

function combined(digests: readonly Digest[]): Digest | undefined {
  const [first, ...others] = [...new Set(digests)].sort()
  return others.length === 0 ? first : digestOf(canonicalJson([first, ...others]))
}
