// The part of a tick that takes orders back and places them, each looked at again right before.
import type { Fleet } from '../fleet/fleet.ts'
import { type ConfigurationSigning, type Facts, type OtaServer, isInLab } from '../ota/ota.ts'
import { Failure, counted, oneLine } from '../platform/platform.ts'
import type { Due } from './due.ts'
import { whyLeased } from './held.ts'
import { isMissing, provideFor, requireSigning, signedOrders } from './provide.ts'
import type { TickTurn } from './tick-members.ts'
import type { TickOrder, Waiting } from './tick.ts'
import type { Withdrawal } from './withdrawals.ts'

/** With what orders are placed. */
export interface OrdersTurn extends TickTurn {
  fleet: Fleet
  facts: Facts
  /** Who signs configurations. */
  signing: ConfigurationSigning | undefined
}

/** Takes orders back where they have not begun; returns the names of those that were. May be repeated. */
export async function withdrawAll(withdrawals: readonly Withdrawal[], turn: TickTurn): Promise<string[]> {
  const { server, context, isDryRun, mayWrite } = turn
  const names: string[] = []
  for (const { id, name, devices } of withdrawals) {
    if (!(await mayWrite())) break
    context.log.info(
      `${isDryRun ? 'would withdraw' : 'withdrawing'} ${name} from ${counted(devices.length, 'device')} where it has not begun`,
    )
    if (isDryRun) continue
    const begun = (await server.withdraw(id, [], devices)).filter((device) => devices.includes(device))
    if (begun.length > 0)
      context.log.warn(`${begun.join(', ')} began ${name} before it was taken back, and will finish it`)
    names.push(name)
  }
  return names
}

/**
 * Places orders, and before each of a configuration its artifact; returns those that were placed, or would have been. Stops
 * where the branch has moved on or another run was first. May be repeated. Throws what `requireSigning`, `provideFor` and
 * `OtaServer.deploy` do.
 */
export async function placeAll(orders: readonly TickOrder[], turn: OrdersTurn): Promise<TickOrder[]> {
  const { context, isDryRun, mayWrite, fleet, facts, signing } = turn
  const signed = signedOrders(orders, fleet, signing)
  requireSigning(signed, facts, signing)
  const placed: TickOrder[] = []
  for (const order of signed) {
    if (!(await provide(order, turn)) || !(await mayWrite())) break
    const { name, release, devices } = order
    context.log.info(
      `${isDryRun ? 'would order' : 'ordering'} ${release} for ${counted(devices.length, 'device')}: ${name}`,
    )
    if (!isDryRun && !(await place(order, turn))) break
    placed.push(order)
  }
  return placed
}

/** What is due without the lab devices that a run has taken since the facts were read: they are few, so each is looked at. */
export async function withoutLeased(due: Due, fleet: Fleet, facts: Facts, server: OtaServer): Promise<Due> {
  const inGit = fleet.devices.filter(({ isLab }) => isLab)
  const lab = new Set([...facts.devices.filter(isInLab), ...inGit].map(({ id }) => id))
  const held = new Map<string, Waiting>()
  for (const { device } of due.due.filter(({ device }) => lab.has(device))) {
    const lease = await server.leaseOf(device)
    if (!lease) continue
    held.set(device, { why: whyLeased(lease), devices: 1, nextDue: new Date(lease.until) })
  }
  const free = due.due.filter(({ device }) => !held.has(device))
  return { ...due, due: free, waiting: [...due.waiting, ...held.values()] }
}

/** Puts the artifact of a configuration on the server before it is ordered. False where nothing more may be written. */
async function provide(order: TickOrder, turn: OrdersTurn): Promise<boolean> {
  if (!order.configuration) return true
  const { context, isDryRun, mayWrite, facts, signing } = turn
  const isNew = isMissing(order, facts)
  if (isNew && !(await mayWrite())) return false
  if (isNew) context.log.info(`${isDryRun ? 'would upload' : 'uploading'} ${order.release}`)
  if (isNew && isDryRun) return true
  await provideFor(order, turn, signing, context)
  return true
}

/** Places an order. False where a run beside this one was first with one of this name for other devices. */
async function place(order: TickOrder, turn: OrdersTurn): Promise<boolean> {
  try {
    await turn.server.deploy(order)
    return true
  } catch (error) {
    // only then, for it costs a request for each order
    if (!(error instanceof Failure) || !(await isTaken(order, turn))) throw error
    return false
  }
}

/** Whether an order of this name is there for other devices, or signed by another key: then the next tick goes on. */
async function isTaken(
  { name, release, devices }: TickOrder,
  { server, context }: OrdersTurn,
): Promise<boolean> {
  const found = await server.findDeployment(name)
  if (!found) return false
  const isFor = found.devices.size === devices.length && devices.every((id) => found.devices.has(id))
  if (isFor && found.release === release) return false
  const otherwise = isFor ? `with ${oneLine(found.release)}` : 'for other devices'
  context.log.warn(`another run has just ordered ${name} ${otherwise}: the next one goes on from there`)
  return true
}
