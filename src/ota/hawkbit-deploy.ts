// Places orders on a hawkBit server. Everything is checked before anything is written, for an assignment can't be taken
// back unseen: it cancels what the device is doing.
import { Failure, counted } from '../platform/platform.ts'
import { chunksOf, forEach } from './at-a-time.ts'
import { listActions } from './hawkbit-actions.ts'
import { type HawkbitClient, queryChunk, quoted } from './hawkbit-client.ts'
import { type HawkbitDeployment, findOrder, published } from './hawkbit-deployments.ts'
import { readDevice } from './hawkbit-devices.ts'
import { typesOf } from './hawkbit-kinds.ts'
import { describe, digestOfDevices, noteOf, setVersionOf } from './hawkbit-orders.ts'
import { type HawkbitArtifact, findArtifacts } from './hawkbit-releases.ts'
import { distributionSet } from './hawkbit-schemas.ts'
import { checkSettled } from './hawkbit-settled.ts'
import { checkTargetTypes } from './hawkbit-target-types.ts'
import { checkFiles } from './hawkbit-updaters.ts'
import { checkSize } from './order-size.ts'
import type { Deployment, DeviceFacts, Order } from './ota-server.ts'
import { reportsRelease } from './watch.ts'

const attempts = 3
/** Devices in one assignment; the server takes 5000, and longer than anybody waits for them. */
const chunkSize = 500
const maxName = 128
/** A device that says that it has the release, and said so within this time, is not given it again. */
const believedMs = 24 * 3_600_000

/** Places an order; see `OtaServer.deploy`. Throws also `device-busy` and `wrong-device-type`, before anything is written. */
export async function deploy(client: HawkbitClient, order: Order): Promise<Deployment> {
  const { context } = client
  for (let attempt = 1; ; attempt++) {
    try {
      return await place(client, order)
    } catch (error) {
      const mayPass = error instanceof Failure && error.reason === 'unreachable'
      if (!mayPass || attempt === attempts) throw error
      // what broke may have been done, so the next try looks first
      context.log.warn(`order ${order.name}, try ${attempt} of ${attempts}: ${error.message}`)
      await context.clock.sleep(500 * 2 ** attempt, context.signal)
    }
  }
}

async function place(client: HawkbitClient, order: Order): Promise<Deployment> {
  const devices = [...new Set(order.devices)].sort()
  const description = checkOrder(client, order, devices)
  const existing = await findOrder(client, order.name)
  if (existing) checkSame(client, existing, order, devices)
  const missing = devices.filter((id) => !existing?.devices.has(id))
  if (existing && missing.length === 0) return published(existing)
  const artifacts = await findArtifacts(client, order.release)
  if (artifacts.length === 0) {
    const message = `${client.url} has no release ${order.release}: upload its artifact first`
    throw new Failure('release-missing', message)
  }
  const facts = await forEach(missing, (id) => readDevice(client, id))
  const parts = split(client, order, artifacts, facts)
  await forEach(parts, async (part) => {
    await checkFiles(client, order.release, part)
    await checkTargetTypes(client, typeOf(part), part.devices)
  })
  await checkFree(client, missing)
  if (artifacts.some(({ set }) => set.type === typesOf.configuration.set)) await checkSettled(client, facts)
  for (const part of parts) await assign(client, order, description, part)
  const placed = await findOrder(client, order.name)
  if (!placed) {
    throw new Failure('unexpected-reply', `${client.url} took the order ${order.name}, but does not list it`)
  }
  checkDevices(client, placed, order, devices)
  return published(placed)
}

/** The order's description for the server; throws what can be told without asking it. */
function checkOrder(client: HawkbitClient, order: Order, devices: readonly string[]): string {
  checkSize(order, devices)
  const description = describe(order.name, devices)
  if (description !== undefined && order.release.length <= maxName) return description
  throw new Failure(
    'bad-input',
    `the order ${order.name.slice(0, 100)}… of ${order.release.slice(0, 100)}: a name is longer than ${client.url} stores`,
  )
}

/** What was ordered under this name is what is asked for now: nothing less and nothing more may pass as done. */
function checkSame(
  client: HawkbitClient,
  found: HawkbitDeployment,
  order: Order,
  devices: readonly string[],
): void {
  const digest = digestOfDevices(devices)
  const isSame = found.sets.every((set) => noteOf(set)?.digest === digest)
  if (found.release === order.release && isSame) return
  const missing = devices.filter((id) => !found.devices.has(id))
  const extra = [...found.devices.keys()].filter((id) => !devices.includes(id))
  const differs =
    found.release === order.release
      ? `${counted(missing.length, 'device')} missing (${missing.slice(0, 5).join(', ')}), ${extra.length} too many (${extra.slice(0, 5).join(', ')})`
      : `it orders ${found.release} instead of ${order.release}`
  throw new Failure(
    missing.length > 0 && extra.length === 0 ? 'device-missing' : 'server-refused',
    `the deployment ${found.id} (${order.name}) on ${client.url} is not what was asked: ${differs}. Look at it there and cancel it`,
  )
}

