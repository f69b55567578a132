import { createHash } from 'node:crypto'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { type Context, isLoopback } from '../platform/platform.ts'
import type { DeviceApi } from './device-api.ts'
import { Downloads } from './downloads.ts'
import { type FaultShare, assignFaults } from './faults.ts'
import { HawkbitConnection } from './hawkbit-connection.ts'
import { MenderConnection } from './mender-connection.ts'
import { Random } from './random.ts'
import { type CrowdReport, reportOf } from './crowd-report.ts'
import { SimulatedDevice } from './simulated-device.ts'

const maxSockets = 256

/** The kinds of servers that a crowd can talk to; the first is the default. */
export const crowdServers = ['mender', 'hawkbit'] as const

export interface CrowdOptions {
  /** The server's address; of a hawkBit server with the tenant. */
  url: string
  /** Which device API it has; `mender` where not given. */
  serverType?: (typeof crowdServers)[number] | undefined
  /** hawkBit's gateway token. */
  token?: string | undefined
  /** How many devices there are of each device type. */
  deviceTypes: Readonly<Record<string, number>>
  /** What they run at first. */
  release: string
  /** What they report besides. */
  attributes: Readonly<Record<string, string>>
  faults: readonly FaultShare[]
  /** The same seed gives the same devices, with the same keys, faults and habits. */
  seed: string
  /** Between two polls, in the devices' time. */
  pollMs: number
  /** Seconds that pass for the devices in one real second. */
  speed: number
  /** Sees everything that happens to a device, in order. */
  onEvent?: ((event: CrowdEvent) => void) | undefined
}

/** Something that happened to a device. */
export interface CrowdEvent {
  /** Real time, ISO 8601, UTC. */
  at: string
  /** The device's serial number, which it identifies itself by. */
  device: string
  event: string
  detail?: string
}

/** Many devices in this process. */
export interface Crowd {
  report(): CrowdReport
  /** Ends all devices and their connections; resolves when they are still. May be repeated. */
  stop(): Promise<void>
}

/**
 * Starts devices that speak the server's device API over real sockets: they ask to be let in, report, poll, download, and do
 * with updates what real ones do, each with the fault it was given. They install nothing. Ends with the context's signal.
 */
export function startCrowd(options: CrowdOptions, context: Context): Crowd {
  const controller = new AbortController()
  const signal = AbortSignal.any([controller.signal, context.signal])
  const agent = agentFor(options.url)
  const startedAt = context.clock.now()
  const shared = { options, context, signal, agent, downloads: new Downloads() }
  const devices = setUp(shared)
  const running = Promise.all(devices.map((device) => device.run()))
  running.catch(() => {}) // thrown by stop()
  return {
    report: () =>
      reportOf(devices, { startedAt, now: context.clock.now(), bytes: shared.downloads.bytes, ...options }),
    stop: async () => {
      controller.abort()
      await running
      agent.destroy()
    },
  }
}

// a proxy that the environment names is for servers elsewhere, as for every other client
function agentFor(url: string): HttpAgent {
  const settings = {
    keepAlive: true,
    maxSockets,
    scheduling: 'fifo' as const,
    ...(isLoopback(new URL(url).hostname) ? {} : { proxyEnv: process.env }),
  }
  return url.startsWith('https:') ? new HttpsAgent(settings) : new HttpAgent(settings)
}

interface Shared {
  options: CrowdOptions
  context: Context
  signal: AbortSignal
  agent: HttpAgent
  downloads: Downloads
}

function setUp(shared: Shared): SimulatedDevice[] {
  const { options } = shared
  const types = Object.entries(options.deviceTypes).flatMap(([type, count]) =>
    Array.from({ length: count }, () => type),
  )
  const faults = assignFaults(types.length, options.faults, options.seed)
  return types.map((deviceType, index) => newDevice(shared, index, deviceType, faults[index]))
}

function newDevice(
  shared: Shared,
  index: number,
  deviceType: string,
  fault: SimulatedDevice['setup']['fault'],
): SimulatedDevice {
  const { options, context, signal, downloads } = shared
  const { seed, release, attributes, pollMs, speed, onEvent } = options
  const name = `sim-${options.seed}-${String(index + 1).padStart(5, '0')}`
  const random = new Random(seed, 'device', index)
  // clocks in the field are some minutes off; one in twenty has no battery and starts in 1970
  const clockErrorMs =
    random.next() < 0.05 ? -context.clock.now().getTime() : random.between(-120_000, 120_000)
  return new SimulatedDevice({
    name,
    deviceType,
    release,
    attributes: { serial_number: name, ...attributes },
    pollMs,
    fault,
    random,
    downloads,
    signal,
    connection: connect(shared, index, name),
    wait: (ms) => context.clock.sleep(ms / speed, signal),
    now: () => new Date(context.clock.now().getTime() + clockErrorMs),
    tell: (event, detail) =>
      onEvent?.({
        at: context.clock.now().toISOString(),
        device: name,
        event,
        ...(detail === undefined ? {} : { detail }),
      }),
  })
}

function connect({ options, agent, signal }: Shared, index: number, name: string): DeviceApi {
  const { seed, url, token = '', serverType } = options
  if (serverType === 'hawkbit') {
    return new HawkbitConnection({ url, agent, signal, id: name, gatewayToken: token })
  }
  const keySeed = createHash('sha256')
    .update(JSON.stringify([seed, 'key', index]))
    .digest()
  return new MenderConnection({ url, agent, keySeed, identity: { serial: name }, signal })
}
