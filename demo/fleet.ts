// The fleet's part of the demonstration: a Git repository, a plan, a merge, and what the schedule makes of it.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readPlan } from '../src/plan/plan.ts'
import { Failure } from '../src/platform/platform.ts'
import { type Outputs, drover } from './drover.ts'
import { commit, git, repositoryFrom } from './repositories.ts'
import { type Images, type Server, type Stage, deviceId, deviceType, facts, need } from './steps.ts'

export interface Fleet {
  folder: string
}

/** A fleet repository from examples/fleet with its branches and a remote; every device is where it should be. */
export async function makeFleet(stage: Stage, server: Server, images: Images): Promise<Fleet> {
  return await stage.progress.step('Make a fleet repository', async (say) => {
    const [folder, remote] = [join(stage.run.path, 'fleet'), join(stage.run.path, 'fleet.git')]
    await repositoryFrom('fleet', folder, '2026-01-06T08:00:00Z')
    await git(stage.run.path, ['init', '--quiet', '--bare', '--initial-branch=main', remote])
    await git(folder, ['remote', 'add', 'origin', remote])
    await edit(join(folder, 'fleet.yml'), /url: .*/, `url: ${server.url} }`)
    for (const serial of ['lab-01', 'canary-01']) {
      const id = await deviceId(stage, server, serial, say)
      await edit(join(folder, 'host_vars', `${serial}.yml`), /device_id: .*/, `device_id: ${id}`)
    }
    await setImage(folder, need(images.base, 'version'))
    await commit(folder, 'Describe the fleet as it is', '2026-01-06T09:00:00Z')
    for (const branch of ['canary', 'production']) await git(folder, ['branch', branch])
    await git(folder, ['push', '--quiet', 'origin', '--all'])
    return {
      value: { folder },
      result: 'inventory, variables and fleet.yml in Git; branches main, canary, production',
    }
  })
}

/** Commits the new release on a branch and says what a merge into canary would do. */
export async function planRelease(
  stage: Stage,
  server: Server,
  fleet: Fleet,
  release: string,
): Promise<Outputs> {
  return await stage.progress.step('Plan the release for the fleet', async (say) => {
    await git(fleet.folder, ['checkout', '--quiet', '-b', 'update-os', 'canary'])
    await setImage(fleet.folder, release)
    await commit(fleet.folder, `Update the OS to ${release}`, '2026-01-12T11:00:00Z')
    const plan = await planStage(stage, server, fleet, say, 'plan.json')
    const { changes } = await readPlan(need(plan, 'plan'))
    const moves = changes.flatMap((change) =>
      change.kind === 'update' ? [`${change.host}: ${change.from ?? 'unknown'} → ${change.to}`] : [],
    )
    for (const move of moves) stage.progress.note(move)
    return { value: plan, result: `${plan['changes']} device would change, ${plan['blocked']} blocked` }
  })
}

/** Merges into canary and lets the schedule do what is due, until the canary device itself reports the release. */
export async function scheduleRelease(
  stage: Stage,
  server: Server,
  fleet: Fleet,
  plan: Outputs,
  release: string,
): Promise<Outputs> {
  return await stage.progress.step('Merge, schedule, and watch the fleet', async (say) => {
    for (const branch of ['main', 'canary']) {
      await git(fleet.folder, ['checkout', '--quiet', branch])
      await git(fleet.folder, [
        'merge',
        '--quiet',
        '--no-ff',
        '--message',
        `Merge the update into ${branch}`,
        'update-os',
      ])
    }
    await git(fleet.folder, ['push', '--quiet', 'origin', '--all'])
    const tick = await drover(stage.run, 'schedule-updates', {
      inputs: { fleet: fleet.folder, stage: 'canary', plan: need(plan, 'plan') },
      env: { DROVER_TOKEN: server.token },
      cwd: fleet.folder,
      say,
      signal: stage.signal,
    })
    say(`scheduled ${tick['scheduled']} device in wave ${tick['wave']} of ${tick['waves']}: ${tick['state']}`)
    await untilOn(stage, server, release, say)
    return { value: tick, result: 'canary-01 was updated; both devices report the release' }
  })
}

/** Plans again: nothing is left to do. */
export async function planAgain(stage: Stage, server: Server, fleet: Fleet): Promise<Outputs> {
  return await stage.progress.step('Plan again', async (say) => {
    const plan = await planStage(stage, server, fleet, say, 'plan-after.json')
    if (plan['changes'] !== '0')
      throw new Failure('internal', `the second plan still has ${plan['changes']} changes`)
    return { value: plan, result: 'no changes' }
  })
}

/** Proof for a broken image: what the canary device runs, and that the server has no order for it. */
export async function canaryIsUntouched(stage: Stage, server: Server, images: Images): Promise<string> {
  return await stage.progress.step('Look at the canary device', async (say) => {
    const base = need(images.base, 'version')
    const { devices } = await facts(stage, server, say)
    const release = devices.find(({ identity }) => identity['serial'] === 'canary-01')?.release
    if (release !== base)
      throw new Failure('internal', `canary-01 reports ${release ?? 'nothing'} instead of ${base}`)
    return { value: base, result: `canary-01 still runs ${base}` }
  })
}

async function planStage(
  stage: Stage,
  server: Server,
  fleet: Fleet,
  say: (line: string) => void,
  name: string,
): Promise<Outputs> {
  return await drover(stage.run, 'plan-updates', {
    inputs: { fleet: fleet.folder, stage: 'canary', output: join(stage.run.path, name) },
    env: { DROVER_TOKEN: server.token },
    cwd: fleet.folder,
    say,
    signal: stage.signal,
  })
}

async function untilOn(
  stage: Stage,
  server: Server,
  release: string,
  say: (line: string) => void,
): Promise<void> {
  const until = Date.now() + 180_000
  for (let isFirst = true; Date.now() < until; isFirst = false) {
    const { devices } = await facts(stage, server, isFirst ? say : () => {})
    if (devices.length > 0 && devices.every((device) => device.release === release)) return
    if (isFirst) say('waiting for canary-01 to report the release')
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Failure('update-timeout', 'the canary device did not report the release within 3 minutes')
}

/** Sets the release of the fleet's one device type. */
async function setImage(folder: string, release: string): Promise<void> {
  const file = join(folder, 'group_vars', 'all.yml')
  await edit(file, /device_type: .*/, `device_type: ${deviceType}`)
  await edit(file, /image_name: .*/, `image_name: ${release}`)
}

async function edit(file: string, pattern: RegExp, text: string): Promise<void> {
  const before = await readFile(file, 'utf8')
  if (!pattern.test(before)) throw new Failure('internal', `${file} has no line like ${pattern.source}`)
  await writeFile(file, before.replace(pattern, text))
}
