import type { Limit } from '../fleet/fleet.ts'

// shares are decimal fractions: 29 % of 100 must be 29, whatever binary makes of it
const epsilon = 1e-9

/** How many of `total` a limit allows. */
export function allowed(limit: Limit, total: number): number {
  return limit.kind === 'count' ? limit.count : Math.floor(limit.share * total + epsilon)
}

/** How many of `total` make up a share (0–1). */
export function needed(share: number, total: number): number {
  return Math.ceil(share * total - epsilon)
}

/** A server's clock and ours may differ by this much. */
const clockSkewMs = 5 * 60_000

/** Whether a report is of the last `limitMs`. One from the future proves nothing: it would stay fresh until then. */
export function isFresh(reportedAt: string | undefined, limitMs: number, now: Date): boolean {
  if (reportedAt === undefined) return false
  const ageMs = now.getTime() - Date.parse(reportedAt)
  return ageMs <= limitMs && ageMs >= -clockSkewMs
}
