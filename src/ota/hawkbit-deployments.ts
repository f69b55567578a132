// Orders on a hawkBit server as deployments: the distribution sets of one order together, or another's set by itself.
import { Failure } from '../platform/platform.ts'
import { chunksOf, forEach } from './at-a-time.ts'
import { type DeviceAction, listActions, readHistory, stateOf } from './hawkbit-actions.ts'
import { type HawkbitClient, queryChunk, quoted } from './hawkbit-client.ts'
import { isOrder, noteOf, versionOf, wasPresent } from './hawkbit-orders.ts'
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
  const sets = set ? [set] : isSet ? [] : await listOrderSets(client, [id])
  const [found] = sets.length > 0 ? await withAllActions(client, [{ id, sets }]) : []
  if (found) return found
  throw new Failure('server-refused', `${client.url} knows no deployment ${id}`)
}

/** The deployment of this name, or undefined. */
export async function findDeployment(client: HawkbitClient, name: string): Promise<Deployment | undefined> {
  const found = await findOrder(client, name)
  return found && published(found)
}

/** `findDeployment` for those who go on with it. */
export async function findOrder(client: HawkbitClient, name: string): Promise<HawkbitDeployment | undefined> {
  return (await readOrders(client, [versionOf(name)]))[0]
}

/** The deployments of these names that there are, by name: their sets in one query, all actions of these in another. */
export async function findDeployments(
  client: HawkbitClient,
  names: readonly string[],
): Promise<ReadonlyMap<string, Deployment>> {
  const found = await readOrders(client, [...new Set(names.map(versionOf))])
  const wanted = new Set(names)
  return new Map(found.filter(({ name }) => wanted.has(name)).map((one) => [one.name, published(one)]))
}

/** The names of the newest orders that devices have taken up; see `OtaServer.lastTaken`. */
export async function lastTaken(
  client: HawkbitClient,
  devices: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const lists = await forEach(chunksOf(devices, queryChunk), (ids) =>
    listActions(client, `target.controllerid=in=(${ids.map(quoted).join(',')})`),
  )
  const newest = new Map<string, number>()
  for (const action of lists.flat()) {
    if (!['pending', 'aborted'].includes(stateOf(client, action, false)))
      newest.set(action.device, action.set)
  }
  const sets = new Map((await listSets(client, [...newest.values()])).map((set) => [set.id, set]))
  return new Map(
    devices.flatMap((device): [string, string][] => {
      const set = sets.get(newest.get(device) ?? -1)
      return set ? [[device, noteOf(set)?.name ?? `${set.name}:${set.version}`]] : []
    }),
  )
}

/** All deployments that are not finished, whoever made them, oldest first. */
export async function openDeployments(client: HawkbitClient): Promise<Deployment[]> {
  const active = await listActions(client, 'active==true')
  const sets = await listSets(
    client,
    active.map(({ set }) => set),
  )
  const orders = new Set(sets.flatMap((set) => noteOf(set)?.name ?? []).map(versionOf))
  const foreign = sets.filter((set) => noteOf(set) === undefined)
  const open = [
    ...(await readOrders(client, [...orders])),
    ...(await withAllActions(
      client,
      foreign.map((set) => ({ id: String(set.id), sets: [set] })),
    )),
  ].map(published)
  return open
    .filter(({ isFinished }) => !isFinished)
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1))
}

/** Orders by the versions of their sets, each with all its actions. */
async function readOrders(client: HawkbitClient, versions: readonly string[]): Promise<HawkbitDeployment[]> {
  const byOrder = Map.groupBy(await listOrderSets(client, versions), orderOf)
  return withAllActions(
    client,
    [...byOrder].flatMap(([id, sets]) => (id === undefined ? [] : [{ id, sets }])),
  )
}

async function listSets(client: HawkbitClient, ids: readonly number[]): Promise<DistributionSet[]> {
  const lists = await forEach(chunksOf([...new Set(ids)], queryChunk), (some) =>
    client.list('/distributionsets', { sort: 'id:ASC', query: `id=in=(${some.join(',')})` }, distributionSet),
  )
  return lists.flat()
}

