// Deployments on a Mender server. A list has for each how many devices stand how, and only where these counts are others than
// at the last look are its devices asked for: so many deployments cost one request, and one more for each that moves.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import { forEach } from './at-a-time.ts'
import { type MenderClient, type MenderQuery, pageSize } from './mender-client.ts'
import {
  type Devices,
  counted,
  deploymentsPath as path,
  alreadyKnown,
  devicesOf,
  withDevices,
} from './mender-deployment-devices.ts'
import { type MenderDeployment, type MenderDevice, deployment, deploymentOfDevice } from './mender-schemas.ts'
import type { Believed, Deployment } from './ota-server.ts'

const searchPath = '/api/management/v2/deployments/deployments'
/** Names in one query have to fit into a URL; servers and proxies take 8000 characters and more. */
const maxQuery = 4000

/** The deployments of one server, with what is known of them so far. */
export interface MenderDeployments {
  /** One with all its devices, read afresh; throws `server-refused` where there is none with this id. */
  read(id: string): Promise<Deployment>
  /** The newest of this name, read afresh, or undefined. */
  find(name: string): Promise<Deployment | undefined>
  /** See `OtaServer.findDeployments`. */
  findAll(names: readonly string[], believed?: Believed): Promise<ReadonlyMap<string, Deployment>>
  /** All that are not finished, oldest first. */
  open(): Promise<Deployment[]>
  /** See `OtaServer.lastTaken`. */
  lastTaken(devices: readonly string[]): Promise<ReadonlyMap<string, string>>
}

/** Reads the deployments of a server. */
export function menderDeployments(client: MenderClient): MenderDeployments {
  const known = new Map<string, Devices>()
  const look = async (found: MenderDeployment, isAfresh = false) => {
    const devices = await devicesOf(client, found, known.get(found.id), isAfresh)
    known.set(found.id, devices)
    return devices
  }
  const whole = async (found: MenderDeployment) => withDevices(client, found, await look(found))
  const afresh = async (found: MenderDeployment) => withDevices(client, found, await look(found, true))
  const list = async (query: MenderQuery) => counted(client, await client.list(searchPath, query, deployment))
  return {
    read: async (id) => {
      const found = await client.find(`${path}/${encodeURIComponent(id)}`, deployment)
      if (found) return afresh(found)
      throw new Failure('server-refused', `${client.url} knows no deployment ${id}`)
    },
    find: async (name) => {
      const found = newestByName(await client.list(searchPath, { name }, deployment)).get(name)
      return found && afresh(found)
    },
    findAll: async (names, believed) => {
      const lists = await forEach(chunksOf(names), (some) => list({ name: some }))
      const newest = newestByName(lists.flat())
      const found = [...new Set(names)].flatMap((name) => newest.get(name) ?? [])
      const all = await forEach(
        found,
        async (one) => alreadyKnown(client, one, believed?.get(one.name)) ?? (await whole(one)),
      )
      return new Map(all.map((one) => [one.name, one]))
    },
    open: async () => {
      const byId = new Map<string, MenderDeployment>()
      // in this order: one that begins between the two questions is in both answers, not in none
      for (const status of ['pending', 'inprogress']) {
        for (const one of await list({ status })) byId.set(one.id, one)
      }
      const open: Deployment[] = []
      for (const one of byId.values()) open.push(await whole(one))
      return open.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
    },
    lastTaken: (devices) => lastTaken(client, devices, { look, isKnown: ({ id }) => known.has(id) }),
  }
}

interface Looking {
  look: (found: MenderDeployment) => Promise<Devices>
  /** Whether a look most likely costs nothing. */
  isKnown: (found: MenderDeployment) => boolean
}

/**
 * A device's own history costs a request for each device, and the newest deployments have the same for many: so these are
 * looked at first, as long as that is no dearer.
 */
async function lastTaken(
  client: MenderClient,
  devices: readonly string[],
  { look, isKnown }: Looking,
): Promise<ReadonlyMap<string, string>> {
  const left = new Set(devices)
  const taken = new Map<string, string>()
  if (left.size > 1) {
    const request = { method: 'GET', path: `${searchPath}?sort=desc&page=1&per_page=${pageSize}` } as const
    const { value } = await client.http.read(request, v.array(deployment))
    let budget = left.size
    for (const found of newestFirst(await counted(client, value))) {
      if (found.device_count === 0) continue
      if (left.size === 0 || budget <= 0) break
      if (!isKnown(found)) budget--
      const { asked } = await look(found)
      for (const [id, device] of asked) {
        if (hasTaken(device) && left.delete(id)) taken.set(id, found.name)
      }
    }
  }
  for (const id of left) {
    // the newest come first; the server gives 20 at most
    const own = `${path}/devices/${encodeURIComponent(id)}?page=1&per_page=20`
    const history = (await client.find(own, v.array(deploymentOfDevice))) ?? []
    const [newest] = newestFirst(
      history.filter(({ device }) => !device || hasTaken(device)).map((one) => one.deployment),
    )
    if (newest) taken.set(id, newest.name)
  }
  return taken
}

/** An order that was taken back from a device before it began stands in its history too. */
function hasTaken({ status, started }: Pick<MenderDevice, 'status' | 'started'>): boolean {
  return started != null || (status !== 'aborted' && status !== 'decommissioned')
}

function newestFirst<T extends { created: string }>(all: readonly T[]): T[] {
  return [...all].sort((a, b) => Date.parse(b.created) - Date.parse(a.created))
}

function newestByName(all: readonly MenderDeployment[]): Map<string, MenderDeployment> {
  return new Map(
    newestFirst(all)
      .toReversed()
      .map((one) => [one.name, one]),
  )
}

/** Names in lists that fit into a query each. */
function chunksOf(names: readonly string[]): string[][] {
  const chunks: string[][] = []
  let length = Infinity
  for (const name of new Set(names)) {
    const size = encodeURIComponent(name).length + '&name='.length
    if (length + size > maxQuery) {
      chunks.push([])
      length = 0
    }
    chunks.at(-1)?.push(name)
    length += size
  }
  return chunks
}
