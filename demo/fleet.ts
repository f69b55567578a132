// The fleet's repository: what it says at first, what a change of it would do, and what a merge makes of it.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readPlan } from '../src/plan/plan.ts'
import { Failure } from '../src/platform/platform.ts'
import { serials } from './devices.ts'
import { type Outputs, drover } from './drover.ts'
import { commit, git, replace, repositoryFrom } from './repositories.ts'
import { type Images, type Scene, type Server, need } from './scene.ts'

/** The stages of examples/fleet in their order, and the branch of each. */
export const branchOf = { development: 'main', canary: 'canary', production: 'production' } as const
export type StageName = keyof typeof branchOf
const branches = Object.values(branchOf)

export interface Fleet {
  /** Where people change it and push from. */
  folder: string
  /** Where a branch is checked out for the schedule, as the example's workflow does it. */
  stageFolder: (stage: StageName) => string
  remote: string
}

/** A fleet repository from examples/fleet with its branches and a remote; every device is where it should be. */
export async function makeFleet(
  scene: Scene,
  server: Server,
  images: Images,
  ids: ReadonlyMap<string, string>,
): Promise<Fleet> {
  return await scene.progress.step('Make a fleet repository', async () => {
    const at = (name: string) => join(scene.run.path, name)
    const fleet: Fleet = {
      folder: at('fleet'),
      remote: at('fleet.git'),
      stageFolder: (stage) => at(`fleet-${stage}`),
    }
    const { folder, remote } = fleet
    await repositoryFrom('fleet', folder, '2026-01-06T08:00:00Z')
    await git(scene.run.path, ['init', '--quiet', '--bare', '--initial-branch=main', remote])
    await git(folder, ['remote', 'add', 'origin', remote])
    for (const serial of serials)
      await replace(
        join(folder, 'host_vars', `${serial}.yml`),
        /device_id: .*/,
        `device_id: ${ids.get(serial)}`,
      )
    await describePolicy(join(folder, 'fleet.yml'), server)
    await rm(join(folder, 'group_vars', 'kiosks.yml')) // kiosks come later, by a commit of their own
    await setImage(scene, folder, need(images.base, 'version'))
    await commit(folder, 'Describe the fleet as it is', '2026-01-06T09:00:00Z')
    for (const branch of branches.slice(1)) await git(folder, ['branch', branch])
    await git(folder, ['push', '--quiet', 'origin', '--all'])
    for (const [stage, branch] of Object.entries(branchOf))
      await git(folder, ['worktree', 'add', '--quiet', '--detach', at(`fleet-${stage}`), branch])
    return {
      value: fleet,
      result: `${serials.length} devices; stages ${Object.keys(branchOf).join(', ')}`,
    }
  })
}

/** The server is this one, and nobody waits a day or for a night: the waves and all other rules are the example's. */
async function describePolicy(file: string, server: Server): Promise<void> {
  await replace(file, /url: .*/, `url: ${server.url} }`)
  await replace(file, /soak: 24h/g, 'soak: 0s')
  await replace(file, / +window: .*\n/, '')
}

/** Sets the release of the fleet's one device type. */
async function setImage({ target }: Scene, folder: string, release: string): Promise<void> {
  const file = join(folder, 'group_vars', 'all.yml')
  await replace(file, /device_type: .*/, `device_type: ${target.deviceType}`)
  await replace(file, /image_name: .*/, `image_name: ${release}`)
}

/** The stages whose merges need a review: those that come after another one. */
export const reviewedStages = ['canary', 'production'] as const

/** Commits the new release on a branch and says what its merge into each stage would do. */
export async function planRelease(
  scene: Scene,
  server: Server,
  fleet: Fleet,
  release: string,
): Promise<void> {
  return await scene.progress.step('Plan the release for the fleet', async (say) => {
    await git(fleet.folder, ['checkout', '--quiet', '-b', 'update-os'])
    await setImage(scene, fleet.folder, release)
    await commit(fleet.folder, `Update the OS to ${release}`, '2026-01-12T11:00:00Z')
    const counts: string[] = []
    const outputs = await together(reviewedStages, (stage) =>
      planAt(scene, server, fleet.folder, stage, planFile(scene, stage), say),
    )
    for (const [stage, { changes, blocked }] of outputs) {
      for (const change of (await readPlan(planFile(scene, stage))).changes)
        if (change.kind === 'update')
          scene.progress.note(`${stage}, wave ${change.wave}: ${change.host}: ${change.from} → ${change.to}`)
      const more = blocked === '0' ? '' : `, ${blocked} blocked`
      counts.push(`${stage}: ${changes} to change${more}`)
    }
    return { value: undefined, result: counts.join('; ') }
  })
}

/** Plans every stage again at what is checked out for it; throws where anything is left to do. */
export async function planAgain(scene: Scene, server: Server, fleet: Fleet): Promise<void> {
  await scene.progress.step('Plan again', async (say) => {
    const planned = await together(stages, (stage) => planStage(scene, server, fleet, stage, say))
    for (const [stage, outputs] of planned) {
      if (outputs['changes'] !== '0' || outputs['blocked'] !== '0')
        throw new Failure('internal', `the second plan of ${stage} still has changes`)
    }
    return { value: undefined, result: `no changes in ${stages.join(', ')}` }
  })
}

export const stages: readonly StageName[] = ['development', 'canary', 'production']

/** Plans a stage at what is checked out for it, for the summary page. */
export async function planStage(
  scene: Scene,
  server: Server,
  fleet: Fleet,
  stage: StageName,
  say: (line: string) => void,
): Promise<Outputs> {
  return await planAt(scene, server, fleet.stageFolder(stage), stage, endFile(scene, stage), say)
}

/** The file of the plan of a stage that was reviewed, and of the one that was made at the end. */
export const planFile = ({ run }: Pick<Scene, 'run'>, stage: StageName) =>
  join(run.path, `plan-${stage}.json`)
export const endFile = ({ run }: Pick<Scene, 'run'>, stage: StageName) => join(run.path, `end-${stage}.json`)

/** Plans a stage at what is in a folder. */
export async function planAt(
  scene: Scene,
  server: Server,
  folder: string,
  stage: StageName,
  output: string,
  say: (line: string) => void,
): Promise<Outputs> {
  return await drover(scene.run, 'plan-updates', {
    inputs: { fleet: folder, stage, output },
    env: { DROVER_TOKEN: server.token },
    cwd: folder,
    say,
    signal: scene.signal,
  })
}

async function together<S, T>(stages: readonly S[], work: (stage: S) => Promise<T>): Promise<[S, T][]> {
  return await Promise.all(stages.map(async (stage): Promise<[S, T]> => [stage, await work(stage)]))
}

/** Merges a branch into those of some stages, pushes, and checks them out for the schedule. */
export async function merge(fleet: Fleet, from: string, into: readonly StageName[]): Promise<void> {
  const { folder, stageFolder } = fleet
  for (const stage of into) {
    const branch = branchOf[stage]
    await git(folder, ['checkout', '--quiet', branch])
    await git(folder, ['merge', '--quiet', '--no-ff', `--message=Merge ${from} into ${branch}`, from])
  }
  await git(folder, ['push', '--quiet', 'origin', '--all'])
  for (const stage of into)
    await git(stageFolder(stage), ['checkout', '--quiet', '--detach', branchOf[stage]])
}
