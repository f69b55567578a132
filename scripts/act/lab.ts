// A small lab that outlives single workflow runs: an OTA server and virtual devices, started by the drover command.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import { readYaml } from '../../src/platform/platform.ts'
import type { Place } from './run-act.ts'

const outputsSchema = v.record(v.string(), v.union([v.string(), v.number()]))
type Outputs = Record<string, string>

export interface Server {
  url: string
  token: string
}

/** Runs `drover <args> --json` to its end; throws with its last words where it fails. */
export async function drover(place: Place, args: string[], env: Outputs = {}): Promise<Outputs> {
  const child = spawn(join(place.folder, 'bin', 'drover'), [...args, '--json'], {
    cwd: place.folder,
    env: { ...place.environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve(status ?? 1))
  })
  if (code !== 0)
    throw new Error(`drover ${args[0]} failed: ${stderr.trim().split('\n').slice(-4).join(' / ')}`)
  return parseOutputs(stdout)
}

/** Starts a `drover` command that goes on running and waits for the line of JSON that says that it is ready. */
async function service(place: Place, name: string, args: string[]): Promise<Outputs> {
  const [outFile, logFile] = [join(place.folder, `${name}.json`), join(place.folder, `${name}.log`)]
  const [out, log] = [openSync(outFile, 'w'), openSync(logFile, 'w')]
  const child = spawn(join(place.folder, 'bin', 'drover'), [...args, '--json'], {
    cwd: place.folder,
    env: place.environment,
    stdio: ['ignore', out, log],
    detached: true,
  })
  closeSync(out)
  closeSync(log)
  for (let tries = 0; tries < 600 && child.exitCode === null; tries++) {
    const text = await readFile(outFile, 'utf8')
    if (text.trimEnd().endsWith('}')) {
      child.unref()
      return parseOutputs(text)
    }
    await sleep(100, undefined, { signal: place.signal })
  }
  throw new Error(`${name} did not get ready: ${(await readFile(logFile, 'utf8')).slice(-1000)}`)
}

/** Starts an OTA server that accepts every device. */
export async function startServer(place: Place): Promise<Server> {
  const dataDir = join(place.folder, 'ota')
  const { url = '' } = await service(place, 'ota', ['serve-ota', '--data-dir', dataDir, '--accept', 'all'])
  return { url, token: (await readFile(join(dataDir, 'token'), 'utf8')).trim() }
}

export interface DeviceOptions {
  /** The root file system that they start with. */
  image: string
  deviceType: string
  serials: readonly string[]
  /** File with the public ssh key that may log in. */
  authorizedKey: string
}

/** Starts virtual devices one beside the other and waits until the server knows them; returns their ids by serial. */
export async function startDevices(
  place: Place,
  server: Server,
  { image, deviceType, serials, authorizedKey }: DeviceOptions,
): Promise<Map<string, string>> {
  await Promise.all(
    serials.map((serial) => {
      const options: [string, string][] = [
        ['--image', image],
        ['--folder', join(place.folder, 'devices', serial)],
        ['--server', server.url],
        ['--device-type', deviceType],
        ['--serial', serial],
        ['--authorized-key', authorizedKey],
      ]
      return service(place, `device-${serial}`, ['virtual-device', ...options.flat()])
    }),
  )
  const known = await until(place, 60, async () => {
    const devices = await reported(place, server)
    return devices.length >= serials.length ? devices : undefined
  })
  return new Map(known.map(({ id, identity }) => [identity['serial'] ?? '', id]))
}

const factsSchema = v.object({
  devices: v.array(
    v.object({ id: v.string(), release: v.optional(v.string()), identity: v.record(v.string(), v.string()) }),
  ),
})
export type Reported = v.InferOutput<typeof factsSchema>['devices']

/** What all devices report now; empty before any has introduced itself. */
export async function reported(place: Place, server: Server): Promise<Reported> {
  const file = join(place.folder, 'facts.json')
  try {
    await drover(place, ['gather-facts', '--server', server.url, '--output', file], {
      DROVER_TOKEN: server.token,
    })
  } catch (error) {
    if (error instanceof Error && error.message.includes('no-device-matched')) return []
    throw error
  }
  return (await readYaml(file, factsSchema)).value.devices
}

/** Asks until there is an answer; throws after `seconds` without one. */
export async function until<T>(place: Place, seconds: number, ask: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + seconds * 1000
  while (Date.now() < end) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await sleep(500, undefined, { signal: place.signal })
  }
  throw new Error(`waited ${seconds} s in vain`)
}

function parseOutputs(text: string): Outputs {
  const line = text.trim().split('\n').at(-1) ?? '{}'
  return Object.fromEntries(
    Object.entries(v.parse(outputsSchema, JSON.parse(line))).map(([key, value]) => [key, String(value)]),
  )
}
