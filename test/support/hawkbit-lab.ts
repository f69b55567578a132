// A tenant of a real hawkBit server with devices and artifacts, all on loopback.
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { variantProvide, writeMender } from '../../src/artifact/artifact.ts'
import { openServer } from '../../src/ota/ota.ts'
import { type Context, plainContext } from '../../src/platform/platform.ts'
import { startHawkbitDevice } from './hawkbit-device.ts'
import { type HawkbitServer, asUser } from './hawkbit-server.ts'
import { type LabDeviceOptions, type ServerLab, until } from './lab.ts'
import { temporaryFolder } from './temporary.ts'
import { undo } from './undo.ts'

export interface HawkbitLab extends ServerLab {
  url: string
  token: string
  /** The token of the tenant's administrator. */
  admin: string
  tenant: string
  /** The token of a user who may only look at devices. */
  reader: string
  /** Sends a request to the management API as an operator would. */
  operate: (method: string, path: string, json?: unknown) => Promise<Response>
  /** Creates a target, and returns the token with which its device signs in. */
  createTarget: (id: string) => Promise<string>
  /** Puts a small file into a software module. */
  putFile: (module: number, name: string) => Promise<void>
}

/** Opens a tenant that no other test has. */
export async function openHawkbitLab(
  t: TestContext,
  running: HawkbitServer,
  context: Context = plainContext(),
): Promise<HawkbitLab> {
  const folder = await temporaryFolder(t)
  const { url } = running
  const { name: tenant, token, reader, admin } = running.tenant()
  const operate: HawkbitLab['operate'] = (method, path, json) => asUser(url, admin, method, path, json)
  // the first request makes the tenant
  await operate('GET', '/userinfo')
  const server = openServer({ type: 'hawkbit', url, token }, context)
  let count = 0
  const createTarget = async (id: string) => {
    const securityToken = `device-${id}`
    const reply = await operate('POST', '/targets', [{ controllerId: id, name: id, securityToken }])
    if (reply.status !== 201) throw new Error(`target ${id}: ${reply.status} ${await reply.text()}`)
    return securityToken
  }
  const start = (id: string, ownToken: string, options: Partial<LabDeviceOptions> = {}) => {
    const device = startHawkbitDevice({
      url: `${url}/${tenant}`,
      id,
      token: ownToken,
      deviceType: 'virtual',
      release: 'old',
      behaviour: 'success',
      attributes: {},
      ...options,
    })
    undo(t, () => device.stop())
    return device
  }
  return {
    url,
    token,
    admin,
    tenant,
    reader,
    server,
    folder,
    operate,
    createTarget,
    putFile: async (module, name) => {
      const form = new FormData()
      form.set('file', new Blob([`this is ${name}`]), name)
      const reply = await fetch(`${url}/rest/v1/softwaremodules/${module}/artifacts`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(admin).toString('base64')}` },
        body: form,
      })
      if (reply.status !== 201) throw new Error(`file ${name}: ${reply.status} ${await reply.text()}`)
    },
    device: async (options = {}, waits = true) => {
      const { serial = `SN-${++count}`, ...rest } = options
      const device = start(serial, await createTarget(serial), rest)
      if (waits) await until(async () => (await server.device(serial)).reportedAt !== undefined, 60_000)
      return device
    },
    artifact: async (name, { deviceTypes = ['virtual'], content = name, signingKey, variant } = {}) => {
      const source = join(folder, `image-${count++}.ext4`)
      await writeFile(source, content.padEnd(8192, '.'))
      const output = `${source}.mender`
      const signing = { key: signingKey }
      const provides = variant === undefined ? {} : { [variantProvide]: variant }
      await writeMender(
        { source, output, name, deviceTypes, compression: 'gzip', signing, provides },
        plainContext(),
      )
      return output
    },
    newcomer: (serial) => {
      const key = `device-${randomUUID()}`
      return { identity: { controllerId: serial }, key, start: () => start(serial, key) }
    },
    group: async (name, devices) => {
      const reply = await operate('PUT', `/targetgroups/${name}/assigned`, devices)
      if (!reply.ok) throw new Error(`group ${name}: ${reply.status} ${await reply.text()}`)
    },
    identity: (serial) => ({ controllerId: serial }),
    setRemark: async (device, key, value) => {
      await operate('POST', `/targets/${device}/metadata`, [{ key, value }])
    },
    remarks: async (device) => {
      const reply = await operate('GET', `/targets/${device}/metadata`)
      const { content } = (await reply.json()) as { content: { key: string; value: string }[] }
      const own = content.filter(({ key }) => !key.startsWith('drover.'))
      return Object.fromEntries(own.map(({ key, value }) => [key, value]))
    },
  }
}
