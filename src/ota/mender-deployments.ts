// Orders on a Mender server. Hides that a deployment is read in three calls, and that a create may have worked although its
// answer was lost.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import type { MenderClient } from './mender-client.ts'
import { findRelease } from './mender-releases.ts'
import {
  type MenderDeployment,
  deployment,
  deploymentDevice,
  deploymentOfDevice,
  deviceIds,
} from './mender-schemas.ts'
import { type Deployment, type DeviceState, type Order, isOpenState } from './ota-server.ts'

const path = '/api/management/v1/deployments/deployments'
const searchPath = '/api/management/v2/deployments/deployments'
const attempts = 3
/** The server takes 1 MiB of JSON, which is about 26,000 ids. */
const maxDevices = 20_000

const states: Readonly<Record<string, DeviceState>> = {
  pending: 'pending',
  downloading: 'downloading',
  pause_before_installing: 'downloading',
  installing: 'installing',
  pause_before_rebooting: 'installing',
  rebooting: 'rebooting',
  pause_before_committing: 'rebooting',
  success: 'success',
  'already-installed': 'already-installed',
  failure: 'failure',
  aborted: 'aborted',
  noartifact: 'no-artifact',
  decommissioned: 'decommissioned',
}

/** Reads a deployment with all its devices; throws `server-refused` where there is none with this id. */
export async function readDeployment(client: MenderClient, id: string): Promise<Deployment> {
  const found = await client.find(`${path}/${encodeURIComponent(id)}`, deployment)
  if (!found) throw new Failure('server-refused', `${client.url} knows no deployment ${id}`)
  return withDevices(client, found)
}

/** The newest deployment of this name, or undefined. */
export async function findDeployment(client: MenderClient, name: string): Promise<Deployment | undefined> {
  const listed = await client.list(searchPath, { name }, deployment)
  const [newest] = listed
    .filter((one) => one.name === name)
    .sort((a, b) => Date.parse(b.created) - Date.parse(a.created))
  return newest && withDevices(client, newest)
}

/** The name of the newest order that a device has taken up; see `OtaServer.lastTaken`. */
export async function lastTaken(client: MenderClient, device: string): Promise<string | undefined> {
  // the newest come first; the server gives 20 at most
  const own = `${path}/devices/${encodeURIComponent(device)}?page=1&per_page=20`
  const history = (await client.find(own, v.array(deploymentOfDevice))) ?? []
  const [newest] = history.sort((a, b) => Date.parse(b.deployment.created) - Date.parse(a.deployment.created))
  return newest?.deployment.name
}

/** All deployments that are not finished, oldest first. */
export async function openDeployments(client: MenderClient): Promise<Deployment[]> {
  const byId = new Map<string, MenderDeployment>()
  // in this order: one that begins between the two questions is in both answers, not in none
  for (const status of ['pending', 'inprogress']) {
    for (const one of await client.list(searchPath, { status }, deployment)) byId.set(one.id, one)
  }
  const open: Deployment[] = []
  for (const one of byId.values()) open.push(await withDevices(client, one))
  return open.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
}

/** Places an order; see `OtaServer.deploy`. */
export async function deploy(client: MenderClient, order: Order): Promise<Deployment> {
  const devices = [...new Set(order.devices)].sort()
  if (devices.length === 0) {
    throw new Failure('no-device-matched', `the order ${order.name} of ${order.release} has no device`)
  }
  if (devices.length > maxDevices) {
    throw new Failure(
      'bad-input',
      `the order ${order.name} has ${devices.length} devices; at most ${maxDevices} fit into one: order in waves`,
    )
  }
  for (let attempt = 1; ; attempt++) {
    const existing = await findDeployment(client, order.name)
    if (existing) return checked(client, existing, order, devices)
    if ((await findRelease(client, order.release)) === undefined) throw missingRelease(client, order.release)
    const failure = await create(client, order, devices)
    // what was created, by us or by an answer that got lost, is found by the next look
    const created = await findDeployment(client, order.name)
    if (created) return checked(client, created, order, devices)
    if (attempt === attempts) throw failure
    client.context.log.warn(`order ${order.name}, try ${attempt} of ${attempts}: ${failure.message}`)
    await client.context.clock.sleep(500 * 2 ** attempt, client.context.signal)
  }
}

/** Returns what is wrong where the order isn't found afterwards; throws what no other try would change. */
async function create(client: MenderClient, order: Order, devices: readonly string[]): Promise<Failure> {
  try {
    const { status } = await client.http.send({
      method: 'POST',
      path,
      json: { name: order.name, artifact_name: order.release, devices, force_installation: false },
      repeatable: false,
      accept: [201, 409, 422],
    })
    if (status === 422) throw missingRelease(client, order.release)
    const said = status === 201 ? 'took the order' : 'says that an equal order is open'
    return new Failure('unexpected-reply', `${client.url} ${said} ${order.name}, but does not list it`)
  } catch (error) {
    if (error instanceof Failure && error.reason === 'unreachable') return error
    throw error
  }
}

