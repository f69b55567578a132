// What can happen to a world, as plain data: a history is a list of these, and any part of the list is a history too.
import { Failure } from '../../../src/platform/platform.ts'
import type { Chance } from '../../support/chance.ts'
import type { MemoryDevice, StepBehaviour } from '../../support/memory-device.ts'
import { decideMember, knock } from './members.ts'
import { Broken, isOurs, judgeRest } from './oracle.ts'
import { Killed, type RunTick, runTick } from './ticks.ts'
import { type World, minuteMs, releases, settings } from './world.ts'

const kinds = {
  time: 8,
  step: 16,
  everyone: 12,
  report: 10,
  sleep: 5,
  wake: 5,
  behaviour: 10,
  merge: 10,
  setting: 5,
  ownSetting: 5,
  template: 3,
  unrelated: 2,
  override: 4,
  membership: 4,
  lab: 8,
  member: 8,
  freeze: 2,
  bad: 2,
  emergency: 5,
  review: 5,
  retry: 4,
  lease: 3,
  byHand: 3,
  abort: 3,
  tick: 24,
  round: 30,
  killed: 10,
  twin: 6,
  meanwhile: 10,
  late: 3,
} as const
type Kind = keyof typeof kinds

export interface Move {
  kind: Kind
  /** Which device, release, call, … : each move makes of it what it needs. */
  a: number
  b: number
  inner?: readonly Move[]
}

export interface Counts {
  ticks: number
  killed: number
  doubled: number
  superseded: number
  halted: number
  /** Ticks that went by an emergency, and those that were refused for want of a review. */
  emergencies: number
  unreviewed: number
  orders: number
  enrolled: number
  retired: number
  writes: number
}

const bag = Object.entries(kinds).flatMap(([kind, weight]) =>
  Array.from({ length: weight }, () => kind as Kind),
)
const inner: readonly Kind[] = [
  'time',
  'step',
  'everyone',
  'report',
  'merge',
  'override',
  'unrelated',
  'abort',
  'byHand',
  'lab',
  'setting',
  'ownSetting',
  'emergency',
  'review',
]

/** A history of `length` moves by chance. */
export function movesBy(chance: Chance, length: number): Move[] {
  return Array.from({ length }, () => {
    const kind = bag[chance.below(bag.length)] ?? 'tick'
    const move = { kind, a: chance.below(1 << 20), b: chance.below(1 << 20) }
    if (kind !== 'meanwhile') return move
    return {
      ...move,
      inner: Array.from({ length: 1 + chance.below(3) }, () => ({
        kind: inner[chance.below(inner.length)] ?? 'step',
        a: chance.below(1 << 20),
        b: chance.below(1 << 20),
      })),
    }
  })
}

const behaviours: readonly StepBehaviour[] = [
  'success',
  'success',
  'success',
  'fails',
  'lies',
  'succeeds silently',
  'goes back',
  'hangs',
  'never asks',
]

/** Carries a move out. Throws `Broken` where a property doesn't hold. */
export async function apply(world: World, move: Move, counts: Counts): Promise<void> {
  const { kind, a, b } = move
  switch (kind) {
    case 'tick':
      return await whole(world, counts)
    case 'round':
      round(world, b)
      return await whole(world, counts)
    case 'late':
      return judgeTick(await runTick(world, world.branch[a % world.branch.length] ?? world.tip), counts)
    case 'killed':
      return await killed(world, a, counts)
    case 'twin':
      return await twin(world, a, b, counts)
    case 'meanwhile': {
      const run = runTick(world, world.tip, async (call) => {
        if (call !== 1 + (a % 16)) return
        for (const one of move.inner ?? []) happen(world, one)
      })
      return judgeTick(await run, counts)
    }
    default:
      happen(world, move)
  }
}

