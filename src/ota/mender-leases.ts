// A lease is three tags of the device. Tags are written against their ETag, so of two runs one is told that it lost. They are
// written as a whole (PUT): changing some of them (PATCH) would make the device's facts look fresh.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import type { MenderClient } from './mender-client.ts'
import { missingDevice } from './mender-devices.ts'
import type { Lease } from './ota-server.ts'

const names = { id: 'drover-lease', holder: 'drover-lease-holder', until: 'drover-lease-until' } as const
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
  all: { name: string; value: unknown; description?: string }[]
  etag: string | undefined
}

/** Who holds the device now; undefined where nobody does. */
export async function leaseOf(client: MenderClient, device: string): Promise<Lease | undefined> {
  return leaseIn(client, await readTags(client, device))
}

/** Takes or prolongs a lease; see `OtaServer.takeLease`. */
export async function takeLease(client: MenderClient, device: string, lease: Lease): Promise<Lease> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const tags = await readTags(client, device)
    const current = leaseIn(client, tags)
    if (current && current.id !== lease.id) return current
    const isWritten = await writeTags(client, device, tags, [
      { name: names.id, value: lease.id },
      { name: names.holder, value: lease.holder },
      { name: names.until, value: lease.until },
    ])
    if (!isWritten) continue
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
    if (tags.all.find(({ name }) => name === names.id)?.value !== id) return
    if (await writeTags(client, device, tags, [])) return
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
  const ours: readonly string[] = Object.values(names)
  const { status } = await client.http.send({
    method: 'PUT',
    path: `/api/management/v1/inventory/devices/${encodeURIComponent(device)}/tags`,
    json: [...tags.all.filter(({ name }) => !ours.includes(name)), ...lease],
    ...(tags.etag === undefined ? {} : { headers: { 'if-match': tags.etag } }),
    accept: [200, 204, 412],
  })
  return status !== 412
}

function leaseIn(client: MenderClient, tags: Tags): Lease | undefined {
  const text = (name: string) => {
    const value = tags.all.find((tag) => tag.name === name)?.value
    return typeof value === 'string' ? value : ''
  }
  const lease = { id: text(names.id), holder: text(names.holder), until: text(names.until) }
  const endsAt = Date.parse(lease.until)
  // an end that can't be read is no end: it counts as over, or a broken tag would hold the device for ever
  return lease.id && endsAt > client.context.clock.now().getTime() ? lease : undefined
}
