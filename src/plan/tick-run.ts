// The part of a tick that decides and writes, after Git was read.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import { type ConfigurationSigning, type Facts, type OtaServer, gatherFacts, isInLab } from '../ota/ota.ts'
import { type Context, Failure, counted, oneLine } from '../platform/platform.ts'
import { overBudget } from './budget.ts'
import { changesIn } from './counts.ts'
import { type Due, whatIsDue } from './due.ts'
import type { Ground } from './emergency.ts'
import { failedDevices } from './failed-devices.ts'
import type { FleetGit } from './fleet-git.ts'
import type { Tips } from './git.ts'
import { whyLeased } from './held.ts'
import { makePlan } from './make-plan.ts'
import { type Plan, hasTurn } from './model.ts'
import { heldByPlan, ordersFor } from './orders.ts'
import { progressOf } from './progress.ts'
import { isMissing, provideFor, requireSigning, signedOrders } from './provide.ts'
import { type Review, requireReview } from './review.ts'
import { rolloutsOf } from './rollouts.ts'
import { requireReleases } from './required-releases.ts'
import { type MembersTurn, admit, remove } from './tick-members.ts'
import { type Tick, type TickOrder, type Waiting, supersededTick } from './tick.ts'
import { windowEndOf } from './window-end.ts'
import { type Withdrawal, withdrawalsOf } from './withdrawals.ts'

export interface ScheduleOptions {
  review?: Review
  /** Says what would be done, and writes nothing. */
  isDryRun?: boolean
  /** Who signs configurations. */
  signing?: ConfigurationSigning
}

/** What a tick has written. */
type Written = Pick<Tick, 'orders' | 'withdrawn' | 'enrolled' | 'retired'>

interface Look {
  facts: Facts
  plan: Plan
  due: Due
  withdrawals: readonly Withdrawal[]
}

/** One tick of a stage whose Git has been read: decides with pure functions what is due, and does it. */
export class TickRun {
  readonly #fleet: Fleet
  readonly #stage: Stage
  readonly #server: OtaServer
  readonly #options: ScheduleOptions
  readonly #context: Context
  readonly #git: FleetGit
  /** Whether the branch has moved on since this tick began. */
  #isOvertaken = false

  constructor({ fleet, stage, git }: Ground, server: OtaServer, options: ScheduleOptions, context: Context) {
    this.#fleet = fleet
    this.#stage = stage
    this.#server = server
    this.#options = options
    this.#context = context
    this.#git = git
  }

