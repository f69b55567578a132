// Devices on a Mender server: two services know them (device authentication and inventory), we want one fact sheet.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import { type MenderClient, endless, maxPages, pageSize } from './mender-client.ts'
import { type AuthDevice, type InventoryDevice, authDevice, inventoryDevice } from './mender-schemas.ts'
import { leaseAmong } from './mender-lease-tags.ts'
import { type DeviceFacts, leaseNote } from './ota-server.ts'

export const authPath = '/api/management/v2/devauth/devices'
const inventoryPath = '/api/management/v1/inventory/devices'
const searchPath = '/api/management/v2/inventory/filters/search'

/** Pages are cut from a list that changes meanwhile, so a device may slip from one to another: look again, so often. */
const maxRounds = 3

/**
 * All devices, in pages. The inventory has them with their facts, 500 a request; device authentication is asked only for
 * those that are not accepted, whom the inventory may lack or have with a status of a moment ago.
 */
export async function* listDevices(client: MenderClient): AsyncGenerator<DeviceFacts[]> {
  const others = new Map<string, AuthDevice>()
  const notAccepted = { status: ['pending', 'rejected', 'preauthorized', 'noauth'] }
  for await (const page of client.search(`${authPath}/search`, notAccepted, authDevice)) {
    for (const device of page) others.set(device.id, device)
  }
  const seen = new Set<string>()
  for (let round = 1; ; round++) {
    let total = 0
    for await (const page of searchInventory(client)) {
      total = page.total ?? total
      const fresh = page.devices.filter(({ id }) => !seen.has(id))
      for (const { id } of fresh) seen.add(id)
      if (fresh.length > 0)
        yield fresh.map((device) => factsOf(client, device.id, others.get(device.id), device))
    }
    if (seen.size >= total) break
    if (round === maxRounds) {
      throw new Failure(
        'unexpected-reply',
        `${client.url} says it has ${total} devices, but lists ${seen.size}: try again when fewer come and go`,
      )
    }
  }
  const known = [...others.values(), ...(await unlistedAccepted(client, seen, others))]
  const unlisted = known.filter(({ id }) => !seen.has(id))
  if (unlisted.length > 0) yield unlisted.map((device) => factsOf(client, device.id, device, undefined))
}

/** A device that was accepted a moment ago may not stand in the inventory yet. Asked for only where the counts differ. */
async function unlistedAccepted(
  client: MenderClient,
  seen: ReadonlySet<string>,
  others: ReadonlyMap<string, AuthDevice>,
): Promise<AuthDevice[]> {
  const listed = [...seen].filter((id) => !others.has(id)).length
  const counted = await client.find(`${authPath}/count?status=accepted`, v.object({ count: v.number() }))
  return counted && counted.count <= listed ? [] : client.list(authPath, { status: 'accepted' }, authDevice)
}

/** What the inventory has of the devices that all `filters` let through, page by page. */
export async function* searchInventory(
  client: MenderClient,
  filters: readonly unknown[] = [],
): AsyncGenerator<{ devices: InventoryDevice[]; total: number | undefined }> {
  const order = [{ scope: 'system', attribute: 'created_ts', order: 'asc' }]
  for (let page = 1, count = 0; ; page++) {
    if (page > maxPages) throw endless(client.url, searchPath)
    const { value, headers } = await client.http.read(
      {
        method: 'POST',
        path: searchPath,
        json: { page, per_page: pageSize, sort: order, ...(filters.length > 0 ? { filters } : {}) },
        repeatable: true,
      },
      v.array(inventoryDevice),
    )
    const header = Number(headers['x-total-count'] ?? Number.NaN)
    const total = Number.isSafeInteger(header) ? header : undefined
    count += value.length
    yield { devices: value, total }
    if (value.length === 0 || count >= (total ?? Infinity)) return
    if (total === undefined && value.length < pageSize) return
  }
}

/** One device; throws `device-missing`. */
export async function readDevice(client: MenderClient, id: string): Promise<DeviceFacts> {
  const path = `/${encodeURIComponent(id)}`
  const [auth, inventory] = await Promise.all([
    client.find(authPath + path, authDevice),
    client.find(inventoryPath + path, inventoryDevice),
  ])
  if (!auth) throw missingDevice(client, id)
  return factsOf(client, id, auth, inventory)
}

/**
 * Accepts a device's pending key, or does nothing where it is accepted. Throws `device-missing`, and `device-not-accepted`
 * where it has no key or several wait: anybody may ask under an identity that is known, so a person has to tell which is its.
 */
