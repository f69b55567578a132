import { type Context, Failure, oneLine } from '../platform/platform.ts'
import type { DeviceFacts, Lease, OtaServer } from './ota-server.ts'

/** A lease that ends sooner than this is prolonged; the longest time between two looks is a fraction of it. */
const aboutToEndMs = 90_000
/** By so much: a killed run holds the device no longer than that. */
const prolongedMs = 5 * 60_000

/**
 * Looks after the lease under which somebody waits, given what the server has just said of the device: prolongs it where it
 * is about to end, and takes it anew where it has ended and nobody has had the device since. Returns the lease that holds
 * now, whose number may be another. Throws `device-busy` where somebody else holds the device, or has held it meanwhile.
 */
export async function keepLease(
  server: OtaServer,
  { id: device, lease: seen }: DeviceFacts,
  lease: Lease,
  context: Context,
): Promise<Lease> {
  if (seen && seen.number !== lease.number) throw lost(device, lease, seen)
  const now = context.clock.now().getTime()
  if (seen && Date.parse(seen.until) - now > aboutToEndMs) return lease
  const until = new Date(now + prolongedMs).toISOString()
  const taken = await server.takeLease(device, { id: lease.id, holder: lease.holder, until })
  if (taken.id !== lease.id) throw lost(device, lease, taken)
  if (taken.number > lease.number + 1) {
    await server.returnLease(device, taken.id)
    const message = `the lease of device ${device} ended at ${lease.until}, and others have held it since: what became of it they know`
    throw new Failure('device-busy', message)
  }
  context.log.info(`the lease of ${oneLine(device)} is prolonged until ${taken.until}`)
  return taken
}

function lost(device: string, lease: Lease, { holder, until }: Omit<Lease, 'id'>): Failure {
  return new Failure(
    'device-busy',
    `${oneLine(holder)} holds device ${device} now, until ${until}: the lease of this run ended at ${lease.until}. What it waited for is left to them`,
  )
}
