// What the server's tests share: a server in a temporary folder, a caller of its management API, a device that speaks as
// the real client does, and small artifacts from the real tool.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { type KeyObject, generateKeyPairSync, sign } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Log } from '../../src/platform/platform.ts'
import { type RunningServer, type ServerOptions, startServer } from '../../src/server/server.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { conforming } from './conformance.ts'

/** What the tests read of the API's answers. */
export interface AuthDevice {
  id: string
  status: string
  identity_data: Record<string, string>
  auth_sets: { id: string; status: string; pubkey: string }[]
}
export interface Facts {
  id: string
  updated_ts: string
  attributes: { name: string; scope: string; value: unknown }[]
}
export interface Deployment {
  id: string
  name: string
  status: string
  device_count: number
  max_devices: number
  finished?: string
  statistics: { status: Record<string, number> }
}
export interface DeploymentDevice {
  id: string
  status: string
  substate?: string
  log: boolean
  started?: string
  finished?: string
  image?: { id: string; meta_artifact: { name: string } }
}
export interface Artifact {
  id: string
  name: string
  size: number
  description: string
  device_types_compatible: string[]
}

export interface Lab {
  server: RunningServer
  folder: string
  dataDir: string
  /** Everything the server told, `info:` and `debug:` lines alike. */
  told: string[]
  /** A call of the management API with the token. */
  call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Response>
  /** The same where a status is expected; returns the JSON, if any. */
  expect: <T = unknown>(status: number, method: string, path: string, body?: unknown) => Promise<T>
  upload: (artifact: Uint8Array, fields?: Record<string, string>) => Promise<Response>
}

/** Starts a server that ends with the test. */
export async function startLab(t: TestContext, options: Partial<ServerOptions> = {}): Promise<Lab> {
  const folder = await temporaryFolder(t)
  const dataDir = join(folder, 'ota')
  const told: string[] = []
  const server = await startServer({ dataDir, log: recorder(told), ...options })
  undo(t, () => server.close())
  return { server, folder, dataDir, told, ...callers(server) }
}

export function callers(server: { url: string; token: string }): Pick<Lab, 'call' | 'expect' | 'upload'> {
  const call: Lab['call'] = (method, path, body, headers = {}) =>
    conforming(`${server.url}/api/management/${path}`, {
      method,
      headers: { authorization: `Bearer ${server.token}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    call,
    expect: async <T>(status: number, method: string, path: string, body?: unknown) => {
      const reply = await call(method, path, body)
      const text = await reply.text()
      assert.equal(reply.status, status, `${method} ${path}: ${text}`)
      return (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text) as T
    },
    upload: (artifact, fields = {}) => {
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) form.append(name, value)
      form.append('artifact', new Blob([Buffer.from(artifact)]), 'a.mender')
      return conforming(`${server.url}/api/management/v1/deployments/artifacts`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.token}` },
        body: form,
      })
    },
  }
}

export interface KeyPair {
  privateKey: KeyObject
  publicKey: KeyObject
}

export interface FakeDevice {
  serial: string
  /** Asks for a token; keeps it where it is given one. */
  authenticate(options?: { signature?: string | null; keys?: KeyPair }): Promise<Response>
  call(method: string, path: string, body?: unknown): Promise<Response>
  inventory(attributes: Record<string, string | string[]>): Promise<Response>
  next(provides: Record<string, string>): Promise<{ status: number; offer?: Offer }>
  status(deployment: string, status: string, substate?: string): Promise<number>
}

export interface Offer {
  id: string
  artifact: {
    artifact_name: string
    source: { uri: string; expire: string }
    device_types_compatible: string[]
  }
}

export const ed25519 = (): KeyPair => generateKeyPairSync('ed25519')

/** A device with an identity and a key of its own. */
export function fakeDevice(url: string, serial: string, own: KeyPair = ed25519()): FakeDevice {
  let token = ''
  const call: FakeDevice['call'] = async (method, path, body) =>
    conforming(`${url}/api/devices/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    serial,
    call,
    authenticate: async ({ signature, keys = own } = {}) => {
      const pubkey = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString()
      // as Go's encoder writes it: a line end after the JSON, and it is signed too
      const body = `${JSON.stringify({ id_data: JSON.stringify({ serial }), tenant_token: '', pubkey })}\n`
      const algorithm = keys.privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
      const own = sign(algorithm, Buffer.from(body), keys.privateKey).toString('base64')
      const header = signature === undefined ? own : signature
      const reply = await conforming(`${url}/api/devices/v1/authentication/auth_requests`, {
        method: 'POST',
        headers: { authorization: 'Bearer', ...(header === null ? {} : { 'x-men-signature': header }) },
        body,
      })
      if (reply.status === 200) token = await reply.clone().text()
      return reply
    },
    inventory: (attributes) =>
      call(
        'PUT',
        'v1/inventory/device/attributes',
        Object.entries(attributes).map(([name, value]) => ({ name, value })),
      ),
    next: async (provides) => {
      const reply = await call('POST', 'v1/deployments/device/deployments/next', provides)
      const text = await reply.text()
      return { status: reply.status, ...(reply.status === 200 ? { offer: JSON.parse(text) as Offer } : {}) }
    },
    status: async (deployment, status, substate) => {
      const reply = await call('PUT', `v1/deployments/device/deployments/${deployment}/status`, {
        status,
        ...(substate === undefined ? {} : { substate }),
      })
      await reply.text()
      return reply.status
    },
  }
}

/** Accepts the one key of each waiting device; returns the devices' ids by serial number. */
export async function acceptAll(lab: Pick<Lab, 'expect'>): Promise<Record<string, string>> {
  const devices = await lab.expect<AuthDevice[]>(200, 'GET', 'v2/devauth/devices?per_page=500')
  const ids: Record<string, string> = {}
  for (const device of devices) {
    ids[device.identity_data['serial'] ?? ''] = device.id
    if (device.status !== 'pending') continue
    const path = `v2/devauth/devices/${device.id}/auth/${device.auth_sets[0]?.id}/status`
    await lab.expect(204, 'PUT', path, { status: 'accepted' })
  }
  return ids
}

/** An accepted device. */
export async function acceptedDevice(lab: Lab, serial: string): Promise<FakeDevice & { id: string }> {
  const device = fakeDevice(lab.server.url, serial)
  assert.equal((await device.authenticate()).status, 401)
  const ids = await acceptAll(lab)
  assert.equal((await device.authenticate()).status, 200)
  return { ...device, id: ids[serial] ?? '' }
}

/** A module-image artifact from the real tool. */
export async function moduleArtifact(
  folder: string,
  name: string,
  options: { type?: string; content?: string | Uint8Array; deviceTypes?: string[]; extra?: string[] } = {},
): Promise<Buffer> {
  const [payload, output] = [join(folder, 'payload'), join(folder, 'artifact.mender')]
  await writeFile(payload, options.content ?? `content of ${name}\n`)
  const types = (options.deviceTypes ?? ['testdev']).flatMap((type) => ['-t', type])
  const args = [
    '-T',
    options.type ?? 'testmod',
    ...types,
    '-n',
    name,
    '-f',
    payload,
    '-o',
    output,
    '--compression',
    'none',
  ]
  execFileSync('mender-artifact', ['write', 'module-image', ...args, ...(options.extra ?? [])], {
    stdio: 'pipe',
  })
  return readFile(output)
}

function recorder(told: string[]): Log {
  return {
    info: (line) => told.push(`info: ${line}`),
    warn: (line) => told.push(`warn: ${line}`),
    debug: (line) => told.push(`debug: ${line}`),
    group: (_title, work) => work(),
  }
}
