// The part of a tick that decides and writes, after Git was read.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import { type Facts, type OtaServer, gatherFacts, isInLab } from '../ota/ota.ts'
import { type Context, Failure, oneLine } from '../platform/platform.ts'
import { overBudget } from './budget.ts'
import { type Due, type RolloutState, whatIsDue } from './due.ts'
import type { FleetGit } from './fleet-git.ts'
import type { Tips } from './git.ts'
import { makePlan } from './make-plan.ts'
import type { Plan } from './model.ts'
import { heldByPlan, ordersFor } from './orders.ts'
import { progressOf } from './progress.ts'
import { type Review, requireReview } from './review.ts'
import { isOrderOf } from './rollout.ts'
import { rolloutsOf } from './rollouts.ts'
import { type FailedDevice, type Tick, type TickOrder, type Waiting, supersededTick } from './tick.ts'

export interface ScheduleOptions {
  review?: Review
  /** Says what would be done, and writes nothing. */
  isDryRun?: boolean
}

/** One tick of a stage whose Git has been read: decides with pure functions what is due, and does it. */
export class TickRun {
  readonly #fleet: Fleet
  readonly #stage: Stage
  readonly #server: OtaServer
  readonly #options: ScheduleOptions
  readonly #context: Context
  readonly #git: FleetGit

  constructor(
    fleet: Fleet,
    stage: Stage,
    server: OtaServer,
    options: ScheduleOptions,
    context: Context,
    git: FleetGit,
  ) {
    this.#fleet = fleet
    this.#stage = stage
    this.#server = server
    this.#options = options
    this.#context = context
    this.#git = git
  }

