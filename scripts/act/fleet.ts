// The workflows of a fleet repository: a pull request is planned, its merge goes out stage by stage, then nothing is left.
import { readdir, rm } from 'node:fs/promises'
import type { Check } from '../act-workflows.ts'
import { expect, expectGreen, outputOf, stepOf } from './expect.ts'
import {
  type FleetRepository,
  checkOut,
  checkOutMerge,
  addCaller,
  commitOf,
  makeFleetRepository,
  merge,
} from './fleet-repository.ts'
import { type GitHub, pullRequest, startGitHub } from './github.ts'
import { reported, until } from './lab.ts'
import { type Place, type WorkflowResult, keptArtifact, runAct } from './run-act.ts'
import { type Lab, labOf } from './shared-lab.ts'

const planFile = '.github/workflows/plan.yml'
const scheduleFile = '.github/workflows/schedule.yml'
const callerFile = '.github/workflows/update.yml'

export const fleetChecks: readonly Check[] = [
  {
    title: 'a fleet repository: a pull request is planned, and its merge updates the devices stage by stage',
    run: async (place) => {
      const lab = await labOf(place)
      const fleet = await makeFleetRepository(place, lab, { as: 'fleet', from: lab.base, to: lab.next })
      const github = await startGitHub(await commitOf(fleet, 'update-os'))
      try {
        await planIsCommented(place, lab, fleet, github, { file: planFile, to: lab.next })
        await merge(fleet, 'main')
        github.mergeCommit = await merge(fleet, 'canary')
        await mergeGoesOut(place, lab, fleet, github)
        await nothingIsLeft(place, lab, fleet, github)
        if (github.unknown.length > 0) throw new Error(`GitHub was asked for ${github.unknown.join(', ')}`)
      } finally {
        github.close()
      }
    },
  },
  {
    title:
      'a fleet repository: the workflow that can be called plans, and orders nothing that nobody reviewed',
    run: async (place) => {
      const lab = await labOf(place)
      const now = (await reported(place, lab.server)).find(({ id }) => id === lab.devices.get('canary-01'))
      const from = now?.release ?? ''
      const to = from === lab.base ? lab.next : lab.base
      const fleet = await makeFleetRepository(place, lab, { as: 'fleet-called', from, to })
      await addCaller(fleet)
      const github = await startGitHub(await commitOf(fleet, 'update-os'))
      try {
        await planIsCommented(place, lab, fleet, github, { file: callerFile, to })
        await merge(fleet, 'canary') // no pull request made this commit: github.mergeCommit stays unset
        await notReviewed(place, lab, fleet, github)
      } finally {
        github.close()
      }
    },
  },
]

/** The plan says what would change and is a comment on the pull request; the devices get nothing. */
async function planIsCommented(
  place: Place,
  lab: Lab,
  fleet: FleetRepository,
  github: GitHub,
  { file, to }: { file: string; to: string },
): Promise<void> {
  const before = (await releases(place, lab)).join()
  const { number, base, head, token } = pullRequest
  const result = await runAct(place, {
    repository: await checkOutMerge(place, fleet, base),
    file,
    event: 'pull_request',
    payload: {
      number,
      pull_request: {
        number,
        base: { ref: base, sha: await commitOf(fleet, base) },
        head: { ref: head, sha: github.headCommit },
      },
    },
    secrets: { OTA_READ_TOKEN: lab.server.token },
    github: { url: github.url, token },
    name: `${fleet.name}-plan`,
  })
  expectGreen(result)
  const plan = stepOf(result, 'plan-updates')?.id ?? ''
  expect(outputOf(result, plan, 'changes') === '1', 'one device that would change', result)
  expect(outputOf(result, plan, 'blocked') === '0', 'no device that is blocked', result)
  expect(github.checks.length === 1, 'one check run on its newest commit', result)
  const [comment, ...more] = github.comments
  expect(comment !== undefined && more.length === 0, 'one comment on the pull request', result)
  expect((comment?.body ?? '').includes(to), 'the release in the comment', result)
  const files = await readdir(keptArtifact(place, 'plan'))
  expect(files.sort().join() === 'plan.html,plan.json,plan.md', `the whole plan, not ${files.join()}`, result)
  await rm(keptArtifact(place, 'plan'), { recursive: true })
  expect((await releases(place, lab)).join() === before, 'untouched devices', result)
}