function happen(world: World, { kind, a, b }: Move): void {
  const device = pick(world.devices, a)
  const release = pick(releases, b)
  switch (kind) {
    case 'time':
      world.nowMs += (a % 3 === 0 ? 7 * 60 : a % 3 === 1 ? 70 : 6) * minuteMs
      break
    case 'step':
      for (let steps = 0; steps <= b % 5; steps++) if (!world.asleep.has(device.id)) device.step()
      if (b % 2 === 0) report(world, device)
      break
    case 'everyone':
      for (const one of world.devices) for (let steps = 0; steps < 1 + (b % 6); steps++) turn(world, one)
      break
    case 'report':
      if (b % 4 === 0)
        device.report({ release: pick(releases, b >> 2) ?? 'a', reportedAt: world.now().toISOString() })
      else if (b % 4 === 1)
        device.report({ reportedAt: new Date(world.nowMs + ((b % 24) - 12) * 3_600_000).toISOString() })
      else report(world, device)
      break
    case 'sleep':
      world.asleep.add(device.id)
      break
    case 'wake':
      world.asleep.delete(device.id)
      break
    case 'behaviour':
      device.behaviour = pick(behaviours, b)
      break
    default:
      decide(world, { kind, a, b }, device, release)
  }
}

/** What people do. */
function decide(world: World, { kind, a, b }: Move, device: MemoryDevice, release: string): void {
  const { tip } = world
  switch (kind) {
    case 'merge':
      world.merge({
        images: a % 4 === 0 ? { ...tip.images, virtual: release } : { board: release, virtual: release },
      })
      break
    case 'unrelated':
      world.merge({})
      break
    case 'setting':
      world.merge({ setting: pick(settings, b) })
      break
    case 'ownSetting': {
      const { [device.id]: before, ...others } = tip.settings
      world.merge({ settings: before === undefined ? { ...others, [device.id]: pick(settings, b) } : others })
      break
    }
    case 'template':
      if (tip.template !== undefined) world.merge({ template: b % 2 === 0 ? 't' : 'u' })
      break
    case 'override': {
      const { [device.id]: before, ...others } = tip.overrides
      world.merge({ overrides: before === undefined ? { ...others, [device.id]: release } : others })
      break
    }
    case 'membership': {
      const [key, before] =
        a % 2 === 0 ? (['absent', tip.absent] as const) : (['retired', tip.retired] as const)
      const changed = new Set(before)
      if (!changed.delete(device.id)) changed.add(device.id)
      world.merge({ [key]: changed })
      if (b % 2 === 0) for (const one of world.devices) knock(world, one)
      break
    }
    case 'lab':
      for (const one of world.lab) {
        one.release = release
        if (a % 2 === 0) one.configuration = world.configurationOf(tip, one.id)?.fingerprint
        one.report()
      }
      break
    case 'freeze':
      world.switches = {
        ...world.switches,
        freeze: world.switches.freeze ? undefined : { reason: 'fair', until: undefined },
      }
      break
    case 'bad':
      world.switches = {
        ...world.switches,
        knownBad: new Set(world.switches.knownBad.size > 0 ? [] : [release]),
      }
      break
    case 'emergency': {
      // it is set for hours, so that it is also over by itself
      const until = new Date(world.nowMs + (1 + (b % 9)) * 60 * minuteMs)
      const stage = a % 8 === 0 ? 'development' : 'canary'
      const emergency =
        world.switches.emergency && a % 3 > 0 ? undefined : { stage, release, reason: 'fire', until }
      world.switches = { ...world.switches, emergency }
      break
    }
    case 'review':
      if (b % 3 === 0) world.reviews.delete(tip.commit.id)
      else world.reviews.set(tip.commit.id, b % 3 === 1 ? 'none' : 'other')
      break
    case 'retry':
      raise(world, pick(world.server.deployments.filter(isOurs), a)?.name)
      break
    default:
      operate(world, { kind, a, b }, device, release)
  }
}

/** What people do on the server. */
function operate(world: World, { kind, a }: Move, device: MemoryDevice, release: string): void {
  const { server } = world
  const stored = server.devices.get(device.id)
  switch (kind) {
    case 'lease':
      if (stored)
        stored.lease = {
          id: 'x',
          holder: 'a run',
          number: 1,
          until: new Date(world.nowMs + (a % 2) * 2 * 3_600_000).toISOString(),
        }
      break
    case 'member':
      decideMember(world, device, a >> 3)
      break
    case 'byHand':
      server.create(`by hand ${server.deployments.length}`, release, [device.id])
      break
    case 'abort':
      server.abort(pick(server.deployments, a)?.id ?? '')
      break
    default:
  }
}

