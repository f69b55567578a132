// A lease is an entry of the target's metadata whose key ends in a number, and the highest number holds the device. An entry
// can be created only once, so of several who take the next number one is told that it won. Entries of lower numbers are
// history: whoever has a higher one removes them. The highest stays, emptied when its holder is done, so numbers only grow.
import { Failure } from '../platform/platform.ts'
import { type HawkbitClient, targetPath } from './hawkbit-client.ts'
import { missingDevice } from './hawkbit-devices.ts'
import { readMetadata } from './hawkbit-facts.ts'
import { type LeaseEntry, heldBy, leaseEntries, leasePrefix } from './hawkbit-lease-entries.ts'
import type { Lease, LeaseWish } from './ota-server.ts'

const attempts = 5

/** Who holds the device now; undefined where nobody does. */
export async function leaseOf(client: HawkbitClient, device: string): Promise<Lease | undefined> {
  return heldBy((await readEntries(client, device)).at(-1), client.context.clock.now())
}

/** Takes or prolongs a lease; see `OtaServer.takeLease`. */
export async function takeLease(client: HawkbitClient, device: string, wish: LeaseWish): Promise<Lease> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const entries = await readEntries(client, device)
    const last = entries.at(-1)
    const holder = heldBy(last, client.context.clock.now())
    if (holder && holder.id !== wish.id) return holder
    const number = holder ? (last?.number ?? 0) : (last?.number ?? 0) + 1
    const isWritten = holder
      ? await overwrite(client, device, number, JSON.stringify(wish))
      : await create(client, device, number, wish)
    if (!isWritten) continue
    // one who was slower than a whole lease of another writes a number that is history by now
    const now = await readEntries(client, device)
    if (now.at(-1)?.number === number) {
      await removeBelow(client, device, now, number)
      return { ...wish, number }
    }
    await remove(client, device, number)
  }
  throw new Failure(
    'device-busy',
    `the leases of device ${device} change faster than one can be taken: try again`,
  )
}

/** Returns a lease; does nothing where it is no longer held. */
export async function returnLease(client: HawkbitClient, device: string, id: string): Promise<void> {
  const last = (await readEntries(client, device)).at(-1)
  if (last?.lease?.id !== id) return
  await overwrite(client, device, last.number, 'returned')
  if ((await leaseOf(client, device))?.id === id) {
    client.context.log.warn(`the lease of device ${device} could not be returned; it ends by itself`)
  }
}

/** All entries, the lowest number first. Throws `device-missing`. */
async function readEntries(client: HawkbitClient, device: string): Promise<LeaseEntry[]> {
  const all = await readMetadata(client, device)
  if (all === undefined) throw missingDevice(client, device)
  return leaseEntries(all)
}

const entryPath = (device: string, number: number) => `${targetPath(device)}/metadata/${leasePrefix}${number}`

/** False where another was first; an answer that got lost is found by the next look, for the lease's id is in it. */
async function create(
  client: HawkbitClient,
  device: string,
  number: number,
  wish: LeaseWish,
): Promise<boolean> {
  try {
    const { status } = await client.http.send({
      method: 'POST',
      path: `${targetPath(device)}/metadata`,
      json: [{ key: `${leasePrefix}${number}`, value: JSON.stringify(wish) }],
      accept: [200, 201, 204, 409],
    })
    return status !== 409
  } catch (error) {
    if (error instanceof Failure && error.reason === 'unreachable') return false
    throw error
  }
}

async function overwrite(
  client: HawkbitClient,
  device: string,
  number: number,
  value: string,
): Promise<boolean> {
  const request = { method: 'PUT', path: entryPath(device, number), json: { value } } as const
  const { status } = await client.http.send({ ...request, accept: [200, 201, 204, 404, 409] })
  return status < 300
}

async function removeBelow(
  client: HawkbitClient,
  device: string,
  entries: readonly LeaseEntry[],
  number: number,
): Promise<void> {
  for (const entry of entries) if (entry.number < number) await remove(client, device, entry.number)
}

async function remove(client: HawkbitClient, device: string, number: number): Promise<void> {
  await client.http.send({
    method: 'DELETE',
    path: entryPath(device, number),
    accept: [200, 204, 404, 409],
  })
}
