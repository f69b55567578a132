// Ticks of a world: whole ones, late ones, ones that are killed, and ones during which the world moves on.
import type { OtaServer } from '../../../src/ota/ota.ts'
import { type FleetGit, type Tick, schedule } from '../../../src/plan/plan.ts'
import { plainContext } from '../../../src/platform/platform.ts'
import { type Request, memoryAdapter } from '../../support/memory-adapter.ts'
import { judgeAdmission, judgeRemoval } from './members.ts'
import { Broken, type Seen, emergencyIn, judgeOrder, judgeWithdrawal, openOrdersOf } from './oracle.ts'
import type { Said, World } from './world.ts'

/** What a killed process leaves: the call never returns to whoever made it. */
export class Killed extends Error {}

/** Called before each thing that a tick asks of the server or of Git, from 1; may throw `Killed`. */
export type Meanwhile = (call: number) => Promise<void>

export interface RunTick {
  tick: Tick | undefined
  /** The emergency that it went by. */
  emergency: Seen['emergency']
  error: unknown
  writes: number
  calls: number
}

const writes: readonly string[] = ['deploy', 'abort', 'accept', 'retire']

/** Runs a tick on what was checked out at `said`. */
export async function runTick(
  world: World,
  said: Said,
  meanwhile: Meanwhile = async () => {},
): Promise<RunTick> {
  const fleet = world.fleet(said)
  const seen: Seen = {
    said,
    startedMs: world.nowMs,
    isTip: false,
    switches: world.switches,
    emergency: undefined,
    review: undefined,
    facts: new Map(),
    factsMs: 0,
    withdrawing: undefined,
    open: new Map(),
    read: new Map(),
    failed: new Set(),
  }
  const run: RunTick = { tick: undefined, emergency: undefined, error: undefined, writes: 0, calls: 0 }
  const before = async () => {
    run.calls += 1
    await meanwhile(run.calls)
  }
  const asked = async (request: Request) => {
    await before()
    look(world, seen, request)
    if (writes.includes(request.what)) {
      run.writes += 1
      seen.isTip = false
      seen.withdrawing = request.what === 'abort' ? request.deployment : undefined
    }
  }
  const server: OtaServer = memoryAdapter(world.server, () => world.now(), asked)
  const git: FleetGit = {
    head: said.commit.id,
    tips: async () => {
      await before()
      seen.isTip = world.tip === said
      return world.tips()
    },
    requireCommitted: async () => {},
    switchesAt: async () => {
      await before()
      seen.switches = world.switches
      seen.emergency = run.emergency = emergencyIn(world)
      return world.switches
    },
    textCommits: async (files) => {
      await before()
      return new Map(files.map((file) => [file, world.templateCommit(said)]))
    },
    introducingCommits: async (wanted) => {
      await before()
      return new Map(
        wanted.map(({ device, deviceType }) => [device.id, world.introduced(said, device.id, deviceType)]),
      )
    },
  }
  try {
    const digestFor = async (commit: string) => {
      await before()
      seen.review = world.reviews.get(commit) ?? 'same'
      return world.reviewed(said)
    }
    const context = plainContext({ clock: world.clock })
    run.tick = await schedule(fleet, 'canary', server, { review: { digestFor } }, context, git)
  } catch (error) {
    if (error instanceof Broken) throw error
    run.error = error
  }
  return run
}

/** Notes what a tick reads, and judges what it writes. */
function look(world: World, seen: Seen, request: Request): void {
  switch (request.what) {
    case 'devices':
      seen.facts = new Map([...world.server.devices].map(([id, { facts }]) => [id, facts]))
      seen.factsMs = world.nowMs
      break
    case 'open':
      if (seen.failed.size === 0) seen.failed = failuresOf(world)
      seen.open = new Map(
        [...world.server.devices.keys()].flatMap((id) => {
          return openOrdersOf(world.server, id).map(({ name }): [string, string] => [id, name])
        }),
      )
      break
    case 'deployment': {
      const found = world.server.deployments.find(({ id }) => id === request.deployment)
      const states = new Map([...(found?.targets ?? [])].map(([id, { state }]) => [id, state]))
      seen.read = new Map(seen.read).set(request.deployment, states)
      break
    }
    case 'deploy':
      judgeOrder(world, seen, request.order)
      break
    case 'accept':
      judgeAdmission(world, seen, request.device)
      break
    case 'retire':
      judgeRemoval(world, seen, request.device)
      break
    case 'abort':
      judgeWithdrawal(world, seen, request.deployment, request.device)
      break
    default:
  }
}

const failuresOf = ({ server }: World) =>
  new Set(
    server.deployments.flatMap(({ name, targets }) =>
      [...targets].flatMap(([id, { state }]) => (state === 'failure' ? [`${name} ${id}`] : [])),
    ),
  )