  async run(): Promise<Tick> {
    const { log } = this.#context
    let facts = await gatherFacts(this.#server, this.#context)
    let plan = this.#plan(facts)
    requireReleases(plan)
    const stale = this.#staleOrders(facts, plan)
    if (plan.counts.updates > 0 || stale.length > 0)
      await requireReview(plan, this.#stage, this.#git.head, this.#options.review ?? {})
    const over = overBudget(plan, this.#stage)
    if (over.length > 0)
      throw new Failure('over-budget', `${over.join('; ')}: raise the budget in a reviewed change`)
    const states = await this.#rollouts(plan, facts)
    let due = whatIsDue(this.#fleet, this.#stage, plan, states, facts, this.#now())
    if ((due.due.length > 0 || stale.length > 0) && (await this.#hasMoved()))
      return supersededTick(this.#stage.name, this.#git.head, this.#isDryRun)
    const withdrawn = due.haltedBy === undefined ? await this.#withdraw(stale) : []
    if (withdrawn.length > 0) {
      facts = await gatherFacts(this.#server, this.#context)
      plan = this.#plan(facts)
      due = whatIsDue(this.#fleet, this.#stage, plan, await this.#rollouts(plan, facts), facts, this.#now())
    }
    due = await this.#withoutLeased(due, facts)
    const orders = ordersFor(due.due)
    for (const order of orders) {
      log.info(
        `${this.#isDryRun ? 'would order' : 'ordering'} ${order.release} for ${order.devices.length === 1 ? '1 device' : `${order.devices.length} devices`}: ${order.name}`,
      )
      if (!this.#isDryRun) await this.#server.deploy(order)
    }
    return await this.#tick(plan, due, orders, withdrawn)
  }

  /** A run may have taken a lab device since the facts were read; lab devices are few, so each is looked at again. */
  async #withoutLeased(due: Due, facts: Facts): Promise<Due> {
    const inGit = this.#fleet.devices.filter(({ isLab }) => isLab)
    const lab = new Set([...facts.devices.filter(isInLab), ...inGit].map(({ id }) => id))
    const held = new Map<string, Waiting>()
    for (const { device } of due.due.filter(({ device }) => lab.has(device))) {
      const lease = await this.#server.leaseOf(device)
      if (!lease) continue
      const why = `is leased to ${oneLine(lease.holder)}: it gets nothing until that is over`
      held.set(device, { why, devices: 1, nextDue: new Date(lease.until) })
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

  #plan(facts: Facts): Plan {
    return makePlan(this.#fleet, this.#stage.name, facts, this.#now())
  }

  /** Our own open orders of this stage whose release no device that has not begun is to run any more. */
  #staleOrders(facts: Facts, plan: Plan): { id: string; name: string }[] {
    const wanted = new Map(plan.changes.map((change) => [change.device, change.to]))
    return facts.openDeployments.filter(({ name, release, devices }) => {
      if (!isOrderOf(this.#stage.name, name)) return false
      const waiting = [...devices].filter(([, state]) => state === 'pending')
      return waiting.length > 0 && waiting.every(([id]) => wanted.get(id) !== release)
    })
  }

  async #withdraw(stale: readonly { id: string; name: string }[]): Promise<string[]> {
    for (const { id, name } of stale) {
      this.#context.log.info(
        `${this.#isDryRun ? 'would withdraw' : 'withdrawing'} ${name} where no device has begun`,
      )
      if (!this.#isDryRun) await this.#server.withdraw(id)
    }
    return this.#isDryRun ? [] : stale.map(({ name }) => name)
  }

  /** Reads the tip again: what was merged while this tick was reading must not be overtaken by it. */
  async #hasMoved(): Promise<boolean> {
    return isBehind(this.#git, await this.#git.tips(), this.#stage)
  }

  async #rollouts(plan: Plan, facts: Facts): Promise<RolloutState[]> {
    return await rolloutsOf(plan, facts, this.#fleet, this.#stage, this.#git, this.#server)
  }

  async #tick(
    plan: Plan,
    due: Due,
    orders: readonly TickOrder[],
    withdrawn: readonly string[],
  ): Promise<Tick> {
    const pending = due.members.filter(({ outcome }) => outcome.kind === 'pending').length
    const placed = due.members.flatMap(({ state }) => state.placed.map(({ wave }) => wave))
    const waves = Math.max(1, ...plan.changes.map((change) => (change.kind === 'blocked' ? 1 : change.wave)))
    const waiting = [...due.waiting, ...heldByPlan(plan)]
    const isDone = orders.length === 0 && pending === 0 && waiting.length === 0
    return {
      stage: this.#stage.name,
      commit: this.#git.head,
      state:
        due.haltedBy !== undefined
          ? 'halted'
          : orders.length > 0 || pending > 0
            ? 'in-progress'
            : isDone
              ? 'done'
              : 'waiting',
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
      pending,
      wave: isDone ? waves : Math.max(0, ...placed, ...orders.map(({ wave }) => wave)),
      waves,
      haltedBy: due.haltedBy,
      failures: await this.#failures(due),
      waiting,
    }
  }

  async #failures(due: Due): Promise<FailedDevice[]> {
    const failed: FailedDevice[] = []
    for (const { device, change, outcome } of due.members) {
      if (outcome.kind !== 'failure') continue
      // the first few tell what goes wrong; the rest would only be requests
      const log =
        outcome.deployment !== undefined && failed.length < 5
          ? await this.#server.log(outcome.deployment, device)
          : undefined
      const lines = log?.trimEnd().split('\n').slice(-12).join('\n')
      failed.push({ device, host: change.host, why: outcome.why, log: lines })
    }
    return failed
  }
}

/** Where nothing is left to order but releases that nobody can have, Git asks for what doesn't exist. */
function requireReleases({ changes, counts, stage }: Plan): void {
  const missing = changes.filter((change) => change.kind === 'blocked' && change.by === 'release-missing')
  const [first] = missing
  if (first?.kind !== 'blocked' || counts.updates > 0 || counts.alreadyPending > 0) return
  const others = missing.length > 1 ? ` and ${missing.length - 1} more devices` : ''
  throw new Failure('release-missing', `${stage}: ${first.host}${others} can't be updated: ${first.why}`)
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