/** A commit that came to the branch without a pull request is refused, and nothing is ordered. */
async function notReviewed(place: Place, lab: Lab, fleet: FleetRepository, github: GitHub): Promise<void> {
  const before = (await releases(place, lab)).join()
  const result = await runAct(place, {
    repository: await checkOut(place, fleet, 'canary', 'push'),
    file: callerFile,
    event: 'push',
    payload: { ref: 'refs/heads/canary' },
    secrets: { OTA_TOKEN: lab.server.token },
    github: { url: github.url, token: pullRequest.token },
    name: `${fleet.name}-push`,
  })
  const step = stepOf(result, 'schedule-updates')
  expect(!result.isGreen && step?.result === 'failure', 'a red schedule', result)
  expect(outputOf(result, step?.id ?? '', 'failure-reason') === 'not-reviewed', 'not-reviewed', result)
  expect((await releases(place, lab)).join() === before, 'untouched devices', result)
}

/** Tick by tick, canary after development, until both devices themselves report the release; the shops get nothing. */
async function mergeGoesOut(place: Place, lab: Lab, fleet: FleetRepository, github: GitHub): Promise<void> {
  const repository = await checkOut(place, fleet, 'canary', 'push')
  const first = await tick(place, lab, repository, github, 'push')
  const waiting = outputOf(first, stepOf(first, 'canary stage')?.id ?? '', 'state')
  expect(waiting === 'waiting', 'canary to wait for development', first)
  let scheduled = total(first)
  for (let i = 1; i <= 6 && scheduled < 2; i++) {
    const main = await checkOut(place, fleet, 'main', `tick-${i}`)
    scheduled += total(await tick(place, lab, main, github, 'schedule', i))
  }
  expect(scheduled === 2, `two devices that were ordered to update, not ${scheduled}`, first)
  const wanted = ['lab-01', 'canary-01'].map((serial) => lab.devices.get(serial))
  await until(place, 120, async () => {
    const moved = (await reported(place, lab.server)).filter(({ release }) => release === lab.next)
    expect(moved.length <= wanted.length, 'nothing for a stage that was not merged into', first)
    return wanted.every((id) => moved.some((device) => device.id === id)) ? true : undefined
  })
}

/** The next tick finds nothing to do. */
async function nothingIsLeft(place: Place, lab: Lab, fleet: FleetRepository, github: GitHub): Promise<void> {
  const result = await tick(place, lab, await checkOut(place, fleet, 'main', 'last'), github, 'schedule', 9)
  expect(total(result) === 0, 'nothing to order', result)
  const shown = github.deployments.find(({ environment }) => environment === 'canary')
  expect(shown?.states.at(-1) === 'success', 'a deployment of canary that succeeded', result)
  const status = github.statuses.findLast(({ context }) => context === 'drover/canary')
  expect(status?.state === 'success', `a status of canary's commit: ${status?.description}`, result)
}

async function tick(
  place: Place,
  lab: Lab,
  repository: string,
  github: GitHub,
  event: 'push' | 'schedule',
  number = 0,
): Promise<WorkflowResult> {
  const result = await runAct(place, {
    repository,
    file: scheduleFile,
    event,
    payload: event === 'push' ? { ref: 'refs/heads/canary' } : {},
    secrets: { OTA_TOKEN: lab.server.token },
    github: { url: github.url, token: pullRequest.token },
    name: `fleet-${event}-${number}`,
  })
  expectGreen(result)
  return result
}

/** Devices that the stages ordered together in one tick. */
function total(result: WorkflowResult): number {
  const steps = result.steps.filter(({ title, stage }) => stage === 'Main' && title.includes('stage'))
  return steps.reduce((sum, { id }) => sum + Number(result.outputs[id]?.['scheduled'] ?? 0), 0)
}

async function releases(place: Place, lab: Lab): Promise<(string | undefined)[]> {
  return (await reported(place, lab.server)).map(({ release }) => release)
}
