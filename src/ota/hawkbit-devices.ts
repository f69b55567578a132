// Devices on a hawkBit server, where every target that exists is let in.
import { Failure } from '../platform/platform.ts'
import { forEach } from './at-a-time.ts'
import { type HawkbitClient, targetPath } from './hawkbit-client.ts'
import { factsOf } from './hawkbit-facts.ts'
import { target } from './hawkbit-schemas.ts'
import type { DeviceFacts } from './ota-server.ts'

/** Pages are cut from a list that changes meanwhile, so a device may slip from one to another: look again, so often. */
const maxRounds = 3
/** What is asked for afresh: of many devices, where that costs two requests for each, and of one that is looked at. */
const ofMany = { maxAgeMs: 10 * 60_000, isWaitedFor: false }
const ofOne = { maxAgeMs: 5000, isWaitedFor: true }

/** All devices, in pages of up to 500. The list has no attributes, so each device costs two more requests. */
export async function* listDevices(client: HawkbitClient): AsyncGenerator<DeviceFacts[]> {
  const seen = new Set<string>()
  for (let round = 1; ; round++) {
    let total = 0
    for await (const page of client.pages('/targets', { sort: 'controllerId:ASC' }, target)) {
      total = page.total
      const fresh = page.entries.filter(({ controllerId }) => !seen.has(controllerId))
      for (const { controllerId } of fresh) seen.add(controllerId)
      const facts = await forEach(fresh, (one) => factsOf(client, one, ofMany))
      // a device may be removed between the two requests
      const known = facts.filter((one) => one !== undefined)
      if (known.length > 0) yield known
    }
    if (seen.size >= total) return
    if (round === maxRounds) {
      throw new Failure(
        'unexpected-reply',
        `${client.url} says it has ${total} devices, but lists ${seen.size}: try again when fewer come and go`,
      )
    }
  }
}

/** One device; throws `device-missing`. */
export async function readDevice(client: HawkbitClient, id: string): Promise<DeviceFacts> {
  const found = await client.find(targetPath(id), target)
  const facts = found && (await factsOf(client, found, ofOne))
  if (facts) return facts
  throw missingDevice(client, id)
}

/** The server lets in every device that it knows, so there is nothing to do; throws `device-missing`. */
export async function acceptDevice(client: HawkbitClient, id: string): Promise<void> {
  if ((await client.find(targetPath(id), target)) === undefined) throw missingDevice(client, id)
}

/** Removes a device with its token; one that is not there is already removed. */
export async function retireDevice(client: HawkbitClient, id: string): Promise<void> {
  await client.http.send({ method: 'DELETE', path: targetPath(id), accept: [200, 204, 404] })
  if ((await client.find(targetPath(id), target)) === undefined) return
  throw new Failure(
    'server-refused',
    `${client.url} still knows device ${id}: a device that has the gateway token comes back by itself`,
  )
}

/** The failure for an id that the server doesn't know. */
export function missingDevice(client: HawkbitClient, id: string): Failure {
  return new Failure(
    'device-missing',
    `${client.url} knows no device ${id}: give its controller id, or create a target of this id there`,
  )
}
