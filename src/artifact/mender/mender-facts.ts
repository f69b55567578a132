// What a new Mender artifact says of itself, checked before anything is written.
import { Failure, canonicalJson } from '../../platform/platform.ts'
import type { Depends } from '../artifact-info.ts'
import { scriptsDigestOf, scriptsProvide } from '../content-digest.ts'
import type { Findings } from '../findings.ts'
import { checkDeviceTypes, checkReleaseName } from '../release-facts.ts'
import { type PayloadChoice, hasImage, typeOf } from './payload-choice.ts'
import type { StateScript } from './state-scripts.ts'

/** What the caller chose; see `MenderOptions`. */
export interface ChosenFacts {
  name: string | { prefix: string }
  deviceTypes: readonly string[]
  stateScripts?: readonly { name: string; path: string }[] | undefined
  provides?: Readonly<Record<string, string>> | undefined
  depends?: Depends | undefined
  /** Patterns of what a device no longer has after it, besides the default ones. */
  clearsProvides?: readonly string[] | undefined
  artifactGroup?: string | undefined
  /** The key `<filesystem>.<name>.version` that says what is installed; see `softwareOf`. */
  software?:
    { filesystem?: string | undefined; name?: string | undefined; version?: string | undefined } | undefined
  /** Defaults that are left out; see `softwareOf`. */
  without?: { softwareVersion?: boolean; clearsProvides?: boolean; checksum?: boolean } | undefined
}

const ownProvides = ['artifact_name', 'artifact_group', 'device_type', scriptsProvide]

/** Whether a provide of this name is the writer's own in every artifact, so that nobody else may give it. */
export function isOwnProvide(name: string): boolean {
  return ownProvides.includes(name)
}

/**
 * The provides that a payload has by default, and what it clears: the same as the vendor's tool would write. Without a
 * `checksum`, or where that is left out, there is no `rootfs-image.checksum`. Without the version nothing is cleared either.
 */
export function softwareOf(
  { software = {}, without = {} }: Pick<ChosenFacts, 'software' | 'without'>,
  payload: { type: string | null; checksum: string | undefined; release: string },
): { provides: Record<string, string>; clears: readonly string[] } {
  const module = payload.type === null || payload.type === 'rootfs-image' ? [] : [payload.type]
  const name = software.name === undefined ? module : [software.name]
  const key = [software.filesystem ?? 'rootfs-image', ...name].join('.')
  const version =
    without.softwareVersion === true ? {} : { [`${key}.version`]: software.version ?? payload.release }
  const { checksum } = payload
  const image =
    checksum === undefined || without.checksum === true ? {} : { 'rootfs-image.checksum': checksum }
  const isWhole = key === 'rootfs-image'
  return {
    provides: { ...image, ...version },
    clears:
      without.softwareVersion === true || without.clearsProvides === true
        ? []
        : [...(isWhole ? ['artifact_group', 'rootfs_image_checksum'] : []), `${key}.*`],
  }
}

/** Finds everything in `facts` that no artifact of this payload may say: `bad-input` each. */
export function checkFacts(facts: ChosenFacts, choice: PayloadChoice, findings: Findings): void {
  const bad = (message: string) => findings.add(new Failure('bad-input', message))
  checkReleaseName(facts.name, findings)
  checkDeviceTypes(facts.deviceTypes, findings)
  const type = typeOf(choice)
  const checksum = hasImage(type) ? '' : undefined
  const own = softwareOf(facts, { type, checksum, release: '' }).provides
  for (const key of Object.keys(facts.provides ?? {})) {
    if (isOwnProvide(key) || Object.hasOwn(own, key)) {
      bad(`provides may not have ${key}: it is set from what the artifact holds`)
    }
  }
  if (facts.depends !== undefined && Object.hasOwn(facts.depends, 'device_type')) {
    bad('depends may not have device_type: give the device types as such')
  }
  if (type === null && typeof facts.name !== 'string') {
    bad('a bootstrap artifact has no content that it could be named by: give the release’s name')
  }
}

/** What the documents of a header are made of, besides the facts that were chosen. */
export interface KnownFacts {
  name: string
  payload: {
    type: string | null
    metaData: Readonly<Record<string, unknown>>
    checksum: string | undefined
  }
  scripts: readonly StateScript[]
}

/**
 * The documents of a header: what a device and a server read. Their size depends on the sizes of `name` and the checksum
 * alone. `metaData` is undefined where there is none: readers want no member for it then.
 */
export function headerDocuments(
  facts: ChosenFacts,
  { name, payload, scripts }: KnownFacts,
): { headerInfo: string; typeInfo: string; metaData: string | undefined } {
  const { artifact_name, artifact_group, ...depends } = facts.depends ?? {}
  const group = facts.artifactGroup === undefined ? {} : { artifact_group: facts.artifactGroup }
  const { type } = payload
  return {
    headerInfo: JSON.stringify({
      payloads: [{ type }],
      artifact_provides: { artifact_name: name, ...group },
      artifact_depends: {
        ...(artifact_name === undefined ? {} : { artifact_name: listOf(artifact_name) }),
        device_type: [...new Set(facts.deviceTypes)],
        ...(artifact_group === undefined ? {} : { artifact_group: listOf(artifact_group) }),
      },
    }),
    typeInfo: typeInfo(facts, depends, { name, payload, scripts }),
    metaData: Object.keys(payload.metaData).length === 0 ? undefined : canonicalJson(payload.metaData),
  }
}

function typeInfo(facts: ChosenFacts, depends: Depends, { name, payload, scripts }: KnownFacts): string {
  const { type, checksum } = payload
  const own = softwareOf(facts, { type, checksum, release: name })
  const scriptsDigest = scriptsDigestOf(scripts)
  const provides = {
    ...facts.provides,
    ...own.provides,
    ...(scriptsDigest === undefined ? {} : { [scriptsProvide]: scriptsDigest }),
  }
  const clears = [...new Set([...(facts.clearsProvides ?? []), ...own.clears])]
  return JSON.stringify({
    type,
    ...(Object.keys(depends).length === 0 ? {} : { artifact_depends: sorted(depends) }),
    ...(Object.keys(provides).length === 0 ? {} : { artifact_provides: sorted(provides) }),
    ...(clears.length === 0 ? {} : { clears_artifact_provides: clears }),
  })
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
