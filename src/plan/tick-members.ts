// The part of a tick that lets devices in and removes them, one by one: what one device makes impossible holds up no other.
import type { Facts, OtaServer } from '../ota/ota.ts'
import { type Context, Failure, oneLine } from '../platform/platform.ts'
import { openOrders } from './held.ts'
import type { Change, Plan } from './model.ts'
import type { Waiting } from './tick.ts'

/** Who is to be let in now, and who is to be removed: nobody who has an open order, though he has not begun it. */
export interface MembersDue {
  enroll: readonly Change[]
  retire: readonly Change[]
}

/** What became of them. */
export interface MembersDone {
  enrolled: readonly string[]
  retired: readonly string[]
  waiting: readonly Waiting[]
}

/** Who is due by plan and facts. In a dry run nothing was taken back, so open orders of ours hold nobody. */
export function membersDue({ changes }: Plan, { openDeployments }: Facts, isDryRun: boolean): MembersDue {
  const orders = openOrders(openDeployments)
  return {
    enroll: changes.filter(({ kind }) => kind === 'enroll'),
    retire: changes.filter(({ kind, device }) => kind === 'retire' && (isDryRun || !orders.has(device))),
  }
}

export interface MembersTurn {
  server: OtaServer
  context: Context
  isDryRun: boolean
  /** Asked before each write. */
  mayWrite: () => Promise<boolean>
}

/** Lets in and removes, each device once; stops where the branch has moved on. May be repeated. */
export async function admitAndRemove(due: MembersDue, turn: MembersTurn): Promise<MembersDone> {
  const waiting: Waiting[] = []
  const enrolled = await each(due.enroll, 'let in', waiting, turn, ({ device }) => turn.server.accept(device))
  const retired = await each(due.retire, 'remove', waiting, turn, async ({ device }) => {
    // whoever has taken it since the facts were read works with it
    const lease = await turn.server.leaseOf(device)
    if (lease) throw new Failure('device-busy', `it is leased to ${oneLine(lease.holder)}`)
    await turn.server.retire(device)
  })
  return { enrolled, retired, waiting }
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
  waiting: Waiting[],
  { context, isDryRun, mayWrite }: MembersTurn,
  write: (change: Change) => Promise<void>,
): Promise<string[]> {
  const done: string[] = []
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
  return done
}
