// A Mender server with devices and artifacts, all on loopback, that goes when the test ends.
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { variantProvide, writeMender } from '../../src/artifact/artifact.ts'
import { openServer } from '../../src/ota/ota.ts'
import { type Context, plainContext } from '../../src/platform/platform.ts'
import { startServer } from '../../src/server/server.ts'
import { type LabDevice, type ServerLab, until } from './lab.ts'
import { type DeviceOptions, type MenderDevice, startMenderDevice } from './mender-device.ts'
import { temporaryFolder } from './temporary.ts'
import { undo } from './undo.ts'

export { allDevices, until } from './lab.ts'

export interface Lab extends ServerLab {
  url: string
  token: string
  device: (options?: Partial<DeviceOptions>, waits?: boolean) => Promise<MenderDevice & LabDevice>
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
  const operate: Lab['operate'] = (method, path, json) =>
    fetch(`${url}/api/management${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
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
      return Object.assign(device, {
        key,
        behave: (to: MenderDevice['behaviour']) => (device.behaviour = to),
      })
    },
    artifact: async (name, { deviceTypes = ['virtual'], content = name, signingKey, variant } = {}) => {
      const source = join(folder, `${name}-${count++}.ext4`)
      await writeFile(source, content.padEnd(8192, '.'))
      const output = `${source}.mender`
      const provides = variant === undefined ? {} : { [variantProvide]: variant }
      const signing = { key: signingKey }
      await writeMender(
        { source, output, name, deviceTypes, compression: 'gzip', signing, provides },
        plainContext(),
      )
      return output
    },
    newcomer: (serial) => {
      const keys = generateKeyPairSync('ed25519')
      const start = () => {
        const device = startMenderDevice({ url, serial, keys })
        undo(t, () => device.stop())
        return Object.assign(device, {
          key: '',
          behave: (to: MenderDevice['behaviour']) => (device.behaviour = to),
        })
      }
      return {
        identity: { serial },
        key: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        start,
      }
    },
    group: async (name, devices) => {
      for (const id of devices) await operate('PUT', `/v1/inventory/devices/${id}/group`, { group: name })
    },
    operate,
    identity: (serial) => ({ serial }),
    setRemark: async (device, name, value) => {
      await operate('PUT', `/v1/inventory/devices/${device}/tags`, [{ name, value }])
    },
    remarks: async (device) => {
      const reply = await operate('GET', `/v1/inventory/devices/${device}`)
      const { attributes } = (await reply.json()) as {
        attributes: { name: string; scope: string; value: string }[]
      }
      const tags = attributes.filter(
        ({ scope, name }) => scope === 'tags' && !name.startsWith('drover-lease'),
      )
      return Object.fromEntries(tags.map(({ name, value }) => [name, value]))
    },
  }
}
