// Plays histories: each from a number, checked while it runs and after its faults stop; one that fails is cut down first.
import { Chance } from '../../support/chance.ts'
import type { Tick } from '../../../src/plan/plan.ts'
import { type Counts, type Move, apply, movesBy, turn } from './moves.ts'
import { isOpenState } from '../../../src/ota/ota.ts'
import { judgeMembers, knock, letAllIn } from './members.ts'
import { Broken, isOurs } from './oracle.ts'
import { runTick } from './ticks.ts'
import { World, minuteMs, plotBy } from './world.ts'

export const noCounts = (): Counts => ({
  ticks: 0,
  killed: 0,
  doubled: 0,
  superseded: 0,
  halted: 0,
  orders: 0,
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

const maxRounds = 150

/** The faults stop: the fleet comes to what Git says within so many ticks, and ticks after that write nothing. */
async function settle(world: World, counts: Counts): Promise<void> {
  world.asleep.clear()
  for (const device of world.devices) device.behaviour = 'success'
  world.switches = { ...world.switches, freeze: undefined, knownBad: new Set() }
  cleanUp(world)
  // a person who is told that a removal is over budget, and has none, gives it up
  if (world.stage.budget.retire === 0 && world.tip.retired.size > 0) world.merge({ retired: new Set() })
  let told = ''
  for (let round = 0; round < maxRounds; round++) {
    world.nowMs += 40 * minuteMs
    letAllIn(world)
    const wanted = world.devices.flatMap((one) => world.wanted(world.tip, one) ?? [])
    const missing = world.devices.flatMap((one) => {
      const release = world.wanted(world.tip, one)
      return release === undefined || release === one.release ? [] : [release]
    })
    for (const one of world.lab) {
      one.release = missing[round % Math.max(1, missing.length)] ?? wanted[0] ?? 'a'
      one.configuration = world.configurationOf(world.tip, one.id)?.fingerprint
      one.report()
    }
    for (let turns = 0; turns < 8; turns++) for (const device of world.devices) turn(world, device)
    const { tick, error } = await runTick(world, world.tip)
    counts.ticks += 1
    if (wanted.length === 0) return
    told = JSON.stringify(error instanceof Error ? error.message : { ...tick, plan: undefined })
    if (error !== undefined) continue
    if (tick?.state === 'done') return await judgeEnd(world)
    if (tick) retryAll(world, tick)
  }
  throw new Broken('does not converge', told)
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

async function judgeEnd(world: World): Promise<void> {
  judgeMembers(world)
  for (const device of world.devices) {
    const wanted = world.wanted(world.tip, device)
    if (wanted !== undefined && device.release !== wanted)
      throw new Broken('done without being there', `${device.id} runs ${device.release}, not ${wanted}`)
    const configuration = world.configurationOf(world.tip, device.id)?.fingerprint
    if (wanted !== undefined && configuration !== undefined && device.configuration !== configuration)
      throw new Broken('done without being configured', `${device.id} has ${device.configuration}`)
  }
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