interface Part {
  artifact: HawkbitArtifact
  /** Whether these devices report the release already: that is written down, and they are not bothered. */
  isThere: boolean
  devices: string[]
  deviceTypes: string[]
}

/** Which devices get which artifact. */
function split(
  client: HawkbitClient,
  order: Order,
  artifacts: readonly HawkbitArtifact[],
  facts: readonly DeviceFacts[],
): Part[] {
  const parts = new Map<string, Part>()
  const refused: string[] = []
  for (const device of facts) {
    const artifact =
      artifacts.find(({ deviceTypes }) => deviceTypes.includes(device.deviceType ?? '')) ??
      artifacts.find(({ deviceTypes }) => deviceTypes.length === 0)
    if (!artifact) {
      refused.push(`${device.id} (${device.deviceType ?? 'reports no device_type'})`)
      continue
    }
    const isRecent = client.context.clock.now().getTime() - Date.parse(device.reportedAt ?? '') < believedMs
    const isThere = isRecent && reportsRelease(device, order.release, artifact)
    const key = `${artifact.id} ${isThere}`
    const part = parts.get(key) ?? { artifact, isThere, devices: [], deviceTypes: [] }
    part.devices.push(device.id)
    const type = device.deviceType
    if (type !== undefined && !part.deviceTypes.includes(type)) part.deviceTypes.push(type)
    parts.set(key, part)
  }
  if (refused.length === 0) return [...parts.values()]
  const types = artifacts.flatMap(({ deviceTypes }) => deviceTypes)
  throw new Failure(
    'wrong-device-type',
    `${order.release} on ${client.url} is for ${types.join(', ')}, and not for ${counted(refused.length, 'device')} of the order: ${refused.slice(0, 5).join(', ')}`,
  )
}

/** A new assignment would cancel what a device is doing. Between this look and the assignment a moment remains. */
async function checkFree(client: HawkbitClient, devices: readonly string[]): Promise<void> {
  const chunks = chunksOf(devices, queryChunk)
  const active = await forEach(chunks, (ids) =>
    listActions(client, `active==true;target.controllerid=in=(${ids.map(quoted).join(',')})`),
  )
  const asked = new Set(devices)
  const busy = active.flat().filter(({ device }) => asked.has(device))
  if (busy.length === 0) return
  const list = busy.slice(0, 5).map(({ device, set }) => `${device} (distribution set ${set})`)
  throw new Failure(
    'device-busy',
    `${counted(busy.length, 'device', ['has', 'have'])} another order on ${client.url}, which a new one would cancel: ${list.join(', ')}. Wait for it, or withdraw it`,
  )
}

async function assign(client: HawkbitClient, order: Order, description: string, part: Part): Promise<void> {
  const set = await findOrCreateSet(client, order, description, part)
  const path = `/distributionsets/${set}/assignedTargets${part.isThere ? '?offline=true' : ''}`
  for (const ids of chunksOf(part.devices, chunkSize)) {
    client.context.signal.throwIfAborted()
    await client.http.send({
      method: 'POST',
      path,
      json: ids.map((id) => ({ id, type: 'forced' })),
      // who has this set already gets it no second time
      repeatable: true,
      accept: [200, 201],
    })
  }
}

/** The type of distribution set that the order gets. */
function typeOf({ artifact }: Pick<Part, 'artifact'>): string {
  return artifact.set.type ?? typesOf.os.set
}

/** Of two runs one creates the set, and both find it. */
async function findOrCreateSet(
  client: HawkbitClient,
  order: Order,
  description: string,
  { artifact, isThere }: Part,
): Promise<number> {
  const version = setVersionOf(order.name, artifact.id, isThere)
  const modules = (artifact.set.modules ?? []).map(({ id }) => ({ id }))
  const set = {
    name: order.release,
    version,
    type: typeOf({ artifact }),
    description,
    modules,
  }
  const find = async () => {
    const query = `name==${quoted(order.release)};version==${quoted(version)}`
    const all = await client.list('/distributionsets', { sort: 'id:ASC', query }, distributionSet)
    return all.find((one) => one.version === version)
  }
  const existing = await find()
  if (existing) return existing.id
  const { status } = await client.http.send({
    method: 'POST',
    path: '/distributionsets',
    json: [set],
    accept: [200, 201, 409],
  })
  const made = await find()
  if (made) return made.id
  throw new Failure(
    'server-refused',
    status === 409
      ? `the order ${order.name} was deleted on ${client.url}, which never gives its name away again: order under another name`
      : `${client.url} took the order ${order.name}, but does not list it`,
  )
}

/** What was ordered is what was asked, counted on the server. */
function checkDevices(
  client: HawkbitClient,
  placed: HawkbitDeployment,
  order: Order,
  devices: readonly string[],
): void {
  const left = devices.filter((id) => !placed.devices.has(id))
  if (left.length === 0) return
  throw new Failure(
    'device-missing',
    `${client.url} left ${counted(left.length, 'device')} out of ${order.name} (${left.slice(0, 5).join(', ')}): is their target type compatible with the distribution set?`,
  )
}
