// The demonstration: build, package, update, test, plan, schedule, on this machine and on real parts.
//   --keep    leaves the server and the devices running     --stop   ends what --keep left
//   --break   the same with an image that fails its health check on the device
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { Failure, messageOf, readYaml, writeAtomically } from '../src/platform/platform.ts'
import { canaryIsUntouched, makeFleet, planAgain, planRelease, scheduleRelease } from './fleet.ts'
import { writePage } from './page.ts'
import { Progress, table } from './progress.ts'
import { type RunFolder, endProcesses, freshRunFolder } from './run-folder.ts'
import * as steps from './steps.ts'

const { values: options } = parseArgs({
  options: { keep: { type: 'boolean' }, break: { type: 'boolean' }, stop: { type: 'boolean' } },
})
const say = (line: string) => process.stdout.write(`${line}\n`)

if (options.stop) {
  say(`ended ${await endProcesses()} processes`)
  process.exit(0)
}
const abort = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => abort.abort(new Failure('cancelled', `ended by ${name}`)))
}
process.exitCode = await demonstrate(options.break === true)

async function demonstrate(isBreaking: boolean): Promise<number> {
  let run: RunFolder
  try {
    run = await freshRunFolder(say)
  } catch (error) {
    say(messageOf(error))
    return 1
  }
  const progress = new Progress(isBreaking ? 6 : 10)
  const stage = { run, progress, signal: abort.signal, isBreaking }
  let verdict = { isGood: true, text: 'Every step ended as it should.' }
  try {
    await (isBreaking ? breaking(stage) : mainJob(stage))
  } catch (error) {
    verdict = {
      isGood: false,
      text: `${error instanceof Failure ? `${error.reason}: ` : ''}${messageOf(error)}`,
    }
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
    throw error
  }
  throw new Failure(
    'internal',
    'the broken image was accepted by the device: its health check did not catch it',
  )
}

async function close(
  run: RunFolder,
  progress: Progress,
  verdict: { isGood: boolean; text: string },
): Promise<number> {
  const page = await writePage(run, progress.steps, verdict)
  const record = { isGood: verdict.isGood, isBreaking: options.break === true, steps: progress.steps }
  await writeAtomically(
    join(run.path, '..', options.break ? 'last-break.json' : 'last-run.json'),
    JSON.stringify(record, null, 2),
  )
  say(`\n${table(progress.steps)}`)
  say(`${verdict.isGood ? '✔' : '✖'} ${verdict.text}`)
  if (!verdict.isGood) say(`failure-reason: ${/^([a-z-]+):/.exec(verdict.text)?.[1] ?? 'internal'}`)
  say(`Summary page: ${page}`)
  if (options.keep) say(await howToReach(run))
  else await endProcesses(run.path)
  return verdict.isGood ? 0 : 1
}

/** Commands to copy, for as long as everything goes on running. */
async function howToReach(run: RunFolder): Promise<string> {
  const answers = v.object({
    url: v.optional(v.string()),
    address: v.optional(v.string()),
    hostKey: v.optional(v.string()),
  })
  const read = async (name: string) =>
    (await readYaml(join(run.path, `${name}.json`), answers).catch(() => undefined))?.value
  const [config, knownHosts] = [join(run.path, 'ssh-config'), join(run.path, 'known-hosts')]
  const serials = ['lab-01', 'canary-01']
  const devices = await Promise.all(serials.map((serial) => read(`device-${serial}`)))
  const hosts = serials.map((serial, i) => `Host ${serial}\n  HostName ${devices[i]?.address ?? ''}\n`)
  const common = `Host *\n  User root\n  IdentityFile ${join(run.path, 'ssh-key')}\n  UserKnownHostsFile ${knownHosts}\n`
  await writeAtomically(config, hosts.join('') + common)
  await writeAtomically(
    knownHosts,
    devices.map((device) => `${device?.address} ${device?.hostKey}\n`).join(''),
  )
  return `
The server and the devices go on running, with everything in ${run.path}:
  the server        ${(await read('ota'))?.url ?? ''}, its token is in ota/token
${serials.map((serial) => `  ${serial.padEnd(16)}  ssh -F ${config} ${serial}`).join('\n')}
  a power cut       touch ${join(run.path, 'devices', 'canary-01', 'powercut')}
  their logs        ota.log, device-lab-01.log, device-canary-01.log
  to stop it all    npm run demo -- --stop`
}
