// Leases among a target's metadata.
import * as v from 'valibot'
import type { Metadata } from './hawkbit-schemas.ts'
import type { Lease, LeaseWish } from './ota-server.ts'

/** What comes before a lease's number in the key of its entry. */
export const leasePrefix = 'drover.lease.'

const text = v.pipe(v.string(), v.maxLength(4096))
const stored = v.object({ id: text, holder: text, until: text })

export interface LeaseEntry {
  number: number
  /** Undefined where it was returned, or can't be read. */
  lease: LeaseWish | undefined
}

/** All leases of a device, the lowest number first. */
export function leaseEntries(all: readonly Metadata[]): LeaseEntry[] {
  return all
    .filter(({ key }) => key.startsWith(leasePrefix) && /^\d{1,15}$/.test(key.slice(leasePrefix.length)))
    .map(({ key, value }) => ({ number: Number(key.slice(leasePrefix.length)), lease: leaseIn(value) }))
    .sort((a, b) => a.number - b.number)
}

/** The lease that still runs at `now`; an end that can't be read is no end, or a broken entry would hold the device for ever. */
export function heldBy(entry: LeaseEntry | undefined, now: Date): Lease | undefined {
  if (!entry?.lease || !(Date.parse(entry.lease.until) > now.getTime())) return undefined
  return { ...entry.lease, number: entry.number }
}

function leaseIn(value: string): LeaseWish | undefined {
  try {
    const result = v.safeParse(stored, JSON.parse(value))
    return result.success ? result.output : undefined
  } catch {
    return undefined
  }
}
