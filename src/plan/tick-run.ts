// The part of a tick that decides what is written and in which order, after Git was read.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import { type ConfigurationSigning, type Facts, type OtaServer, gatherFacts } from '../ota/ota.ts'
import { type Context, Failure, counted, oneLine } from '../platform/platform.ts'
import { overBudget } from './budget.ts'
import { changesIn } from './counts.ts'
import { type Due, whatIsDue } from './due.ts'
import type { Ground } from './emergency.ts'
import { failedDevices } from './failed-devices.ts'
import type { FleetGit } from './fleet-git.ts'
import type { Tips } from './git.ts'
import { makePlan } from './make-plan.ts'
import { type Plan, hasTurn } from './model.ts'
import { heldByPlan, ordersFor } from './orders.ts'
import { progressOf } from './progress.ts'
import { requireSigning } from './provide.ts'
import { type Review, requireReview } from './review.ts'
import { rolloutsOf } from './rollouts.ts'
import { requireReleases } from './required-releases.ts'
import { type TickTurn, admit, remove } from './tick-members.ts'
import { placeAll, withdrawAll, withoutLeased } from './tick-orders.ts'
import { type Tick, type Waiting, supersededTick } from './tick.ts'
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
    const withdrawn = await withdrawAll(look.withdrawals, this.#turn)
    // a halted stage orders nothing, and an emergency is the quick way back for those that have one
    if (look.due.haltedBy === undefined && !this.#stage.isInEmergency) requireReleases(look.plan)
    requireSigning(ordersFor(look.due.due), look.facts, this.#options.signing)
    const admitted = await admit(look.plan, this.#turn)
    // whom it let in counts from here on as it would for a run that begins now: both order the same
    const hasChanged = withdrawn.length + admitted.done.length > 0 && !this.#isDryRun
    if (hasChanged && !this.#isOvertaken) look = await this.#look()
    const removed = await remove(look.plan, look.facts, this.#turn)
    const due = await withoutLeased(look.due, this.#fleet, look.facts, this.#server)
    const orders = await placeAll(ordersFor(due.due), {
      ...this.#turn,
      fleet: this.#fleet,
      facts: look.facts,
      signing: this.#options.signing,
    })
    const written = { enrolled: admitted.done, retired: removed.done, orders, withdrawn }
    if (this.#isOvertaken)
      return { ...supersededTick(this.#stage.name, this.#git.head, this.#isDryRun), ...written }
    return await this.#tick({ ...look, due }, written, [...admitted.waiting, ...removed.waiting])
  }

  get #turn(): TickTurn {
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
