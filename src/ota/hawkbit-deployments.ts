// Orders on a hawkBit server as deployments: the distribution sets of one order together, or another's set by itself.
import { Failure } from '../platform/platform.ts'
import { type DeviceAction, listActions, readHistory, stateOf } from './hawkbit-actions.ts'
import { type HawkbitClient, forEach, quoted } from './hawkbit-client.ts'
import { noteOf, versionOf, wasPresent } from './hawkbit-orders.ts'
import { readModuleFacts } from './hawkbit-releases.ts'
import { type DistributionSet, distributionSet, target } from './hawkbit-schemas.ts'
import { type Deployment, type DeviceState, isOpenState } from './ota-server.ts'

/** A deployment with what the server has of it. */
export interface HawkbitDeployment extends Deployment {
  sets: readonly DistributionSet[]
  /** The newest action of each device. */
  actions: ReadonlyMap<string, DeviceAction>
}

/** Reads a deployment with all its devices; throws `server-refused` where there is none with this id. */
export async function readDeployment(client: HawkbitClient, id: string): Promise<Deployment> {
  return published(await readWithActions(client, id))
}

/** `readDeployment` for those who go on with it. */
export async function readWithActions(client: HawkbitClient, id: string): Promise<HawkbitDeployment> {
  const isSet = /^\d+$/.test(id)
  const set = isSet ? await client.find(`/distributionsets/${id}`, distributionSet) : undefined
  const sets = set ? [set] : isSet ? [] : await listOrderSets(client, id)
  if (sets.length > 0) return withActions(client, id, sets)
  throw new Failure('server-refused', `${client.url} knows no deployment ${id}`)
}

/** The deployment of this name, or undefined. */
export async function findDeployment(client: HawkbitClient, name: string): Promise<Deployment | undefined> {
  const found = await findOrder(client, name)
  return found && published(found)
}

/** `findDeployment` for those who go on with it. */
export async function findOrder(client: HawkbitClient, name: string): Promise<HawkbitDeployment | undefined> {
  const version = versionOf(name)
  const sets = await listOrderSets(client, version)
  return sets.length === 0 ? undefined : withActions(client, version, sets)
}

/** The name of the newest order that a device has taken up; see `OtaServer.lastTaken`. */
export async function lastTaken(client: HawkbitClient, device: string): Promise<string | undefined> {
  const actions = await listActions(client, `target.controllerid==${quoted(device)}`)
  const newest = actions.findLast(({ status }) => status !== 'canceled')
  const set = newest && (await client.find(`/distributionsets/${newest.set}`, distributionSet))
  return set && (noteOf(set)?.name ?? `${set.name}:${set.version}`)
}

/** All deployments that are not finished, whoever made them, oldest first. */
export async function openDeployments(client: HawkbitClient): Promise<Deployment[]> {
  const active = await listActions(client, 'active==true')
  const ids = new Set<string>()
  await forEach([...new Set(active.map(({ set }) => set))], async (id) => {
    const set = await client.find(`/distributionsets/${id}`, distributionSet)
    const note = set && noteOf(set)
    if (set) ids.add(note ? versionOf(note.name) : String(id))
  })
  const open: Deployment[] = []
  for (const id of ids) open.push(published(await readWithActions(client, id)))
  return open
    .filter(({ isFinished }) => !isFinished)
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1))
}

/** The sets of an order, whose versions start with its own. */
async function listOrderSets(client: HawkbitClient, version: string): Promise<DistributionSet[]> {
  if (!/^order-[0-9a-f]+$/.test(version)) return []
  const list = { sort: 'id:ASC', query: `version==${version}*` }
  const sets = await client.list('/distributionsets', list, distributionSet)
  return sets.filter((set) => {
    const note = noteOf(set)
    return note !== undefined && versionOf(note.name) === version
  })
}

async function withActions(
  client: HawkbitClient,
  id: string,
  sets: readonly DistributionSet[],
): Promise<HawkbitDeployment> {
  const devices = new Map<string, DeviceState>()
  const actions = new Map<string, DeviceAction>()
  const finishedAt = new Map<string, string>()
  for (const set of sets) {
    const own = await listActions(client, `distributionset.id==${set.id}`)
    for (const action of own) {
      actions.set(action.device, action)
      devices.set(action.device, stateOf(client, action, wasPresent(set)))
    }
    const done = own.filter(({ device }) => !isOpenState(devices.get(device) ?? 'pending'))
    for (const [device, at] of await timesOf(client, set, done)) finishedAt.set(device, at)
  }
  const [first] = sets
  const note = first && noteOf(first)
  return {
    id,
    name: note?.name ?? `${first?.name}:${first?.version}`,
    release: first ? await releaseOf(client, first) : '',
    createdAt: isoTime(Math.min(...sets.map(({ createdAt }) => createdAt))),
    isFinished: [...actions.values()].every(({ active }) => !active),
    devices,
    finishedAt,
    sets,
    actions,
  }
}

/** When devices were done. The action doesn't tell: its time is that of the last word of a user. */
async function timesOf(
  client: HawkbitClient,
  set: DistributionSet,
  done: readonly DeviceAction[],
): Promise<Map<string, string>> {
  const times = new Map<string, string>()
  const installed = done.filter(({ status }) => status === 'finished')
  if (installed.length > 0) {
    const query = `installedds.name==${quoted(set.name)};installedds.version==${quoted(set.version)}`
    const targets = await client.list('/targets', { sort: 'controllerId:ASC', query }, target)
    for (const { controllerId, installedAt } of targets) {
      if (installedAt) times.set(controllerId, isoTime(installedAt))
    }
  }
  // of failures, and of what has been replaced since
  await forEach(
    done.filter(({ device }) => !times.has(device)),
    async (action) => {
      const last = (await readHistory(client, action, 1)).at(-1)
      const at = last?.timestamp ?? last?.reportedAt
      if (at) times.set(action.device, isoTime(at))
    },
  )
  return times
}

/** The release that a set brings. */
async function releaseOf(client: HawkbitClient, set: DistributionSet): Promise<string> {
  const [module] = set.modules ?? []
  const isOurs = noteOf(set) !== undefined || (module && (await readModuleFacts(client, module.id)))
  return isOurs ? set.name : `${set.name}:${set.version}`
}

/** A deployment as the port shows it. */
export function published({ sets, actions, ...deployment }: HawkbitDeployment): Deployment {
  void sets
  void actions
  return deployment
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
