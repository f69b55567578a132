import type { Context } from '../platform/platform.ts'
import { oneLine } from '../platform/platform.ts'
import type { OtaServer } from './ota-server.ts'
import { checkLease, holdTarget } from './target.ts'

export interface LeaseRequest {
  /** A device's id, or `lab:<device-type>` for any free lab device of that type. */
  device: string
  /** The longest time to wait for a free device, and how long the lease lasts from when it is taken. */
  timeoutMs: number
  /** Names who holds it, for those who wait. */
  holder: string
  /** A lease that the caller has: nothing is taken, only looked whether it still holds. */
  lease?: string | undefined
  /** Whether whoever holds a lease is gone for good; such a lease is returned in their place. */
  isGone?: ((holder: string) => Promise<boolean>) | undefined
}

export interface Leased {
  device: string
  lease: string
  /** When it ends by itself (ISO 8601, UTC). */
  expires: string
  /** True where it was taken now. */
  isNew: boolean
}

/**
 * Takes a lab device for a caller whose work goes on in later steps or jobs: the lease outlives this process until it is
 * returned or ends by itself. Throws `device-missing`, `device-not-accepted`, `no-device-matched` at once, `device-busy` or
 * `device-silent` when the time is over, and `device-busy` where the given lease has ended.
 */
export async function leaseDevice(
  server: OtaServer,
  { device, timeoutMs, holder, lease, isGone }: LeaseRequest,
  context: Context,
): Promise<Leased> {
  if (lease !== undefined) {
    const { until } = await checkLease(server, device, lease)
    return { device, lease, expires: until, isNew: false }
  }
  const endsAt = context.clock.now().getTime() + timeoutMs
  const wanted = { release: undefined, device, lease, holder, endsAt, leaseMs: timeoutMs, isGone }
  const target = await holdTarget(server, wanted, context)
  const { id, until } = target.lease
  context.log.info(`${oneLine(target.facts.id)} is leased to ${holder} until ${until}`)
  return { device: target.facts.id, lease: id, expires: until, isNew: true }
}
