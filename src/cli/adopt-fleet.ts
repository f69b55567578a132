// `drover adopt-fleet`: writes a fleet repository from a live fleet, and proves that its first plan changes nothing.
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { terminalHost } from '../action/action.ts'
import { loadFleet } from '../fleet/fleet.ts'
import {
  type Facts,
  gatherFacts,
  openServer,
  readFacts,
  requireDevices,
  serverAddress,
  serverTypes,
} from '../ota/ota.ts'
import { makePlan } from '../plan/plan.ts'
import {
  type Context,
  Failure,
  counted,
  endingSignal,
  hasCode,
  messageOf,
  plainContext,
  storageFailure,
} from '../platform/platform.ts'
import { type Adopted, type AdoptedStage, adoptedFiles } from './adopted-files.ts'
import { jsonText, reportFailure } from './report.ts'

const usage = `drover adopt-fleet --output DIR (--server URL | --facts FILE) [--stages NAME=BRANCH,…]

  --output            folder for the fleet repository; it must be empty or not there
  --server            OTA server to read the devices from; its token is read from DROVER_TOKEN
  --server-type       ${serverTypes.join(' or ')} (default: ${serverTypes[0]})
  --facts             a facts file from gather-facts in the place of the server
  --stages            stages with their branches, each after the one before (default: main=main)
  --json              one JSON object on standard output: fleet, devices, left-out, blocked

Writes inventory.yml, group_vars, host_vars, fleet.yml and a README that say what the fleet is now. Devices that name a branch
in the attribute subscribed_branch are in its stage, other lab devices in the first, all others in the last. The first plan
changes nothing, which is tried before anything is left behind.
`

/** Runs the command; returns its exit status. */
export async function adoptCommand(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage)
    return 0
  }
  const given = readArguments(args)
  if (given === undefined) return 2
  const host = terminalHost({}, { json: given.json, debug: false })
  const signal = endingSignal((line) => host.log.info(line))
  try {
    const context = plainContext({ log: host.log, signal })
    const { adopted, blocked } = await adopt(given, context)
    for (const { id, why } of adopted.leftOut) host.log.info(`left out: ${JSON.stringify(id)} ${why}`)
    for (const line of blocked) host.log.info(`blocked for now: ${line}`)
    host.log.info(
      `${given.output}: ${counted(adopted.devices, 'device')}, ${adopted.leftOut.length} left out; the first plan changes nothing`,
    )
    const outputs = {
      fleet: given.output,
      devices: adopted.devices,
      'left-out': adopted.leftOut.length,
      blocked: blocked.length,
    }
    if (given.json) process.stdout.write(jsonText(outputs))
    return 0
  } catch (error) {
    return reportFailure(error, host, given)
  }
}

type Given = NonNullable<ReturnType<typeof readArguments>>

async function adopt(given: Given, context: Context): Promise<{ adopted: Adopted; blocked: string[] }> {
  await requireEmpty(given.output)
  const { facts, type } = await factsFor(given, context)
  const adopted = adoptedFiles(facts, type, given.stages)
  if (adopted.devices === 0)
    throw new Failure(
      'no-device-matched',
      `${facts.server} has no device that is accepted and reports its type and release: ${adopted.leftOut.length} are left out`,
    )
  // nothing is where it belongs before it was tried
  const draft = join(given.output, `.draft-${randomBytes(4).toString('hex')}`)
  const made = await mkdir(given.output, { recursive: true })
  let isWritten = false
  try {
    for (const [name, text] of adopted.files) {
      context.signal.throwIfAborted()
      await mkdir(dirname(join(draft, name)), { recursive: true })
      await writeFile(join(draft, name), text, { flag: 'wx' })
    }
    const blocked = await provenEmpty(draft, facts, context)
    for (const name of await readdir(draft)) await rename(join(draft, name), join(given.output, name))
    isWritten = true
    return { adopted, blocked }
  } catch (error) {
    throw storageFailure(error, given.output)
  } finally {
    await rm(draft, { recursive: true, force: true })
    if (!isWritten && made !== undefined) await rm(made, { recursive: true, force: true })
  }
}

async function requireEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return []
    throw new Failure(
      'bad-input',
      `output is ${folder}, which can't be read as a folder: ${messageOf(error)}`,
    )
  })
  if (entries.length > 0)
    throw new Failure(
      'bad-input',
      `${folder} has something in it: give an empty folder, or one that is not there`,
    )
}

async function factsFor(given: Given, context: Context): Promise<{ facts: Facts; type: string }> {
  const address = serverAddress({ url: given.server ?? 'https://facts.invalid', type: given.serverType })
  if (given.facts !== undefined)
    return { facts: requireDevices(await readFacts(given.facts)), type: address.type }
  const token = process.env['DROVER_TOKEN']
  if (!token) throw new Failure('bad-input', `no token for ${address.url}: give it in DROVER_TOKEN`)
  const server = openServer({ ...address, token }, context)
  return { facts: requireDevices(await gatherFacts(server, context)), type: address.type }
}

/** The devices that can't be planned for just now; throws where a plan on the files would change anything. */
async function provenEmpty(folder: string, facts: Facts, context: Context): Promise<string[]> {
  const fleet = await loadFleet(folder, context)
  const stages = new Set(fleet.devices.map(({ stage }) => stage))
  const blocked: string[] = []
  for (const stage of stages) {
    for (const change of makePlan(fleet, stage, facts, context.clock.now()).changes) {
      if (change.kind === 'blocked') blocked.push(`${change.host} ${change.why}`)
      else if (change.kind !== 'no-op' || change.why !== 'already-there')
        throw new Failure(
          'internal',
          `the first plan would change ${change.host} (${change.kind}): nothing was written`,
        )
    }
  }
  return blocked
}

function readArguments(args: string[]) {
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({
      args,
      options: {
        output: text,
        server: text,
        'server-type': text,
        facts: text,
        stages: text,
        json: { type: 'boolean' },
      },
    })
    if (values.output === undefined) throw new Error('give a folder to write to with --output')
    if ((values.server === undefined) === (values.facts === undefined))
      throw new Error('give either --server or --facts')
    return {
      output: resolve(values.output),
      server: values.server,
      serverType: values['server-type'],
      facts: values.facts === undefined ? undefined : resolve(values.facts),
      stages: stagesIn(values.stages ?? 'main=main'),
      json: values.json === true,
    }
  } catch (error) {
    process.stderr.write(`drover adopt-fleet: ${messageOf(error)}\n\n${usage}`)
    return undefined
  }
}

function stagesIn(text: string): AdoptedStage[] {
  const word = '[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?'
  const stages = text.split(',').map((part) => {
    const [, name, branch = name] = new RegExp(`^(${word})(?:=(${word}))?$`).exec(part.trim()) ?? []
    if (name === undefined || branch === undefined)
      throw new Error(`--stages has ${JSON.stringify(part)}: write NAME=BRANCH,NAME=BRANCH`)
    return { name, branch }
  })
  for (const key of ['name', 'branch'] as const)
    if (new Set(stages.map((stage) => stage[key])).size < stages.length)
      throw new Error(`--stages has one ${key} twice`)
  return stages
}
