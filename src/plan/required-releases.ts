import { Failure, counted } from '../platform/platform.ts'
import type { Plan } from './model.ts'

/**
 * Throws `release-missing` where Git asks for a release that a device would need and that the server doesn't have, for any
 * device of the stage: half a fleet is not ordered before the other half can be. Old releases that devices still run may be gone.
 */
export function requireReleases({ changes, stage }: Plan): void {
  const missing = changes.filter((change) => change.kind === 'blocked' && change.by === 'release-missing')
  const [first] = missing
  if (first?.kind !== 'blocked') return
  const others = missing.length > 1 ? ` and ${counted(missing.length - 1, 'more device')}` : ''
  throw new Failure('release-missing', `${stage}: ${first.host}${others} can't be updated: ${first.why}`)
}

/** Whether `requireReleases` throws. */
export function lacksRelease({ changes }: Plan): boolean {
  return changes.some((change) => change.kind === 'blocked' && change.by === 'release-missing')
}
