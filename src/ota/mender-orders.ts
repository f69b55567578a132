// Orders on a Mender server: places and withdraws them. Hides that a create may have worked although its answer was lost, and
// what the server's calls for one device take with them.
import { Failure, counted } from '../platform/platform.ts'
import type { MenderClient } from './mender-client.ts'
import { deploymentsPath as path } from './mender-deployment-devices.ts'
import type { MenderDeployments } from './mender-deployments.ts'
import { acceptedInGroup } from './mender-groups.ts'
import { checkSize } from './order-size.ts'
import { type Deployment, type DeviceState, type GroupOrder, type Order, isOpenState } from './ota-server.ts'

const attempts = 3

/** Places an order; see `OtaServer.deploy`. */
export async function deploy(
  client: MenderClient,
  deployments: MenderDeployments,
  order: Order | GroupOrder,
): Promise<Deployment> {
  const devices =
    'group' in order ? await acceptedInGroup(client, order.group) : [...new Set(order.devices)].sort()
  checkSize(order, devices)
  for (let attempt = 1; ; attempt++) {
    const existing = await deployments.find(order.name)
    if (existing) return checked(client, existing, order, devices)
    const failure = await create(client, order, devices)
    // what was created, by us or by an answer that got lost, is found by the next look
    const created = await deployments.find(order.name)
    if (created) return checked(client, created, order, devices)
    if (attempt === attempts) throw failure
    client.context.log.warn(`order ${order.name}, try ${attempt} of ${attempts}: ${failure.message}`)
    await client.context.clock.sleep(500 * 2 ** attempt, client.context.signal)
  }
}

/** Returns what is wrong where the order isn't found afterwards; throws what no other try would change. */
async function create(
  client: MenderClient,
  order: Order | GroupOrder,
  devices: readonly string[],
): Promise<Failure> {
  const wanted = { name: order.name, artifact_name: order.release, force_installation: false }
  try {
    const { status } = await client.http.send({
      method: 'POST',
      ...('group' in order
        ? { path: `${path}/group/${encodeURIComponent(order.group)}`, json: wanted }
        : { path, json: { ...wanted, devices } }),
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
  order: Pick<Order, 'name' | 'release'>,
  devices: readonly string[],
): Promise<Deployment> {
  const asked = new Set(devices)
  const missing = devices.filter((id) => !found.devices.has(id))
  const extra = [...found.devices.keys()].filter((id) => !asked.has(id))
  if (found.release === order.release && missing.length === 0 && extra.length === 0) return found
  const differs =
    found.release === order.release
      ? `${counted(missing.length, 'device')} missing (${missing.slice(0, 5).join(', ')}), ${extra.length} too many (${extra.slice(0, 5).join(', ')})`
      : `it orders ${found.release} instead of ${order.release}`
  throw new Failure(
    missing.length > 0 && extra.length === 0 ? 'device-missing' : 'server-refused',
    `the deployment ${found.id} (${order.name}) on ${client.url} is not what was asked: ${differs}. Look at it there and abort it`,
  )
}

/** Takes an order back where it has not begun; see `OtaServer.withdraw`. */
export async function withdraw(
  client: MenderClient,
  deployments: MenderDeployments,
  id: string,
  ended: readonly string[] = [],
  from?: readonly string[],
): Promise<string[]> {
  const before = await deployments.read(id)
  const open = devicesIn(before, isOpenState)
  const asked = from && new Set(from)
  const free = open.filter(
    (device) =>
      (asked?.has(device) ?? true) && (before.devices.get(device) === 'pending' || ended.includes(device)),
  )
  if (free.length === 0) return open
  const isWhole = free.length === open.length
  if (isWhole) {
    // 422: it finished meanwhile
    const request = { method: 'PUT', path: `${path}/${encodeURIComponent(id)}/status` } as const
    await client.http.send({ ...request, json: { status: 'aborted' }, accept: [200, 204, 422] })
  }
  const taken = isWhole ? free : await withdrawEach(client, deployments, before, free)
  const left = devicesIn(await deployments.read(id), isOpenState)
  const still = taken.find((device) => left.includes(device))
  if (still === undefined) return left
  throw new Failure(
    'unexpected-reply',
    `${client.url} said that it took ${before.name} back from ${still}, but still has it there: abort it on the server`,
  )
}

/**
 * The server's call for one device takes back all its orders, so it is only for a device without another one. Returns those
 * that it was sent for.
 */
async function withdrawEach(
  client: MenderClient,
  deployments: MenderDeployments,
  { id, devices: before }: Deployment,
  free: readonly string[],
): Promise<string[]> {
  const taken: string[] = []
  const others = (await deployments.open()).filter((one) => one.id !== id)
  for (const device of free) {
    const other = others.find((one) => isOpenState(one.devices.get(device) ?? 'aborted'))
    if (other) {
      client.context.log.warn(`${device} keeps its order: withdrawing it would take back ${other.name} too`)
      continue
    }
    const { devices } = await deployments.read(id)
    if (devices.get(device) !== before.get(device)) continue
    const request = { method: 'DELETE', path: `${path}/devices/${encodeURIComponent(device)}` } as const
    await client.http.send({ ...request, accept: [200, 204] })
    taken.push(device)
  }
  return taken
}

function devicesIn(deployment: Deployment, has: (state: DeviceState) => boolean): string[] {
  return [...deployment.devices].filter(([, state]) => has(state)).map(([id]) => id)
}

function missingRelease(client: MenderClient, release: string): Failure {
  return new Failure('release-missing', `${client.url} has no release ${release}: upload its artifact first`)
}
