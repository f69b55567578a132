// An order on a hawkBit server is a distribution set, one for each artifact that it brings, over the release's software
// module. Its version is a hash of the order's name, and no two sets share name and version: so an order is created once,
// found by its name, and its actions are the set's. docs/decisions/0013-a-hawkbit-order-is-a-distribution-set.md says why.
import { createHash } from 'node:crypto'
import type { DistributionSet } from './hawkbit-schemas.ts'

const prefix = 'order-'
/** What the server stores of a description. */
const maxDescription = 512

export interface OrderNote {
  /** The order's name, as the caller chose it. */
  name: string
  /** How many devices were asked for in all, and which. */
  count: number
  digest: string
}

/** The first part of the version of every set of an order, and so how an order is found. */
export function versionOf(name: string): string {
  return `${prefix}${hash(name).slice(0, 24)}`
}

/**
 * The version of an order's set for one artifact. Devices that are on the release already have a set of their own, for
 * the server doesn't tell them from those that installed it.
 */
export function setVersionOf(name: string, artifactId: string, isThere: boolean): string {
  return `${versionOf(name)}-${artifactId}${isThere ? presentSuffix : ''}`
}

const presentSuffix = '-present'

/** Whether the devices of an order's set were on the release before. */
export function wasPresent({ version }: DistributionSet): boolean {
  return version.endsWith(presentSuffix)
}

/** What the order is, as the description of its sets; undefined where the name is too long for that. */
export function describe(name: string, devices: readonly string[]): string | undefined {
  const text = `Drover order ${name} (${devices.length} devices, ${digestOfDevices(devices)})`
  return text.length > maxDescription ? undefined : text
}

/** Whether a set is an order. */
export function isOrder(set: DistributionSet): boolean {
  return noteOf(set) !== undefined
}

/** What an order's set says of it; undefined for any other set. */
export function noteOf({ version, description }: DistributionSet): OrderNote | undefined {
  const match = /^Drover order (?<name>.*) \((?<count>\d+) devices, (?<digest>[0-9a-f]{16})\)$/s.exec(
    description ?? '',
  )
  const { name, count, digest } = match?.groups ?? {}
  if (name === undefined || digest === undefined || !version.startsWith(versionOf(name))) return undefined
  return { name, count: Number(count), digest }
}

/** What tells one list of devices from another. */
export function digestOfDevices(devices: readonly string[]): string {
  return hash(JSON.stringify([...devices].sort())).slice(0, 16)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
