// Devices and the keys they came with (auth sets): who may get a token.
import * as v from 'valibot'
import { type Digest, canonicalJson, digestOf, oneLine } from '../platform/platform.ts'
import { attributeValue, putAttributes } from './attributes.ts'
import { type Core, newId, timestamp } from './core.ts'
import type { Page } from './paging.ts'
import { Refusal, notFound } from './refusal.ts'

/** What a device says of itself when it asks for a token, such as its serial number. */
export const identitySchema = v.pipe(
  v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(1024)), attributeValue),
  v.check((identity) => Object.keys(identity).length > 0, 'identity data is empty'),
)
export type Identity = v.InferOutput<typeof identitySchema>

/** Who asks for a token costs nothing until accepted, but each asker is stored: this many at most. */
const maxUnaccepted = 10_000
/** Keys of one device that are kept. */
const maxKeys = 50

export const authStatus = v.picklist(['pending', 'accepted', 'rejected', 'preauthorized'])
export type AuthStatus = v.InferOutput<typeof authStatus>
export const deviceStatus = v.picklist(['pending', 'accepted', 'rejected', 'preauthorized', 'noauth'])
export type DeviceStatus = v.InferOutput<typeof deviceStatus>

const identityColumn = v.pipe(v.string(), v.parseJson(), identitySchema)
const deviceRow = v.object({
  id: v.string(),
  identity: identityColumn,
  status: deviceStatus,
  created: v.string(),
  updated: v.string(),
  checked_in: v.nullable(v.string()),
})
const authSetRow = v.object({
  id: v.string(),
  device: v.string(),
  public_key: v.string(),
  status: authStatus,
  created: v.string(),
})
export type Device = v.InferOutput<typeof deviceRow>
export type AuthSet = v.InferOutput<typeof authSetRow>

/** Finds the auth set of an identity and a key. */
export function findAuthSet(core: Core, identity: Identity, publicKey: string): AuthSet | undefined {
  return core.store.get(
    authSetRow,
    `SELECT auth_set.* FROM auth_set JOIN device ON device.id = auth_set.device
     WHERE identity_digest = ? AND public_key = ?`,
    identityDigest(identity),
    publicKey,
  )
}

/**
 * Stores a key for an identity, and the device where it is new. Throws a 503 where too many devices wait already; of one
 * device's keys the oldest that may do nothing make room.
 */
export function addAuthSet(core: Core, identity: Identity, publicKey: string, status: AuthStatus): AuthSet {
  return core.store.transaction(() => {
    const device = deviceOf(core, identity) ?? addDevice(core, identity)
    const id = newId()
    const created = timestamp()
    forgetKeys(core, device.id)
    core.store.run(
      `INSERT INTO auth_set (id, device, public_key, status, created) VALUES (?, ?, ?, ?, ?)`,
      id,
      device.id,
      publicKey,
      status,
      created,
    )
    refreshStatus(core, device.id)
    return { id, device: device.id, public_key: publicKey, status, created }
  })
}

/** Accepts or rejects a key; accepting one rejects the device's others, for a device has one key. */
export function setAuthStatus(core: Core, device: string, authSet: string, status: AuthStatus): void {
  core.store.transaction(() => {
    const found = core.store.run(
      `UPDATE auth_set SET status = ? WHERE id = ? AND device = ?`,
      status,
      authSet,
      device,
    )
    if (found === 0) throw notFound('authentication set')
    if (status === 'accepted') {
      core.store.run(
        `UPDATE auth_set SET status = 'rejected' WHERE device = ? AND id <> ? AND status = 'accepted'`,
        device,
        authSet,
      )
    }
    refreshStatus(core, device)
  })
}

/** Removes a key; a device without one has the status `noauth`, as it was only ever known by inventory or deployments. */
export function removeAuthSet(core: Core, device: string, authSet: string): void {
  core.store.transaction(() => {
    if (core.store.run(`DELETE FROM auth_set WHERE id = ? AND device = ?`, authSet, device) === 0)
      throw notFound('authentication set')
    refreshStatus(core, device)
  })
}

/** A device by its id; throws a 404. */
export function findDevice(core: Core, id: string): Device {
  const found = core.store.get(deviceRow, `SELECT * FROM device WHERE id = ?`, id)
  if (!found) throw notFound('device')
  return found
}

/** The device with this identity, or undefined. */
export function deviceOf(core: Core, identity: Identity): Device | undefined {
  return core.store.get(deviceRow, `SELECT * FROM device WHERE identity_digest = ?`, identityDigest(identity))
}

