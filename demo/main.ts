// The demonstration: build, package, update, test, plan, schedule, on this machine and on real parts.
//   --keep    leaves the server and the devices running     --stop   ends what --keep left
//   --break   the same with an image that fails its health check on the device
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  Failure,
  endingSignal,
  messageOf,
  untilRepeatsAreOver,
  writeAtomically,
} from '../src/platform/platform.ts'
import { DemoFailure } from './drover.ts'
import { canaryIsUntouched, makeFleet, planAgain, planRelease, scheduleRelease } from './fleet.ts'
import { type Verdict, writePage } from './page.ts'
import { Progress, table } from './progress.ts'
import { howToReach } from './reach.ts'
import {
  type RunFolder,
  endProcesses,
  forgetLargeFiles,
  freshRunFolder,
  runningDemonstration,
} from './run-folder.ts'
import * as steps from './steps.ts'
import { say } from './terminal.ts'

const { values: options } = parseArgs({
  options: { keep: { type: 'boolean' }, break: { type: 'boolean' }, stop: { type: 'boolean' } },
})
const signal = endingSignal(say)
process.exitCode = options.stop ? await stop() : await demonstrate(options.break === true)
await untilRepeatsAreOver()

async function stop(): Promise<number> {
  const owner = runningDemonstration()
  if (owner === undefined) say(`ended ${await endProcesses()} processes`)
  else say(`a demonstration is running and will end what it started: to end it now, kill ${owner}`)
  return owner === undefined ? 0 : 1
}

async function demonstrate(isBreaking: boolean): Promise<number> {
  let run: RunFolder
  try {
    run = await freshRunFolder(say)
  } catch (error) {
    say(messageOf(error))
    return 1
  }
  const progress = new Progress(isBreaking ? 6 : 10)
  const stage = { run, progress, signal, isBreaking }
  let verdict: Verdict = { isGood: true, text: 'Every step ended as it should.' }
  try {
    await (isBreaking ? breaking(stage) : mainJob(stage))
  } catch (error) {
    const reason = error instanceof Failure ? error.reason : 'internal'
    const log = error instanceof DemoFailure ? error.outputs['log'] : undefined
    verdict = { isGood: false, text: `${reason}: ${messageOf(error)}`, reason, log }
    if (!(error instanceof Failure)) say(error instanceof Error ? (error.stack ?? '') : '')
  }
  return await close(run, progress, verdict)
}

async function mainJob(stage: steps.Stage): Promise<void> {
  const server = await steps.serve(stage)
  const images = await steps.buildImages(stage)
  const { artifact, keys } = await steps.packageImage(stage, images)
  const [lab] = await steps.startDevices(stage, server, images, keys)
  const { release = '' } = await steps.updateLab(stage, server, artifact, keys)
  await steps.testDevice(stage, images, lab, keys, artifact)
  const fleet = await makeFleet(stage, server, images)
  const plan = await planRelease(stage, server, fleet, release)
  await scheduleRelease(stage, server, fleet, plan, release)
  await planAgain(stage, server, fleet)
}

/** The same up to the lab device, which refuses the image; then nothing may have happened to the fleet. */
async function breaking(stage: steps.Stage): Promise<void> {
  const server = await steps.serve(stage)
  const images = await steps.buildImages(stage)
  const { artifact, keys } = await steps.packageImage(stage, images)
  await steps.startDevices(stage, server, images, keys)
  try {
    await steps.updateLab(stage, server, artifact, keys)
  } catch (error) {
    if (!(error instanceof Failure) || error.reason === 'cancelled') throw error
    await canaryIsUntouched(stage, server, images)
    const outputs = error instanceof DemoFailure ? error.outputs : {}
    const moral = 'The canary device was never touched: this is what --break is meant to show.'
    throw new DemoFailure(error.reason, `${error.message.replace(/\.?$/, '.')} ${moral}`, outputs)
  }
  throw new Failure(
    'internal',
    'the broken image was accepted by the device: its health check did not catch it',
  )
}

async function close(run: RunFolder, progress: Progress, verdict: Verdict): Promise<number> {
  if (options.keep !== true || signal.aborted) await endProcesses(run.path)
  const page = await writePage(run, progress.steps, verdict)
  const record = { isGood: verdict.isGood, isBreaking: options.break === true, steps: progress.steps }
  await writeAtomically(
    join(run.path, '..', options.break ? 'last-break.json' : 'last-run.json'),
    JSON.stringify(record, null, 2),
  )
  say(`\n${table(progress.steps)}`)
  say(`${verdict.isGood ? '✔' : '✖'} ${verdict.text}`)
  if (verdict.reason) say(`failure-reason: ${verdict.reason}`)
  say(`Summary page: ${page}`)
  if (options.keep && !signal.aborted) say(await howToReach(run))
  else await forgetLargeFiles(run)
  return verdict.isGood ? 0 : 1
}