  async run(): Promise<Tick> {
    let look = await this.#look()
    if (changesIn(look.plan.counts) > 0 || look.withdrawals.length > 0)
      await requireReview(look.plan, this.#stage, this.#git.head, this.#options.review ?? {})
    const over = overBudget(look.plan, this.#stage)
    if (over.length > 0)
      throw new Failure('over-budget', `${over.join('; ')}: raise the budget in a reviewed change`)
    // what has to be taken back is, whatever a key is missing for
    const withdrawn = await this.#withdraw(look.withdrawals)
    // a halted stage orders nothing, and an emergency is the quick way back for those that have one
    if (look.due.haltedBy === undefined && !this.#stage.isInEmergency) requireReleases(look.plan)
    requireSigning(ordersFor(look.due.due), look.facts, this.#options.signing)
    const admitted = await admit(look.plan, this.#membersTurn)
    // whom it let in counts from here on as it would for a run that begins now: both order the same
    const hasChanged = withdrawn.length + admitted.done.length > 0 && !this.#isDryRun
    if (hasChanged && !this.#isOvertaken) look = await this.#look()
    const removed = await remove(look.plan, look.facts, this.#membersTurn)
    const due = await this.#withoutLeased(look.due, look.facts)
    const signed = signedOrders(ordersFor(due.due), this.#fleet, this.#options.signing)
    const orders = await this.#order(signed, look.facts)
    const written = { enrolled: admitted.done, retired: removed.done, orders, withdrawn }
    if (this.#isOvertaken)
      return { ...supersededTick(this.#stage.name, this.#git.head, this.#isDryRun), ...written }
    return await this.#tick({ ...look, due }, written, [...admitted.waiting, ...removed.waiting])
  }

  get #membersTurn(): MembersTurn {
    return {
      server: this.#server,
      context: this.#context,
      isDryRun: this.#isDryRun,
      mayWrite: () => this.#mayWrite(),
    }
  }

  /** What is, and what follows from it. */
  async #look(): Promise<Look> {
    const facts = await gatherFacts(this.#server, this.#context)
    const plan = makePlan(this.#fleet, this.#stage.name, facts, this.#now())
    const now = this.#now()
    const states = await rolloutsOf(plan, facts, this.#fleet, this.#stage, this.#git, this.#server, now)
    const due = whatIsDue(this.#fleet, this.#stage, plan, states, facts, now)
    const halted = new Set(due.halted)
    const withdrawals = withdrawalsOf(this.#fleet, this.#stage, plan, facts, halted, this.#now())
    return { facts, plan, due, withdrawals }
  }

  /**
   * Whether this tick may write its next thing. The branch is looked at before each: what was merged meanwhile must not be
   * overtaken. Between this look and the write a moment remains; what is placed in it is taken back by the next tick.
   */
  async #mayWrite(): Promise<boolean> {
    this.#isOvertaken ||= isBehind(this.#git, await this.#git.tips(), this.#stage)
    return !this.#isOvertaken
  }

  /** Takes orders back; returns the names of those that were. */
  async #withdraw(withdrawals: readonly Withdrawal[]): Promise<string[]> {
    const names: string[] = []
    for (const { id, name, devices } of withdrawals) {
      if (!(await this.#mayWrite())) break
      this.#context.log.info(
        `${this.#isDryRun ? 'would withdraw' : 'withdrawing'} ${name} from ${counted(devices.length, 'device')} where it has not begun`,
      )
      if (this.#isDryRun) continue
      const begun = (await this.#server.withdraw(id, [], devices)).filter((device) =>
        devices.includes(device),
      )
      if (begun.length > 0)
        this.#context.log.warn(
          `${begun.join(', ')} began ${name} before it was taken back, and will finish it`,
        )
      names.push(name)
    }
    return names
  }

  /** Places orders; returns those that were placed, or would have been. */
  async #order(orders: readonly TickOrder[], facts: Facts): Promise<TickOrder[]> {
    requireSigning(orders, facts, this.#options.signing)
    const placed: TickOrder[] = []
    for (const order of orders) {
      if (!(await this.#provide(order, facts)) || !(await this.#mayWrite())) break
      const { name, release, devices } = order
      this.#context.log.info(
        `${this.#isDryRun ? 'would order' : 'ordering'} ${release} for ${counted(devices.length, 'device')}: ${name}`,
      )
      if (!this.#isDryRun && !(await this.#place(order))) break
      placed.push(order)
    }
    return placed
  }

  /** Puts the artifact of a configuration on the server before it is ordered. False where nothing more may be written. */
  async #provide(order: TickOrder, facts: Facts): Promise<boolean> {
    if (!order.configuration) return true
    const isNew = isMissing(order, facts)
    if (isNew && !(await this.#mayWrite())) return false
    if (isNew) this.#context.log.info(`${this.#isDryRun ? 'would upload' : 'uploading'} ${order.release}`)
    if (isNew && this.#isDryRun) return true
    const place = { fleet: this.#fleet, facts, server: this.#server }
    await provideFor(order, place, this.#options.signing, this.#context)
    return true
  }

  /** Places an order. False where a run beside this one was first with one of this name for other devices. */
  async #place(order: TickOrder): Promise<boolean> {
    try {
      await this.#server.deploy(order)
      return true
    } catch (error) {
      // only then, for it costs a request for each order
      if (!(error instanceof Failure) || !(await this.#isTaken(order))) throw error
      return false
    }
  }

  /** Whether an order of this name is there for other devices, or signed by another key: then the next tick goes on. */
  async #isTaken({ name, release, devices }: TickOrder): Promise<boolean> {
    const found = await this.#server.findDeployment(name)
    if (!found) return false
    const isFor = found.devices.size === devices.length && devices.every((id) => found.devices.has(id))
    if (isFor && found.release === release) return false
    const otherwise = isFor ? `with ${oneLine(found.release)}` : 'for other devices'
    this.#context.log.warn(
      `another run has just ordered ${name} ${otherwise}: the next one goes on from there`,
    )
    return true
  }

  /** A run may have taken a lab device since the facts were read; lab devices are few, so each is looked at again. */
  async #withoutLeased(due: Due, facts: Facts): Promise<Due> {
    const inGit = this.#fleet.devices.filter(({ isLab }) => isLab)
    const lab = new Set([...facts.devices.filter(isInLab), ...inGit].map(({ id }) => id))
    const held = new Map<string, Waiting>()
    for (const { device } of due.due.filter(({ device }) => lab.has(device))) {
      const lease = await this.#server.leaseOf(device)
      if (!lease) continue
      held.set(device, { why: whyLeased(lease), devices: 1, nextDue: new Date(lease.until) })
    }
    const free = due.due.filter(({ device }) => !held.has(device))
    return { ...due, due: free, waiting: [...due.waiting, ...held.values()] }
  }

  get #isDryRun(): boolean {
    return this.#options.isDryRun ?? false
  }

  #now(): Date {
    return this.#context.clock.now()
  }

  async #tick(
    { plan, facts, due }: Look,
    { orders, withdrawn, enrolled, retired }: Written,
    held: readonly Waiting[],
  ): Promise<Tick> {
    const pending = due.members.filter(({ outcome }) => outcome.kind === 'pending').length
    const placed = due.members.flatMap(({ state }) => state.placed.map(({ wave }) => wave))
    const waves = Math.max(1, ...plan.changes.map((change) => (hasTurn(change) ? change.wave : 1)))
    const waiting = [...due.waiting, ...held, ...heldByPlan(plan)]
    for (const { why, devices } of waiting)
      this.#context.log.info(`waits: ${counted(devices, 'device')}: ${oneLine(why)}`)
    const isAtWork = orders.length + pending + enrolled.length + retired.length > 0
    const isDone = !isAtWork && waiting.length === 0
    return {
      stage: this.#stage.name,
      commit: this.#git.head,
      state: due.haltedBy !== undefined ? 'halted' : isAtWork ? 'in-progress' : isDone ? 'done' : 'waiting',
      isDryRun: this.#isDryRun,
      plan,
      counts: plan.counts,
      progress: progressOf(
        plan,
        due.members,
        new Set(this.#isDryRun ? [] : orders.flatMap(({ devices }) => devices)),
      ),
      orders,
      withdrawn,
      enrolled,
      retired,
      pending,
      wave: isDone ? waves : Math.max(0, ...placed, ...orders.map(({ wave }) => wave)),
      waves,
      haltedBy: due.haltedBy,
      windowEnd: windowEndOf(this.#fleet, this.#stage, facts, this.#isDryRun ? [] : orders, this.#now()),
      failures: await failedDevices(due, facts, this.#fleet, this.#server),
      waiting,
    }
  }
}

/** Whether the stage's branch has moved on from what is checked out. Throws `not-a-stage` where there is no such branch. */
export function isBehind({ head }: FleetGit, { byBranch }: Tips, stage: Stage): boolean {
  const tip = byBranch.get(stage.branch)
  if (tip === undefined)
    throw new Failure(
      'not-a-stage',
      `the branch ${stage.branch} of stage ${stage.name} does not exist: push it`,
    )
  return tip !== head
}