/** What was ordered is what was asked, counted on the server: nothing less and nothing more may pass as done. */
async function checked(
  client: MenderClient,
  found: Deployment,
  order: Order,
  devices: readonly string[],
): Promise<Deployment> {
  const asked = new Set(devices)
  const missing = devices.filter((id) => !found.devices.has(id))
  const extra = [...found.devices.keys()].filter((id) => !asked.has(id))
  if (found.release === order.release && missing.length === 0 && extra.length === 0) return found
  const differs =
    found.release === order.release
      ? `${missing.length} devices missing (${missing.slice(0, 5).join(', ')}), ${extra.length} too many (${extra.slice(0, 5).join(', ')})`
      : `it orders ${found.release} instead of ${order.release}`
  throw new Failure(
    missing.length > 0 && extra.length === 0 ? 'device-missing' : 'server-refused',
    `the deployment ${found.id} (${order.name}) on ${client.url} is not what was asked: ${differs}. Look at it there and abort it`,
  )
}

/** Takes an order back where it has not begun; see `OtaServer.withdraw`. */
export async function withdraw(
  client: MenderClient,
  id: string,
  ended: readonly string[] = [],
  from?: readonly string[],
): Promise<string[]> {
  const before = await readDeployment(client, id)
  const open = devicesIn(before, isOpenState)
  const asked = from && new Set(from)
  const free = open.filter(
    (device) =>
      (asked?.has(device) ?? true) && (before.devices.get(device) === 'pending' || ended.includes(device)),
  )
  if (free.length === 0) return open
  if (free.length === open.length) {
    // 422: it finished meanwhile
    const request = { method: 'PUT', path: `${path}/${encodeURIComponent(id)}/status` } as const
    await client.http.send({ ...request, json: { status: 'aborted' }, accept: [200, 204, 422] })
  } else {
    await withdrawEach(client, before, free)
  }
  return devicesIn(await readDeployment(client, id), isOpenState)
}

/** The server's call for one device takes back all its orders, so it is only for a device without another one. */
async function withdrawEach(
  client: MenderClient,
  { id, devices: before }: Deployment,
  free: readonly string[],
): Promise<void> {
  const others = (await openDeployments(client)).filter((one) => one.id !== id)
  for (const device of free) {
    const other = others.find((one) => isOpenState(one.devices.get(device) ?? 'aborted'))
    if (other) {
      client.context.log.warn(`${device} keeps its order: withdrawing it would take back ${other.name} too`)
      continue
    }
    const { devices } = await readDeployment(client, id)
    if (devices.get(device) !== before.get(device)) continue
    const request = { method: 'DELETE', path: `${path}/devices/${encodeURIComponent(device)}` } as const
    await client.http.send({ ...request, accept: [200, 204] })
  }
}

const maxLogCharacters = 1 << 20

/** The log of a device that failed; undefined where there is none (yet). */
export async function readLog(client: MenderClient, id: string, device: string): Promise<string | undefined> {
  const reply = await client.http.send({
    method: 'GET',
    path: `${path}/${encodeURIComponent(id)}/devices/${encodeURIComponent(device)}/log`,
    headers: { accept: 'text/plain, application/json' },
    accept: [200, 404],
  })
  if (/^\s*<!doctype html|^\s*<html/i.test(reply.text)) {
    throw new Failure('unexpected-reply', `${client.url} answered with a web page instead of a log`)
  }
  // the end of a log tells why
  return reply.status === 404 || reply.text === '' ? undefined : reply.text.slice(-maxLogCharacters)
}

async function withDevices(client: MenderClient, found: MenderDeployment): Promise<Deployment> {
  const own = `${path}/${encodeURIComponent(found.id)}`
  const all = await client.http.json({ method: 'GET', path: `${own}/device_list` }, deviceIds)
  // only devices that have asked are listed with a state; of a deployment that is over, the others were never reached
  const unlisted = found.status === 'finished' ? 'aborted' : 'pending'
  const devices = new Map<string, DeviceState>(all.map((id) => [id, unlisted]))
  const over = found.finished ? [new Date(found.finished).toISOString()] : []
  const finishedAt = new Map<string, string>(over.flatMap((at) => all.map((id) => [id, at])))
  for await (const page of client.pages(`${own}/devices/list`, {}, deploymentDevice)) {
    for (const { id, status, finished } of page) {
      devices.set(id, stateOf(client, status))
      if (finished) finishedAt.set(id, new Date(finished).toISOString())
    }
  }
  return {
    id: found.id,
    name: found.name,
    release: found.artifact_name ?? '',
    createdAt: new Date(found.created).toISOString(),
    isFinished: found.status === 'finished',
    devices,
    finishedAt,
  }
}

function stateOf(client: MenderClient, status: string): DeviceState {
  const state = Object.hasOwn(states, status) ? states[status] : undefined
  if (state) return state
  throw new Failure(
    'unexpected-reply',
    `${client.url} has a device in the unknown state "${status.slice(0, 80)}"`,
  )
}

function devicesIn(deployment: Deployment, has: (state: DeviceState) => boolean): string[] {
  return [...deployment.devices].filter(([, state]) => has(state)).map(([id]) => id)
}

function missingRelease(client: MenderClient, release: string): Failure {
  return new Failure('release-missing', `${client.url} has no release ${release}: upload its artifact first`)
}
