// The part of a tick that lets devices in and removes them, one by one: what one device makes impossible holds up no other.
import type { Facts, OtaServer } from '../ota/ota.ts'
import { type Context, Failure, oneLine } from '../platform/platform.ts'
import { openOrders } from './held.ts'
import type { Change, Plan } from './model.ts'
import type { Waiting } from './tick.ts'

/** Ids of the devices at which it was done, and what held up the others. */
export interface MembersDone {
  done: readonly string[]
  waiting: readonly Waiting[]
}

/** With what a tick writes. */
export interface TickTurn {
  server: OtaServer
  context: Context
  isDryRun: boolean
  /** Asked before each write. */
  mayWrite: () => Promise<boolean>
}

/** Lets in whom the plan says, each once; stops where the branch has moved on. May be repeated. */
export async function admit({ changes }: Plan, turn: TickTurn): Promise<MembersDone> {
  const due = changes.filter(({ kind }) => kind === 'enroll')
  return await each(due, 'let in', turn, ({ device }) => turn.server.accept(device))
}

/**
 * Removes whom the plan says, but for those that have an open order, though not begun: it could not be taken back. In a dry
 * run nothing was, so there they count. As for the rest like `admit`.
 */
export async function remove(
  { changes }: Plan,
  { openDeployments }: Facts,
  turn: TickTurn,
): Promise<MembersDone> {
  const orders = openOrders(openDeployments)
  const due = changes.filter(
    ({ kind, device }) => kind === 'retire' && (turn.isDryRun || !orders.has(device)),
  )
  return await each(due, 'remove', turn, async ({ device }) => {
    // whoever has taken it since the facts were read works with it
    const lease = await turn.server.leaseOf(device)
    if (lease) throw new Failure('device-busy', `it is leased to ${oneLine(lease.holder)}`)
    await turn.server.retire(device)
  })
}

/** What is wrong with one device, or came about since the facts were read. */
const ofOneDevice: readonly string[] = [
  'device-missing',
  'device-not-accepted',
  'device-busy',
  'server-refused',
]

async function each(
  changes: readonly Change[],
  verb: string,
  { context, isDryRun, mayWrite }: TickTurn,
  write: (change: Change) => Promise<void>,
): Promise<MembersDone> {
  const done: string[] = []
  const waiting: Waiting[] = []
  for (const change of changes) {
    if (!(await mayWrite())) break
    context.log.info(`${isDryRun ? `would ${verb}` : verb}: ${oneLine(change.host)} (${change.device})`)
    try {
      if (!isDryRun) await write(change)
      done.push(change.device)
    } catch (error) {
      if (!(error instanceof Failure) || !ofOneDevice.includes(error.reason)) throw error
      const why = `could not ${verb} ${oneLine(change.host)}: ${error.message}`
      context.log.warn(why)
      waiting.push({ why, devices: 1, nextDue: undefined })
    }
  }
  return { done, waiting }
}