export async function acceptDevice(client: MenderClient, id: string): Promise<void> {
  const path = `${authPath}/${encodeURIComponent(id)}`
  const device = await client.find(path, authDevice)
  if (!device) throw missingDevice(client, id)
  if (device.status === 'accepted') return
  const waiting = device.auth_sets?.filter(({ status }) => status === 'pending') ?? []
  if (waiting.length > 1) {
    const what = `${waiting.length} keys wait under the identity of device ${id}, and one may be an impostor's`
    throw new Failure('device-not-accepted', `${what}: accept the right one on ${client.url}`)
  }
  const set = waiting[0] ?? device.auth_sets?.[0]
  if (!set) {
    throw new Failure('device-not-accepted', `device ${id} has sent no key yet: it has to connect first`)
  }
  await client.http.send({
    method: 'PUT',
    path: `${path}/auth/${encodeURIComponent(set.id)}/status`,
    json: { status: 'accepted' },
    accept: [200, 204],
  })
  const now = await client.find(path, authDevice)
  if (now?.status === 'accepted') return
  throw new Failure(
    'server-refused',
    `${client.url} did not accept device ${id}: it is ${now?.status ?? 'gone'}`,
  )
}

/** Removes a device; one that is not there is already removed. */
export async function retireDevice(client: MenderClient, id: string): Promise<void> {
  const path = `${authPath}/${encodeURIComponent(id)}`
  await client.http.send({ method: 'DELETE', path, accept: [200, 202, 204, 404] })
  const left = await client.find(path, authDevice)
  // the server may take a while for the rest, but the device gets nothing any more
  if (left === undefined || left.decommissioning) return
  throw new Failure('server-refused', `${client.url} did not remove device ${id}: it is still ${left.status}`)
}

/** The failure for an id that the server doesn't know. */
export function missingDevice(client: MenderClient, id: string): Failure {
  return new Failure(
    'device-missing',
    `${client.url} knows no device ${id}: give the id that the server shows for it, not its serial number`,
  )
}

/** One fact sheet of what the two services say. */
function factsOf(
  client: MenderClient,
  id: string,
  auth: AuthDevice | undefined,
  inventory: InventoryDevice | undefined,
): DeviceFacts {
  const reported = scopeOf(inventory, 'inventory')
  const { status, ...identity } = scopeOf(inventory, 'identity')
  const tags = inventory?.attributes?.filter(({ scope }) => scope === 'tags') ?? []
  const lease = leaseAmong(tags, client.context.clock.now())
  const hasReported = Object.keys(reported).length > 0
  // the server makes an inventory entry, with a time, for a device that never reported anything
  const reportedAt = hasReported && inventory?.updated_ts ? isoTime(inventory.updated_ts) : undefined
  const lastSeen = [scopeOf(inventory, 'system')['check_in_time'], auth?.check_in_time, reportedAt]
    .flatMap((at) => (at && !Number.isNaN(Date.parse(at)) ? [isoTime(at)] : []))
    .sort()
    .at(-1)
  return {
    id,
    // device authentication decides; a device that it did not name among the others is accepted
    status: auth?.status ?? knownStatus(status),
    reportedAt,
    ...(lastSeen === undefined ? {} : { lastSeen }),
    deviceType: reported['device_type'] || undefined,
    release:
      reported['rootfs-image.version'] || reported['image_version'] || reported['artifact_name'] || undefined,
    group: scopeOf(inventory, 'system')['group'] || undefined,
    identity: auth?.identity_data ? texts(Object.entries(auth.identity_data)) : identity,
    attributes: reported,
    ...(lease ? { lease: leaseNote(lease) } : {}),
  }
}

function knownStatus(text: string | undefined): DeviceFacts['status'] {
  const known = (['pending', 'rejected', 'preauthorized', 'noauth'] as const).find((one) => one === text)
  return known ?? 'accepted'
}

function scopeOf(device: InventoryDevice | undefined, scope: string): Record<string, string> {
  const inScope = device?.attributes?.filter((attribute) => attribute.scope === scope) ?? []
  return texts(inScope.map(({ name, value }) => [name, value] as const))
}

function texts(entries: readonly (readonly [string, unknown])[]): Record<string, string> {
  const present = entries.filter(([, value]) => value !== null && value !== undefined)
  return Object.fromEntries(
    present.map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : String(value)]),
  )
}

/** Times are compared, so all have one form. */
function isoTime(text: string): string {
  return new Date(text).toISOString()
}
