// A lease is four tags of the device. Tags are written against their ETag, so of two runs one is told that it lost. They are
// written as a whole (PUT): changing some of them (PATCH) would make the device's facts look fresh.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import type { MenderClient } from './mender-client.ts'
import { missingDevice } from './mender-devices.ts'
import { type Tag, isLeaseTag, lastNumber, leaseAmong, numberTag, tagsOf } from './mender-lease-tags.ts'
import type { Lease, LeaseWish } from './ota-server.ts'

const attempts = 5

const taggedDevice = v.object({
  id: v.string(),
  attributes: v.nullish(
    v.array(
      v.object({
        name: v.string(),
        scope: v.optional(v.string(), 'inventory'),
        value: v.unknown(),
        description: v.nullish(v.string()),
      }),
    ),
  ),
})

interface Tags {
  all: Tag[]
  etag: string | undefined
}

/** Who holds the device now; undefined where nobody does. */
export async function leaseOf(client: MenderClient, device: string): Promise<Lease | undefined> {
  return leaseAmong((await readTags(client, device)).all, client.context.clock.now())
}

/** Takes or prolongs a lease; see `OtaServer.takeLease`. */
export async function takeLease(client: MenderClient, device: string, wish: LeaseWish): Promise<Lease> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const tags = await readTags(client, device)
    const current = leaseAmong(tags.all, client.context.clock.now())
    if (current && current.id !== wish.id) return current
    const lease = { ...wish, number: current?.number ?? lastNumber(tags.all) + 1 }
    if (!(await writeTags(client, device, tags, tagsOf(lease)))) continue
    // tags that were never written have no ETag: the first of two writers finds out by looking again
    if (tags.etag === undefined) await client.context.clock.sleep(1000, client.context.signal)
    const now = await leaseOf(client, device)
    if (now) return now
    if (Date.parse(lease.until) <= client.context.clock.now().getTime()) return lease
  }
  throw new Failure(
    'device-busy',
    `the tags of device ${device} change faster than a lease can be written: try again`,
  )
}

/** Returns a lease; does nothing where it is no longer held. */
export async function returnLease(client: MenderClient, device: string, id: string): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const tags = await readTags(client, device)
    if (leaseAmong(tags.all, new Date(0))?.id !== id) return
    if (await writeTags(client, device, tags, [numberTag(lastNumber(tags.all))])) return
  }
  client.context.log.warn(`the lease of device ${device} could not be returned; it ends by itself`)
}

async function readTags(client: MenderClient, device: string): Promise<Tags> {
  const path = `/api/management/v1/inventory/devices/${encodeURIComponent(device)}`
  const found = await client.http.find({ method: 'GET', path }, taggedDevice)
  if (!found) throw missingDevice(client, device)
  const [etag] = [found.headers['etag'] ?? []].flat()
  const all = (found.value.attributes ?? [])
    .filter(({ scope }) => scope === 'tags')
    .map(({ name, value, description }) => ({ name, value, ...(description ? { description } : {}) }))
  return { all, etag: etag || undefined }
}

/** Replaces the lease among the tags; false where somebody else wrote them meanwhile. */
async function writeTags(
  client: MenderClient,
  device: string,
  tags: Tags,
  lease: Tags['all'],
): Promise<boolean> {
  const { status } = await client.http.send({
    method: 'PUT',
    path: `/api/management/v1/inventory/devices/${encodeURIComponent(device)}/tags`,
    json: [...tags.all.filter((tag) => !isLeaseTag(tag)), ...lease],
    ...(tags.etag === undefined ? {} : { headers: { 'if-match': tags.etag } }),
    accept: [200, 204, 412],
  })
  return status !== 412
}
