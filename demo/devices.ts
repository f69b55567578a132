// The demonstration's devices: where each belongs, how they are started, and what they say of themselves.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import { Failure, openHttp, plainContext, readYaml } from '../src/platform/platform.ts'
import { drover, startService } from './drover.ts'
import { type Images, type Keys, type Scene, type Server, need } from './scene.ts'

/** All devices, by the stage that they belong to in examples/fleet. */
export const devicesOf = {
  development: ['lab-01'],
  canary: ['canary-01'],
  production: ['shop-zurich-01', 'shop-lisbon-01'],
} as const
export const serials: readonly string[] = Object.values(devicesOf).flat()

export interface Device {
  serial: string
  address: string
  ssh: string
  hostKey: string
  folder: string
}

/** Starts all virtual devices from the base image; returns the lab's. */
export async function startDevices(
  scene: Scene,
  server: Server,
  images: Images,
  keys: Keys,
): Promise<Device> {
  return await scene.progress.step(`Start ${serials.length} devices`, async (say) => {
    const start = async (serial: string) => {
      const device = await startDevice(scene, server, images, keys, serial)
      say(`${serial} is up: ${device.ssh}`)
      return device
    }
    const devices = await Promise.all(serials.map(start))
    const [lab] = devices
    if (!lab) throw new Failure('internal', 'there are no devices')
    return { value: lab, result: serials.join(', ') }
  })
}

async function startDevice(
  { run, signal, target }: Scene,
  server: Server,
  images: Images,
  keys: Keys,
  serial: string,
): Promise<Device> {
  const folder = deviceFolder(run.path, serial)
  const options = {
    image: need(images.base, 'rootfs'),
    folder,
    server: server.url,
    'device-type': target.deviceType,
    serial,
    'authorized-key': keys.sshPublicFile,
    'verify-key': keys.verify,
    'boot-timeout': `${target.patience}m`,
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  const machine = target.isMachine ? ['--machine'] : []
  const { outputs } = await startService(run, `device-${serial}`, ['virtual-device', ...args, ...machine], {
    signal,
    timeoutMs: 60_000 * target.patience,
  })
  const [address, ssh, hostKey] = [need(outputs, 'address'), need(outputs, 'ssh'), need(outputs, 'hostKey')]
  return { serial, folder, address, ssh, hostKey }
}

/**
 * Puts a page for its kiosk on a device's data partition, before the device is started for the first time: as if it had
 * been configured when it was set up at its place.
 */
export async function setUpKiosk({ run }: Scene, serial: string, url: string): Promise<void> {
  const folder = join(deviceFolder(run.path, serial), 'data', 'mender-configure')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(join(folder, 'device-config.json'), JSON.stringify({ kiosk_url: url }))
}

const deviceFolder = (run: string, serial: string) => join(run, 'devices', serial)

const factsSchema = v.object({
  devices: v.array(
    v.object({
      id: v.string(),
      release: v.optional(v.string()),
      identity: v.record(v.string(), v.string()),
      attributes: v.record(v.string(), v.string()),
    }),
  ),
})

/** What all devices report now. */
export async function facts(
  { run, signal }: Pick<Scene, 'run' | 'signal'>,
  server: Server,
  say: (line: string) => void,
): Promise<v.InferOutput<typeof factsSchema>> {
  const file = join(run.path, 'facts.json')
  try {
    await drover(run, 'gather-facts', {
      inputs: { server: server.url, output: file },
      env: { DROVER_TOKEN: server.token },
      say,
      signal,
    })
  } catch (error) {
    if (error instanceof Failure && error.reason === 'no-device-matched') return { devices: [] }
    throw error
  }
  return (await readYaml(file, factsSchema)).value
}

/** The release that each device itself reports, by its serial number. */
export async function reports(scene: Scene, server: Server): Promise<Map<string, string | undefined>> {
  const { devices } = await facts(scene, server, () => {})
  return new Map(devices.map(({ identity, release }) => [identity['serial'] ?? '', release]))
}

/** The server's ids of all devices by serial number, once they have introduced themselves and said what they run. */
export async function deviceIds(
  scene: Scene,
  server: Server,
  say: (line: string) => void,
): Promise<Map<string, string>> {
  const limitSeconds = 30 * scene.target.patience
  for (const startedAt = performance.now(); ;) {
    const { devices } = await facts(scene, server, () => {})
    const known = devices.filter(({ release }) => release !== undefined)
    const ids = new Map(known.map(({ identity, id }) => [identity['serial'] ?? '', id]))
    const silent = serials.filter((serial) => !ids.has(serial))
    if (silent.length === 0) return ids
    if (performance.now() - startedAt > limitSeconds * 1000)
      throw new Failure(
        'device-silent',
        `${silent.join(', ')} said nothing to the server for ${limitSeconds} s`,
      )
    say(`waiting for ${silent.join(', ')} to introduce themselves to the server`)
    await sleep(scene.target.lookMs)
  }
}

/** Operators say on the server which devices are the lab's; a device can't claim it. */
export async function putIntoLab(server: Server, id: string, signal: AbortSignal): Promise<void> {
  const path = `/api/management/v1/inventory/devices/${encodeURIComponent(id)}/group`
  await management(server, signal).send({ method: 'PUT', path, json: { group: 'lab' } })
}

/** The server's management API, as an operator's program would use it. */
export function management(server: Server, signal: AbortSignal): ReturnType<typeof openHttp> {
  const address = { baseUrl: server.url, authorization: `Bearer ${server.token}` }
  return openHttp(address, plainContext({ signal }))
}