/** A device's keys and how each stands, the newest first. */
export function authSetsOf(core: Core, device: string): AuthSet[] {
  return core.store.all(
    authSetRow,
    `SELECT * FROM auth_set WHERE device = ? ORDER BY created DESC, id`,
    device,
  )
}

/** Devices by status and id, in the order they came; empty conditions hold for all. */
export function listDevices(
  core: Core,
  filter: { statuses: readonly DeviceStatus[]; ids: readonly string[] },
  page: Page,
): { devices: Device[]; total: number } {
  const status = filter.statuses.length > 0 ? `status IN (${marks(filter.statuses)})` : '1'
  const id = filter.ids.length > 0 ? `id IN (${marks(filter.ids)})` : '1'
  const values = [...filter.statuses, ...filter.ids]
  const where = `WHERE ${status} AND ${id}`
  return {
    total: core.store.count(`SELECT count(*) AS n FROM device ${where}`, ...values),
    devices: core.store.all(
      deviceRow,
      `SELECT * FROM device ${where} ORDER BY seq LIMIT ? OFFSET ?`,
      ...values,
      page.perPage,
      page.offset,
    ),
  }
}

/** How many devices there are, of one status or of all. */
export function countDevices(core: Core, status: DeviceStatus | undefined): number {
  if (status === undefined) return core.store.count(`SELECT count(*) AS n FROM device`)
  return core.store.count(`SELECT count(*) AS n FROM device WHERE status = ?`, status)
}

/** A device in the API's form. */
export function deviceView(core: Core, device: Device): Record<string, unknown> {
  return {
    id: device.id,
    identity_data: device.identity,
    status: device.status,
    created_ts: device.created,
    updated_ts: device.updated,
    check_in_time: device.checked_in ?? undefined,
    decommissioning: false,
    auth_sets: authSetsOf(core, device.id).map((set) => ({
      id: set.id,
      device_id: set.device,
      identity_data: device.identity,
      pubkey: set.public_key,
      status: set.status,
      ts: set.created,
    })),
  }
}

/** A device's identity for a log line. */
export function identityText(identity: Identity): string {
  return oneLine(
    Object.entries(identity)
      .map(([key, value]) => `${key} ${String(value)}`)
      .join(', '),
  )
}

/** Anybody may ask with an identity that is known, each time with another key. */
function forgetKeys(core: Core, device: string): void {
  core.store.run(
    `DELETE FROM auth_set WHERE device = ? AND status IN ('pending', 'rejected') AND rowid NOT IN
       (SELECT rowid FROM auth_set WHERE device = ? ORDER BY rowid DESC LIMIT ?)`,
    device,
    device,
    maxKeys - 1,
  )
}

function addDevice(core: Core, identity: Identity): Device {
  if (core.store.count(`SELECT count(*) AS n FROM device WHERE status <> 'accepted'`) >= maxUnaccepted)
    throw new Refusal(503, `${maxUnaccepted} devices wait to be accepted: accept, reject or remove some`)
  const id = newId()
  const created = timestamp()
  core.store.run(
    `INSERT INTO device (id, identity, identity_digest, status, created, updated) VALUES (?, ?, ?, 'noauth', ?, ?)`,
    id,
    canonicalJson(identity),
    identityDigest(identity),
    created,
    created,
  )
  const attributes = Object.entries(identity).map(([name, value]) => ({ name, value }))
  putAttributes(core, id, 'identity', attributes)
  putAttributes(core, id, 'system', [{ name: 'created_ts', value: created }])
  return findDevice(core, id)
}

// the first of these that any of its keys has; a key that waits counts before one that was turned away
const precedence = ['accepted', 'preauthorized', 'pending', 'rejected'] as const

function refreshStatus(core: Core, device: string): void {
  const statuses = authSetsOf(core, device).map(({ status }) => status)
  const status: DeviceStatus = precedence.find((candidate) => statuses.includes(candidate)) ?? 'noauth'
  const now = timestamp()
  core.store.run(`UPDATE device SET status = ?, updated = ? WHERE id = ?`, status, now, device)
  putAttributes(core, device, 'identity', [{ name: 'status', value: status }])
}

function identityDigest(identity: Identity): Digest {
  return digestOf(canonicalJson(identity))
}

const marks = (values: readonly unknown[]) => values.map(() => '?').join(', ')
