// A connection to a virtual device that is there for this connection alone.
import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, Failure, runOk, seconds, temporaryFolder } from '../platform/platform.ts'
import type { Connection } from './connection.ts'
import { lastLines } from './console-tail.ts'
import { parseSshUrl } from './ssh-address.ts'
import { connectSsh } from './ssh-connection.ts'
import { type VirtualDevice, type VirtualDeviceOptions, startVirtualDevice } from './virtual-device.ts'
import { startVirtualMachine } from './virtual-machine.ts'

interface Kind {
  start: (options: VirtualDeviceOptions, context: Context) => Promise<VirtualDevice>
  /** How long one try may take to agree on keys, where a part of the limit is too short: an emulated machine needs seconds. */
  handshakeSeconds?: number
}

const kinds = {
  namespace: { start: startVirtualDevice },
  vm: { start: startVirtualMachine, handshakeSeconds: 30 },
} as const satisfies Record<string, Kind>

/** How long each kind of virtual device may take from power-on to the first answer over ssh, in ms, unless given. */
export const bootLimitsMs: Readonly<Record<keyof typeof kinds, number>> = {
  namespace: 30_000,
  vm: 300_000,
}

/**
 * Boots a virtual device from an image for this connection alone: a fresh ssh key, a fresh host key, no server. It is
 * powered off and its folder removed when the connection is closed. A boot that hangs is cut off after `limitMs`: then
 * `device-unreachable` has the last lines of its console. Throws what starting such a device throws, too.
 */
export async function connectVirtual(
  kind: keyof typeof kinds,
  image: string,
  options: { context: Context; limitMs?: number },
): Promise<Connection> {
  const resources = new AsyncDisposableStack()
  const limitMs = options.limitMs ?? bootLimitsMs[kind]
  try {
    return await boot(kinds[kind], image, { ...options, limitMs, resources })
  } catch (error) {
    await resources.disposeAsync()
    throw error
  }
}

async function boot(
  { start, handshakeSeconds }: Kind,
  image: string,
  options: { context: Context; limitMs: number; resources: AsyncDisposableStack },
): Promise<Connection> {
  const { context, limitMs, resources } = options
  const folder = await temporaryFolder('device', context)
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  const key = join(folder, 'id')
  await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'drover', '-f', key], {
    what: 'making an ssh key',
  })
  const device = await start(
    {
      folder: join(folder, 'device'),
      image,
      deviceType: 'virtual',
      serial: `virtual-${randomBytes(4).toString('hex')}`,
      authorizedKey: await readFile(`${key}.pub`, 'utf8'),
    },
    context,
  )
  resources.defer(() => device.stop())
  const identity = { key: await readFile(key, 'utf8'), hostKeys: [device.hostKey] }
  const startedAt = performance.now()
  try {
    await device.answers(limitMs)
    const leftMs = Math.max(1000, limitMs - (performance.now() - startedAt))
    const patience = handshakeSeconds === undefined ? {} : { handshakeSeconds }
    const session = { context, limitMs: leftMs, ...patience, resources, console: () => device.console() }
    const booted = connectSsh(parseSshUrl(device.sshUrl), identity, session)
    // a device that can't boot says why; without this we would only wait for its ssh server
    const connection = await Promise.race([booted, device.done.then(() => booted)])
    context.log.info(`ssh answered ${seconds(performance.now() - startedAt)} after power-on`)
    return connection
  } catch (error) {
    throw await withConsole(error, device, { afterMs: performance.now() - startedAt, limitMs })
  }
}

async function withConsole(
  error: unknown,
  device: VirtualDevice,
  { afterMs, limitMs }: { afterMs: number; limitMs: number },
): Promise<unknown> {
  if (!(error instanceof Failure) || error.reason !== 'device-unreachable') return error
  if (error.message.includes('Its console says')) return error
  const said = lastLines(await consoleOf(device), 12)
  const advice = afterMs < limitMs ? '' : ' If it only takes longer, give a longer boot-timeout.'
  return new Failure(
    'device-unreachable',
    `the virtual device was cut off ${seconds(afterMs)} after power-on: ${error.message}.${advice} Its console ends with: ${said}`,
    { cause: error },
  )
}

async function consoleOf(device: VirtualDevice): Promise<string> {
  try {
    return await device.console()
  } catch {
    return '' // a device that never came as far as a console
  }
}
