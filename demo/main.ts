// The demonstration: build, package, update, test, plan, schedule, on this machine and on real parts.
//   --keep           leaves the server and the devices running     --stop   ends what --keep left
//   --break          the same with an image whose health check fails on every device
//   --break-canary   the same with an image that passes in the lab and fails on the canary device
//   --arch ARCH      image and devices of another architecture than this machine's, under emulation
//   --machines       every device is a machine in QEMU, with a kernel of its own
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  Failure,
  endingSignal,
  messageOf,
  untilRepeatsAreOver,
  writeAtomically,
} from '../src/platform/platform.ts'
import { setUpKiosk, startDevices } from './devices.ts'
import { DemoFailure } from './drover.ts'
import { makeFleet, planAgain, planRelease } from './fleet.ts'
import { startGitHub } from './github.ts'
import { changeKiosk, firstPage } from './kiosk.ts'
import { type Verdict, writePage } from './page.ts'
import { Progress, table } from './progress.ts'
import { howToReach } from './reach.ts'
import * as rollouts from './rollout.ts'
import {
  type RunFolder,
  endProcesses,
  forgetLargeFiles,
  freshRunFolder,
  runningDemonstration,
} from './run-folder.ts'
import { type Images, type Keys, type Scene, type Server, type Story, type Told, need } from './scene.ts'
import * as steps from './steps.ts'
import { type Target, targetOf } from './target.ts'
import { say } from './terminal.ts'
import { Schedule } from './ticks.ts'

const { values: options } = parseArgs({
  options: {
    keep: { type: 'boolean' },
    break: { type: 'boolean' },
    'break-canary': { type: 'boolean' },
    stop: { type: 'boolean' },
    arch: { type: 'string' },
    machines: { type: 'boolean' },
  },
})
const signal = endingSignal(say)
const story: Story = options.break ? 'break' : options['break-canary'] ? 'break-canary' : 'good'
const stories: Record<Story, { play: (scene: Scene) => Promise<void>; steps: number; record: string }> = {
  good: { play: mainJob, steps: 12, record: 'last-run' },
  break: { play: breaking, steps: 6, record: 'last-break' },
  'break-canary': { play: breakingCanary, steps: 11, record: 'last-break-canary' },
}
process.exitCode = options.stop ? await stop() : await demonstrate()
await untilRepeatsAreOver()

async function stop(): Promise<number> {
  const owner = runningDemonstration()
  if (owner === undefined) say(`ended ${await endProcesses()} processes`)
  else say(`a demonstration is running and will end what it started: to end it now, kill ${owner}`)
  return owner === undefined ? 0 : 1
}

async function demonstrate(): Promise<number> {
  let run: RunFolder
  let target: Target
  try {
    target = targetOf(options)
    run = await freshRunFolder(say)
  } catch (error) {
    say(messageOf(error))
    return 1
  }
  if (target.about) say(`${target.about.devices} ${target.about.estimate}`)
  const progress = new Progress(stories[story].steps)
  const told: Told = { ticks: [], pullRequests: [] }
  let verdict: Verdict = { isGood: true, text: 'Every step ended as it should.' }
  try {
    await stories[story].play({ run, told, progress, signal, story, target })
  } catch (error) {
    const reason = error instanceof Failure ? error.reason : 'internal'
    const log = error instanceof DemoFailure ? error.outputs['log'] : undefined
    verdict = { isGood: false, text: `${reason}: ${messageOf(error)}`, reason, log }
    if (!(error instanceof Failure)) say(error instanceof Error ? (error.stack ?? '') : '')
  }
  return await close({ run, progress, told, target }, verdict)
}

async function mainJob(scene: Scene): Promise<void> {
  await setUpKiosk(scene, 'lab-01', firstPage)
  const rollout = await untilPlanned(scene)
  try {
    await rollouts.scheduleCanary(scene, rollout)
    await rollouts.scheduleProduction(scene, rollout)
    await changeKiosk(scene, rollout)
    await planAgain(scene, rollout.server, rollout.fleet)
  } finally {
    rollout.gitHub.close()
  }
}

