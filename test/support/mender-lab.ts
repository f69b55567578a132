// A Mender server with devices and artifacts, all on loopback, that goes when the test ends.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { type DeviceFacts, type OtaServer, openServer } from '../../src/ota/ota.ts'
import { type Context, plainContext } from '../../src/platform/platform.ts'
import { startServer } from '../../src/server/server.ts'
import { type DeviceOptions, type MenderDevice, startMenderDevice } from './mender-device.ts'
import { temporaryFolder } from './temporary.ts'
import { undo } from './undo.ts'
import { until as untilFound } from './until.ts'

export interface Lab {
  url: string
  token: string
  server: OtaServer
  folder: string
  /** Starts a device and, unless told otherwise, waits until it has reported. */
  device: (options?: Partial<DeviceOptions>, waits?: boolean) => Promise<MenderDevice & { key: string }>
  /** Writes a small artifact and returns its path. */
  artifact: (
    name: string,
    options?: { deviceTypes?: string[]; content?: string; signingKey?: string },
  ) => Promise<string>
  /** Sends a request to the management API as an operator would. */
  operate: (method: string, path: string, json?: unknown) => Promise<Response>
}

/** Starts a server, accepting every device unless told otherwise. */
export async function openLab(
  t: TestContext,
  options: { accept?: 'all' | 'none'; context?: Context } = {},
): Promise<Lab> {
  const { accept = 'all', context = plainContext() } = options
  const folder = await temporaryFolder(t)
  const running = await startServer({ dataDir: join(folder, 'server'), port: 0, accept })
  undo(t, () => running.close())
  const { url, token } = running
  const server = openServer({ type: 'mender', url, token }, context)
  let count = 0
  return {
    url,
    token,
    server,
    folder,
    device: async (options = {}, waits = true) => {
      const device = startMenderDevice({ url, serial: `SN-${++count}`, ...options })
      undo(t, () => device.stop())
      const key = waits ? await device.id : ''
      if (waits) await until(async () => (await server.device(key)).reportedAt !== undefined)
      return Object.assign(device, { key })
    },
    artifact: async (name, { deviceTypes = ['virtual'], content = name, signingKey } = {}) => {
      const source = join(folder, `${name}-${count++}.ext4`)
      await writeFile(source, content.padEnd(8192, '.'))
      const output = `${source}.mender`
      await writeMender(
        { source, output, name, deviceTypes, compression: 'gzip', signing: { key: signingKey } },
        plainContext(),
      )
      return output
    },
    operate: (method, path, json) =>
      fetch(`${url}/api/management${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      }),
  }
}

/** Waits for a condition; fails the test where it does not come within ten seconds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  await untilFound(condition.toString(), condition, 10_000)
}

/** All devices of a server in one list. */
export async function allDevices(server: OtaServer): Promise<DeviceFacts[]> {
  const all = []
  for await (const page of server.devices()) all.push(...page)
  return all
}