/** Raises the attempt of the rollout of an order. */
export function raise(world: World, name = ''): void {
  const [, id, attempt] = /^drover\/(.+)\/(\d+)\/w/.exec(name) ?? []
  if (id === undefined) return
  const before = Math.max(Number(attempt), world.switches.retry.get(id) ?? 1)
  world.switches = { ...world.switches, retry: new Map(world.switches.retry).set(id, before + 1) }
}

/** Time passes, and what runs on its way goes on; the lab has what the stage is to get. */
function round(world: World, b: number): void {
  world.nowMs += (b % 2 === 0 ? 70 : 130) * minuteMs
  for (const one of world.lab) {
    one.release = world.wanted(world.tip, one) ?? one.release
    one.configuration = world.configurationOf(world.tip, one.id)?.fingerprint
    one.report()
  }
  for (let turns = 0; turns < 2 + (b % 5); turns++) for (const one of world.devices) turn(world, one)
}

/** A device that is awake reports and takes a step. */
export function turn(world: World, device: MemoryDevice): void {
  if (world.asleep.has(device.id)) return
  device.step()
  device.report()
}

function report(world: World, device: MemoryDevice): void {
  if (!world.asleep.has(device.id)) device.report()
}

async function whole(world: World, counts: Counts): Promise<void> {
  const run = await runTick(world, world.tip)
  judgeTick(run, counts)
  if (run.tick) judgeRest(world, run.emergency)
}

async function killed(world: World, a: number, counts: Counts): Promise<void> {
  const at = 1 + (a % 24)
  const run = await runTick(world, world.tip, async (call) => {
    if (call >= at) throw new Killed(`at call ${at}`)
  })
  counts.killed += run.error instanceof Killed ? 1 : 0
  judgeTick(run, counts)
}

/** A second tick begins at one call of the first, stands still at one of its own, and goes on at the first one's end. */
async function twin(world: World, a: number, b: number, counts: Counts): Promise<void> {
  let second: Promise<RunTick> | undefined
  let goOn: () => void = () => {}
  const first = await runTick(world, world.tip, async (call) => {
    if (call !== 1 + (a % 16)) return
    const isHeld = new Promise<void>((resolve) => (goOn = resolve))
    let stopped: () => void = () => {}
    const isStopped = new Promise<void>((resolve) => (stopped = resolve))
    second = runTick(world, world.tip, async (own) => {
      if (own !== 1 + (b % 16)) return
      stopped()
      await isHeld
    })
    await Promise.race([isStopped, second])
  })
  goOn()
  counts.doubled += second ? 1 : 0
  judgeTick(first, counts)
  if (second) judgeTick(await second, counts)
}

const foreseen: readonly string[] = [
  'no-device-matched',
  'release-missing',
  'over-budget',
  'not-reviewed',
  'plan-changed',
]

function judgeTick({ tick, error, writes, emergency }: RunTick, counts: Counts): void {
  counts.ticks += 1
  counts.writes += writes
  counts.orders += tick?.orders.length ?? 0
  counts.enrolled += tick?.enrolled.length ?? 0
  counts.retired += tick?.retired.length ?? 0
  if (tick?.state === 'halted') counts.halted += 1
  if (emergency) counts.emergencies += 1
  if (error instanceof Failure && ['not-reviewed', 'plan-changed'].includes(error.reason))
    counts.unreviewed += 1
  if (tick?.state === 'superseded') counts.superseded += 1
  if (error === undefined || error instanceof Killed) return
  if (error instanceof Failure && foreseen.includes(error.reason)) return
  throw new Broken(
    'a tick fails',
    error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error),
  )
}

function pick<T>(items: readonly T[], at: number): T {
  const found = items[at % Math.max(1, items.length)]
  return found as T
}
