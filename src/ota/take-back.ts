// What a dispatch has to undo where it does not come to its end, by itself or after it was killed.
import { type Context, oneLine } from '../platform/platform.ts'
import type { OtaServer } from './ota-server.ts'
import type { Target } from './target.ts'

/** What a dispatch leaves on the server where it is killed. */
export interface Undone {
  device: string
  /** Id and number of the lease under which it has the device. */
  lease: string
  number: number
  /** Whether the caller holds the lease: then it is not returned. */
  isLent: boolean
  /** Name of the order that there may be. */
  order: string | undefined
}

/** What there is to undo of a device that is held, with the name under which it was or will be ordered. */
export function undoneOf({ facts, lease, isLent }: Target, order?: string): Undone {
  return { device: facts.id, lease: lease.id, number: lease.number, isLent, order }
}

/**
 * Undoes what a dispatch left that was killed: withdraws its order where the device has not begun, and returns the lease
 * that it took. May be repeated, and does nothing where another has the device by now.
 */
export async function undoDispatch(server: OtaServer, undone: Undone, context: Context): Promise<void> {
  await takeBack(server, undone, context)
  if (!undone.isLent) await server.returnLease(undone.device, undone.lease)
}

/** Withdraws the order where the device has not begun and nobody else holds it by now; `ended` as for `withdraw`. */
export async function takeBack(
  server: OtaServer,
  { device, number, order }: Undone,
  context: Context,
  ended: readonly string[] = [],
): Promise<void> {
  const found = order === undefined ? undefined : await server.findDeployment(order)
  // an order of this name for others is none of ours
  if (!found || found.isFinished || found.devices.size !== 1 || !found.devices.has(device)) return
  const holder = await server.leaseOf(device)
  if (holder && holder.number !== number) {
    // whoever took the device after our lease had ended may have taken over this very order
    context.log.warn(`deployment ${found.id} is left: ${oneLine(holder.holder)} holds the device by now`)
    return
  }
  const begun = await server.withdraw(found.id, ended)
  context.log.info(
    begun.length === 0
      ? `deployment ${found.id} is withdrawn`
      : `${begun.join(', ')} has begun and is left to finish deployment ${found.id}: look at the server for its end`,
  )
}
