// How a merged release goes out, stage by stage, and how far a bad one comes.
import * as v from 'valibot'
import { Failure } from '../src/platform/platform.ts'
import { devicesOf, management, reports } from './devices.ts'
import { type Fleet, type StageName, merge, planFile, planStage, stages } from './fleet.ts'
import type { GitHub } from './github.ts'
import { git } from './repositories.ts'
import type { Scene, Server } from './scene.ts'
import type { Schedule } from './ticks.ts'

/** What the steps of a rollout share. */
export interface Rollout {
  server: Server
  fleet: Fleet
  schedule: Schedule
  gitHub: GitHub
  release: string
}

/** Merges into all stages at once: canary goes, and production has to wait for it, and for its review. */
export async function scheduleCanary(scene: Scene, rollout: Rollout): Promise<void> {
  const { server, fleet, schedule, release } = rollout
  await scene.progress.step('Merge, and schedule canary', async (say) => {
    await merge(fleet, 'update-os', stages)
    await schedule.until('canary', ({ ordered }) => ordered > 0, reviewed(scene, 'canary'), say)
    const held = await schedule.tick('production', reviewed(scene, 'production'), say)
    if (held.state !== 'waiting')
      throw new Failure('internal', `production is ${held.state}, though canary has not finished`)
    const unreviewed = await schedule.tick('production', {}, say)
    if (unreviewed.state !== 'not-reviewed')
      throw new Failure('internal', `a tick of production without a review ended as ${unreviewed.state}`)
    await schedule.tick('development', {}, say)
    await schedule.until('canary', ({ state }) => state === 'done', reviewed(scene, 'canary'), say)
    const devices = await allReport(scene, server, devicesOf.canary, release)
    return { value: undefined, result: `${devices} itself reports it; production waited for that` }
  })
}

/** Production goes wave by wave. */
export async function scheduleProduction(scene: Scene, rollout: Rollout): Promise<void> {
  const { server, schedule, release } = rollout
  await scene.progress.step('Schedule production in waves', async (say) => {
    const isDone = ({ state }: { state: string }) => state === 'done'
    await schedule.until('production', isDone, reviewed(scene, 'production'), say)
    const devices = await allReport(scene, server, devicesOf.production, release)
    return { value: undefined, result: `${devices} report it, one after the other` }
  })
}

/** Canary gets the bad release and goes back, and production has to wait for ever. Throws with what halted the stage. */
export async function haltAtCanary(scene: Scene, rollout: Rollout): Promise<never> {
  const { fleet, schedule } = rollout
  return await scene.progress.step('Merge, and schedule canary', async (say) => {
    await merge(fleet, 'update-os', stages)
    await schedule.until('canary', ({ ordered }) => ordered > 0, reviewed(scene, 'canary'), say)
    await schedule.tick('production', reviewed(scene, 'production'), say)
    const isOver = ({ state }: { state: string }) => state === 'halted' || state === 'done'
    const { failure } = await schedule.until('canary', isOver, reviewed(scene, 'canary'), say)
    throw failure ?? new Failure('internal', 'the release that canary-01 can not run was accepted by it')
  })
}

/** What the halted stage offers: a pull request that forbids the content to every stage; merged here. */
export async function forbidRelease(scene: Scene, rollout: Rollout): Promise<void> {
  const { fleet, schedule } = rollout
  await scene.progress.step('Read and merge what is proposed', async (say) => {
    const [offered] = scene.told.pullRequests
    if (!offered) throw new Failure('internal', 'the halted stage proposed nothing')
    scene.progress.note(`pull request ${offered.number}, ${offered.head} → ${offered.base}: ${offered.title}`)
    for (const line of offered.change.split('\n')) scene.progress.note(`  ${line}`)
    await git(fleet.folder, ['fetch', '--quiet', 'origin', offered.head])
    await git(fleet.folder, ['branch', '--quiet', offered.head, 'FETCH_HEAD'])
    await merge(fleet, offered.head, ['development'])
    const { waits, ordered } = await schedule.tick('production', reviewed(scene, 'production'), say)
    if (ordered > 0) throw new Failure('internal', 'production was ordered to take what is known to be bad')
    return { value: undefined, result: `production: ${waits.join('; ')}` }
  })
}

/** What every device of the fleet runs, and that production was never ordered anything. */
export async function fleetIsUnharmed(scene: Scene, server: Server, base: string): Promise<void> {
  const fleet = [...devicesOf.canary, ...devicesOf.production]
  await scene.progress.step('Look at the fleet', async () => {
    const devices = await allReport(scene, server, fleet, base)
    const names = await orderNames(scene, server)
    const strays = names.filter((name) => name.startsWith('drover/production/'))
    if (strays.length > 0)
      throw new Failure('internal', `the server has orders for production: ${strays.join(', ')}`)
    return { value: undefined, result: `${devices} report ${base}; production never had an order` }
  })
}

/** Plans all stages as they stand, for the page; nothing is said of it. */
export async function planEnds(scene: Scene, { server, fleet }: Rollout): Promise<void> {
  for (const stage of stages) await planStage(scene, server, fleet, stage, () => {})
}

async function orderNames(scene: Scene, server: Server): Promise<string[]> {
  const reply = await management(server, scene.signal).json(
    { method: 'GET', path: '/api/management/v1/deployments/deployments?per_page=100' },
    v.array(v.object({ name: v.string() })),
  )
  return reply.map(({ name }) => name)
}

/** The plan that people saw, as a tick is handed it. */
const reviewed = (scene: Scene, stage: StageName) => ({ plan: planFile(scene, stage) })

/** Throws unless each of these devices itself reports the release; returns their names. */
async function allReport(
  scene: Scene,
  server: Server,
  devices: readonly string[],
  release: string,
): Promise<string> {
  const said = await reports(scene, server)
  const others = devices.filter((serial) => said.get(serial) !== release)
  if (others.length === 0) return devices.join(', ')
  const what = others.map((serial) => `${serial} reports ${said.get(serial) ?? 'nothing'}`).join(', ')
  throw new Failure('internal', `${what} instead of ${release}`)
}
