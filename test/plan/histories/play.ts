// Plays histories: each from a number, checked while it runs and after its faults stop; one that fails is cut down first.
import { Chance } from '../../support/chance.ts'
import type { Switches } from '../../../src/fleet/fleet.ts'
import type { Tick } from '../../../src/plan/plan.ts'
import { type Counts, type Move, apply, movesBy, turn } from './moves.ts'
import { isOpenState } from '../../../src/ota/ota.ts'
import { judgeMembers, knock, letAllIn } from './members.ts'
import { Broken, emergencyIn, isOurs, namesFor } from './oracle.ts'
import { runTick } from './ticks.ts'
import { World, minuteMs, plotBy } from './world.ts'

export const noCounts = (): Counts => ({
  ticks: 0,
  killed: 0,
  doubled: 0,
  superseded: 0,
  halted: 0,
  emergencies: 0,
  unreviewed: 0,
  orders: 0,
  enrolled: 0,
  retired: 0,
  writes: 0,
})

/** Plays the history of a number; returns what is wrong, with the shortest history that shows it. */
export async function play(seed: number, counts: Counts): Promise<string | undefined> {
  const moves = movesBy(new Chance(seed + 7), 10 + (seed % 6) * 8)
  const wrong = await brokenBy(seed, moves, counts)
  if (!wrong) return undefined
  const short = await shrink(seed, moves, wrong.property)
  const told = (await brokenBy(seed, short, noCounts()))?.message ?? wrong.message
  return `history ${seed}: ${told}\n${short.map((move) => JSON.stringify(move)).join('\n')}`
}

async function brokenBy(seed: number, moves: readonly Move[], counts: Counts): Promise<Broken | undefined> {
  const world = new World(plotBy(seed))
  try {
    for (const move of moves) await apply(world, move, counts)
    await settle(world, counts)
  } catch (error) {
    if (error instanceof Broken) return error
    throw error
  }
  return undefined
}

/** Leaves out what it can, in ever smaller pieces, as long as the same property breaks. */
async function shrink(seed: number, moves: readonly Move[], property: string): Promise<readonly Move[]> {
  let short = moves
  for (let size = Math.ceil(moves.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < short.length;) {
      const without = [...short.slice(0, at), ...short.slice(at + size)]
      if ((await brokenBy(seed, without, noCounts()))?.property === property) short = without
      else at += size
    }
  }
  return short
}

/**
 * The faults stop: in an emergency the fleet comes to its release soon, without any review, window, soak or earlier stage. When
 * that is over it comes to what Git says, and ticks after that write nothing.
 */
async function settle(world: World, counts: Counts): Promise<void> {
  world.asleep.clear()
  for (const device of world.devices) device.behaviour = 'success'
  for (const stored of world.server.devices.values()) delete stored.lease
  world.switches = { ...world.switches, freeze: undefined, knownBad: new Set() }
  cleanUp(world)
  const emergency = emergencyIn(world)
  if (emergency) {
    const until = new Date(world.nowMs + 7 * 24 * 60 * minuteMs)
    world.switches = { ...world.switches, emergency: { ...emergency, until } }
    await converge(world, counts, { rounds: 6, pauseMs: 10 * minuteMs })
  }
  world.switches = { ...world.switches, emergency: undefined }
  // a person who is told that a removal is over budget, and has none, gives it up
  if (world.stage.budget.retire === 0 && world.tip.retired.size > 0) world.merge({ retired: new Set() })
  world.reviews.clear()
  if (await converge(world, counts, { rounds: 150, pauseMs: 40 * minuteMs })) await judgeEnd(world)
}

/** Goes on until a tick is done; returns whether there was anything to do. */
async function converge(
  world: World,
  counts: Counts,
  { rounds, pauseMs }: { rounds: number; pauseMs: number },
): Promise<boolean> {
  const emergency = emergencyIn(world)
  let told = ''
  for (let round = 0; round < rounds; round++) {
    world.nowMs += pauseMs
    letAllIn(world, emergency === undefined)
    const pairs = world.devices.map(
      (one) => [one.release, namesFor(world, world.tip, one, emergency).release] as const,
    )
    const wanted = pairs.flatMap(([, release]) => release ?? [])
    if (!emergency) prove(world, pairs, round)
    for (let turns = 0; turns < 8; turns++) for (const device of world.devices) turn(world, device)
    const { tick, error } = await runTick(world, world.tip)
    counts.ticks += 1
    if (wanted.length === 0) return false
    told = JSON.stringify(error instanceof Error ? error.message : { ...tick, plan: undefined })
    if (error !== undefined) continue
    if (tick?.state === 'done') {
      judgeThere(world, emergency)
      return true
    }
    if (tick) retryAll(world, tick)
  }
  throw new Broken(emergency ? 'an emergency does not get through' : 'does not converge', told)
}

/** Devices of the earlier stage have each release that is still missing, one after the other. */
function prove(world: World, pairs: readonly (readonly [string, string | undefined])[], round: number): void {
  const missing = pairs.flatMap(([has, wanted]) => (wanted === undefined || wanted === has ? [] : [wanted]))
  const [first = 'a'] = pairs.flatMap(([, wanted]) => wanted ?? [])
  for (const one of world.lab) {
    one.release = missing[round % Math.max(1, missing.length)] ?? first
    one.configuration = world.configurationOf(world.tip, one.id)?.fingerprint
    one.report()
  }
}

/** Others' orders are taken back, and those that the server would never offer: older than one that has ended. */
function cleanUp({ server, devices }: World): void {
  for (const { id, name } of server.deployments) if (!isOurs({ name })) server.abort(id)
  for (const { id } of devices) {
    const own = server.deployments.filter(({ targets }) => targets.has(id))
    const isOpen = own.map(({ targets }) => isOpenState(targets.get(id)?.state ?? 'success'))
    if (isOpen.indexOf(true) >= 0 && isOpen.indexOf(true) < isOpen.lastIndexOf(false)) server.abortAllOf(id)
  }
}

/** What a person does who is told that a rollout needs it. */
function retryAll(world: World, { failures, waiting }: Tick): void {
  const retry = new Map(world.switches.retry)
  for (const { retry: next } of failures) if (next) retry.set(next.rollout, next.attempt)
  for (const { why } of waiting) {
    const [, rollout = '', attempt] = /set retry: \{ (\S+): (\d+) \}/.exec(why) ?? []
    if (attempt !== undefined) retry.set(rollout, Number(attempt))
  }
  world.switches = { ...world.switches, retry }
}

function judgeThere(world: World, emergency: Switches['emergency']): void {
  for (const device of world.devices) {
    const wanted = namesFor(world, world.tip, device, emergency).release
    if (wanted !== undefined && device.release !== wanted)
      throw new Broken('done without being there', `${device.id} runs ${device.release}, not ${wanted}`)
    // in an emergency nobody is configured
    const configuration = emergency ? undefined : world.configurationOf(world.tip, device.id)?.fingerprint
    if (wanted !== undefined && configuration !== undefined && device.configuration !== configuration)
      throw new Broken('done without being configured', `${device.id} has ${device.configuration}`)
  }
}

async function judgeEnd(world: World): Promise<void> {
  judgeMembers(world)
  for (const laterMs of [0, 40 * minuteMs, 24 * 60 * minuteMs]) {
    world.nowMs += laterMs
    for (const device of world.devices) {
      knock(world, device)
      turn(world, device)
    }
    const { writes, error } = await runTick(world, world.tip)
    if (writes > 0 || error !== undefined) throw new Broken('writes after it is done', JSON.stringify(error))
  }
}