/** The same up to the lab device, which refuses the image; then nothing may have happened to the fleet. */
async function breaking(scene: Scene): Promise<void> {
  const { server, images, artifact, keys } = await untilStarted(scene)
  try {
    await steps.updateLab(scene, server, artifact, keys)
  } catch (error) {
    if (!(error instanceof Failure) || error.reason === 'cancelled') throw error
    await rollouts.fleetIsUnharmed(scene, server, need(images.base, 'version'))
    throw withMoral(error, 'No device of the fleet was touched: this is what --break is meant to show.')
  }
  throw new Failure(
    'internal',
    'the broken image was accepted by the device: its health check did not catch it',
  )
}

/** The same up to the canary device, which alone has a page that the image doesn't take; production may get nothing. */
async function breakingCanary(scene: Scene): Promise<void> {
  await setUpKiosk(scene, 'canary-01', 'http://canary-01.example.com/')
  const rollout = await untilPlanned(scene)
  try {
    await rollouts.haltAtCanary(scene, rollout)
  } catch (error) {
    if (!(error instanceof DemoFailure) || error.reason !== 'halted') throw error
    await rollouts.planEnds(scene, rollout)
    await rollouts.forbidRelease(scene, rollout)
    await rollouts.fleetIsUnharmed(scene, rollout.server, rollout.base)
    throw withMoral(error, 'Production never got it: this is what --break-canary is meant to show.')
  } finally {
    rollout.gitHub.close()
  }
}

function withMoral(error: Failure, moral: string): DemoFailure {
  const outputs = error instanceof DemoFailure ? error.outputs : {}
  return new DemoFailure(error.reason, `${error.message.replace(/\.?$/, '.')} ${moral}`, outputs)
}

interface Started {
  server: Server
  images: Images
  artifact: Record<string, string>
  keys: Keys
  lab: Awaited<ReturnType<typeof startDevices>>
}

/** From a commit of the OS to an artifact, and devices that wait for it. */
async function untilStarted(scene: Scene): Promise<Started> {
  const server = await steps.serve(scene)
  const images = await steps.buildImages(scene)
  const { artifact, keys } = await steps.packageImage(scene, images)
  const lab = await startDevices(scene, server, images, keys)
  return { server, images, artifact, keys, lab }
}

/** From a commit of the OS to a release that passed in the lab, and a reviewed plan for the fleet. */
async function untilPlanned(scene: Scene): Promise<rollouts.Rollout & { base: string }> {
  const { server, images, artifact, keys, lab } = await untilStarted(scene)
  const { release, ids } = await steps.updateLab(scene, server, artifact, keys)
  await steps.testDevice(scene, images, lab, keys, artifact)
  const fleet = await makeFleet(scene, server, images, ids)
  await planRelease(scene, server, fleet, release)
  const gitHub = await startGitHub(fleet.remote, scene.told.pullRequests)
  const schedule = new Schedule(scene, { server, fleet, gitHub, keys })
  return { server, fleet, schedule, gitHub, release, base: need(images.base, 'version') }
}

type Played = Pick<Scene, 'run' | 'progress' | 'told' | 'target'>

async function close({ run, progress, told, target }: Played, verdict: Verdict): Promise<number> {
  if (options.keep !== true || signal.aborted) await endProcesses(run.path)
  const page = await writePage(run, progress.steps, verdict, { ...told, target })
  const record = { isGood: verdict.isGood, isBreaking: story !== 'good', steps: progress.steps }
  const name = `${stories[story].record}${target.suffix}.json`
  await writeAtomically(join(run.path, '..', name), JSON.stringify(record, null, 2))
  say(`\n${table(progress.steps)}`)
  say(`${verdict.isGood ? '✔' : '✖'} ${verdict.text}`)
  if (verdict.reason) say(`failure-reason: ${verdict.reason}`)
  say(`Summary page: ${page}`)
  if (options.keep && !signal.aborted) say(await howToReach(run))
  else await forgetLargeFiles(run)
  return verdict.isGood ? 0 : 1
}
