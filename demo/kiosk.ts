// What a device is configured with, changed by a commit of the fleet repository.
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, runOk } from '../src/platform/platform.ts'
import { readPlan } from '../src/plan/plan.ts'
import { facts } from './devices.ts'
import { merge, planAt } from './fleet.ts'
import { writeSshConfig } from './reach.ts'
import { commit, example, git } from './repositories.ts'
import type { Rollout } from './rollout.ts'
import type { Scene } from './scene.ts'

/** Where the kiosk of examples/os looks for its page, and who shows it here. */
const [file, host] = ['/data/kiosk/url', 'lab-01']
/** The page that somebody gave the device when it was set up. */
export const firstPage = 'https://welcome.example.com/'

/**
 * Commits what the example says of kiosks, which brings a page to every device of a stage that it is merged into: here to the
 * lab's. Shows the file on the device before and after, and what the device reports.
 */
export async function changeKiosk(scene: Scene, rollout: Rollout): Promise<void> {
  const { server, fleet, schedule } = rollout
  await scene.progress.step("Change a kiosk's page by a commit", async (say) => {
    const before = await pageOn(scene)
    await git(fleet.folder, ['checkout', '--quiet', '-b', 'kiosks', 'main'])
    const name = join('group_vars', 'kiosks.yml')
    await copyFile(join(example, 'fleet', name), join(fleet.folder, name))
    await commit(fleet.folder, 'Show each site its own page', '2026-01-13T09:00:00Z')
    const output = join(scene.run.path, 'plan-kiosk.json')
    await planAt(scene, server, fleet.folder, 'development', output, say)
    const wanted = (await readPlan(output)).changes.find((change) => change.host === host)
    if (wanted?.kind !== 'configure')
      throw new Failure(
        'internal',
        `the plan has no configuration for ${host}, but ${wanted?.kind ?? 'nothing'}`,
      )
    await merge(fleet, 'kiosks', ['development'])
    await schedule.until('development', ({ state }) => state === 'done', {}, say)
    const after = await pageOn(scene)
    const { devices } = await facts(scene, server, () => {})
    const reported = devices.find(({ identity }) => identity['serial'] === host)?.attributes['configuration']
    if (before === after || reported !== wanted.to)
      throw new Failure(
        'internal',
        `${file} of ${host} is ${after}; it reports ${reported}, not ${wanted.to}`,
      )
    scene.progress.note(`${host}: ${file}: ${before} → ${after}`)
    scene.progress.note(`${host} reports the configuration ${reported}, as planned`)
    return { value: undefined, result: `${host} shows ${after} now, and reports it` }
  })
}

async function pageOn({ run }: Scene): Promise<string> {
  const config = await writeSshConfig(run)
  return (
    await runOk('ssh', ['-F', config, host, 'cat', file], { what: `reading ${file} of ${host}` })
  ).trim()
}