/** The sets of orders, whose versions start with the order's own. */
async function listOrderSets(client: HawkbitClient, versions: readonly string[]): Promise<DistributionSet[]> {
  const wanted = new Set(versions.filter((version) => /^order-[0-9a-f]+$/.test(version)))
  const lists = await forEach(chunksOf([...wanted], queryChunk), (some) => {
    const query = some.map((version) => `version==${version}*`).join(',')
    return client.list('/distributionsets', { sort: 'id:ASC', query }, distributionSet)
  })
  return lists.flat().filter((set) => wanted.has(orderOf(set) ?? ''))
}

function orderOf(set: DistributionSet): string | undefined {
  const note = noteOf(set)
  return note && versionOf(note.name)
}

/** Deployments with their actions, which are asked for together. */
async function withAllActions(
  client: HawkbitClient,
  orders: readonly { id: string; sets: readonly DistributionSet[] }[],
): Promise<HawkbitDeployment[]> {
  const ids = orders.flatMap(({ sets }) => sets.map(({ id }) => id))
  const lists = await forEach(chunksOf(ids, queryChunk), (some) =>
    listActions(client, `distributionset.id=in=(${some.join(',')})`),
  )
  const bySet = Map.groupBy(lists.flat(), ({ set }) => set)
  const installed = await installedOnce(
    client,
    orders.flatMap(({ sets }) => sets),
    bySet,
  )
  const all = []
  for (const { id, sets } of orders) all.push(await withActions(client, id, sets, { bySet, installed }))
  return all
}

/** Actions by the id of their set. */
type BySet = ReadonlyMap<number, readonly DeviceAction[]>

/** What is known of many orders together. */
interface Together {
  bySet: BySet
  /** When devices installed the one set of these that they installed, by set and device. */
  installed: ReadonlyMap<number, ReadonlyMap<string, string>>
}

/**
 * When devices installed what they have, of many sets in one query. A target says when, and not what: so only of sets whose
 * devices installed no other of these.
 */
async function installedOnce(
  client: HawkbitClient,
  sets: readonly DistributionSet[],
  bySet: BySet,
): Promise<Together['installed']> {
  const installers = (set: DistributionSet) =>
    (bySet.get(set.id) ?? []).filter(({ status }) => status === 'finished').map(({ device }) => device)
  const count = new Map<string, number>()
  for (const device of sets.flatMap(installers)) count.set(device, (count.get(device) ?? 0) + 1)
  const alone = sets.filter((set) => {
    const devices = installers(set)
    return isOrder(set) && devices.length > 0 && devices.every((device) => count.get(device) === 1)
  })
  if (alone.length < 2) return new Map()
  const lists = await forEach(chunksOf(alone, queryChunk), (some) => {
    const query = `installedds.version=in=(${some.map(({ version }) => quoted(version)).join(',')})`
    return client.list('/targets', { sort: 'controllerId:ASC', query }, target)
  })
  const at = new Map(lists.flat().map(({ controllerId, installedAt }) => [controllerId, installedAt]))
  return new Map(
    alone.map((set) => {
      const own = installers(set).flatMap((device): [string, string][] => {
        const time = at.get(device)
        return time ? [[device, isoTime(time)]] : []
      })
      return [set.id, new Map(own)]
    }),
  )
}

async function withActions(
  client: HawkbitClient,
  id: string,
  sets: readonly DistributionSet[],
  { bySet, installed }: Together,
): Promise<HawkbitDeployment> {
  const devices = new Map<string, DeviceState>()
  const actions = new Map<string, DeviceAction>()
  const finishedAt = new Map<string, string>()
  for (const set of sets) {
    const own = bySet.get(set.id) ?? []
    for (const action of own) {
      actions.set(action.device, action)
      devices.set(action.device, stateOf(client, action, wasPresent(set)))
    }
    const done = own.filter(({ device }) => !isOpenState(devices.get(device) ?? 'pending'))
    for (const [device, at] of await timesOf(client, set, done, installed.get(set.id)))
      finishedAt.set(device, at)
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
  known?: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const times = new Map<string, string>(known)
  const hasInstalled = done.some(({ status }) => status === 'finished')
  if (hasInstalled && !known) {
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
