// What a device reported, and since when that is known. The server keeps no time with a device's attributes: it knows only
// whether it still waits for some that it asked for. So whenever they are asked for, a note with the time is left in the
// target's metadata: attributes that came after that are at least as new. A time that is too early only makes them look
// old; one that is too late would pass old facts off as fresh, so none is taken that other events change as well.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import { type HawkbitClient, targetPath } from './hawkbit-client.ts'
import { heldBy, leaseEntries } from './hawkbit-lease-entries.ts'
import { type Metadata, type Target, attributes, metadata } from './hawkbit-schemas.ts'
import { type DeviceFacts, leaseNote } from './ota-server.ts'

const noteKey = 'drover.facts'
const time = v.pipe(v.string(), v.isoTimestamp())
const note = v.object({
  /** When the attributes were asked for last. */
  asked: v.optional(time),
  /** How new those were that it had by then. */
  had: v.optional(time),
})
type Note = v.InferOutput<typeof note>

/** Which facts are asked for afresh. */
export interface Freshness {
  /** Those that are older, in ms. */
  maxAgeMs: number
  /** Also where the device has not answered the last time yet, for then its answer counts as newer. */
  isWaitedFor: boolean
}

/** What is known of a device, and asks for it afresh where that is due; undefined where the device is gone by now. */
export async function factsOf(
  client: HawkbitClient,
  target: Target,
  freshness: Freshness,
): Promise<DeviceFacts | undefined> {
  const path = targetPath(target.controllerId)
  const [reported = {}, notes] = await Promise.all([
    client.find(`${path}/attributes`, attributes),
    readMetadata(client, target.controllerId),
  ])
  if (notes === undefined) return undefined
  const reportedAt = Object.keys(reported).length > 0 ? timeOf(target, noteIn(notes)) : undefined
  await askAfresh(client, target, { reportedAt, asked: noteIn(notes).asked, ...freshness })
  const lease = heldBy(leaseEntries(notes).at(-1), client.context.clock.now())
  return {
    id: target.controllerId,
    status: 'accepted',
    reportedAt,
    deviceType: reported['device_type'] || target.targetTypeName || undefined,
    release:
      reported['rootfs-image.version'] || reported['image_version'] || reported['artifact_name'] || undefined,
    group: target.group || undefined,
    identity: { controllerId: target.controllerId },
    attributes: reported,
    ...seenAt(target, reportedAt),
    ...(lease ? { lease: leaseNote(lease) } : {}),
  }
}

/** A poll, or the report itself, whichever is later. */
function seenAt({ lastControllerRequestAt }: Target, reportedAt: string | undefined): { lastSeen?: string } {
  const polledAt = lastControllerRequestAt ? new Date(lastControllerRequestAt).toISOString() : undefined
  const lastSeen = [polledAt ?? '', reportedAt ?? ''].sort().at(-1)
  return lastSeen ? { lastSeen } : {}
}

/** A device's metadata; undefined where the server knows no such device. */
export async function readMetadata(client: HawkbitClient, id: string): Promise<Metadata[] | undefined> {
  const page = v.object({ content: v.array(metadata) })
  return (await client.find(`${targetPath(id)}/metadata`, page))?.content
}

/** The earliest that the device can have reported what the server has of it. */
function timeOf(target: Target, { asked, had }: Note): string {
  const createdAt = new Date(target.createdAt).toISOString()
  const known = (target.requestAttributes === true ? had : asked) ?? ''
  return known > createdAt ? known : createdAt
}

interface Known extends Freshness {
  reportedAt: string | undefined
  asked: string | undefined
}

/** Asks the device to report at its next poll, unless that was done a moment ago. */
async function askAfresh(
  client: HawkbitClient,
  target: Target,
  { reportedAt, asked, maxAgeMs, isWaitedFor }: Known,
): Promise<void> {
  const now = client.context.clock.now().getTime()
  const isRecent = (at: string | undefined) => at !== undefined && Math.abs(now - Date.parse(at)) < maxAgeMs
  if (isRecent(reportedAt) || isRecent(asked)) return
  if (target.requestAttributes === true && !isWaitedFor) return
  const path = targetPath(target.controllerId)
  try {
    const request = { method: 'PUT', path, json: { requestAttributes: true } } as const
    const asks = await client.http.find(request, v.object({ requestAttributes: v.literal(true) }))
    const [date = ''] = [asks?.headers['date'] ?? []].flat()
    // the server's own clock, as all times are that facts are compared with
    const at = Date.parse(date)
    if (Number.isNaN(at)) return
    const value = JSON.stringify({ asked: new Date(at).toISOString(), had: reportedAt })
    await client.http.send({
      method: 'PUT',
      path: `${path}/metadata/${noteKey}`,
      json: { value },
      accept: [200, 201, 204, 404],
    })
  } catch (error) {
    // a token that may only read gets facts too, but old ones stay old
    if (!(error instanceof Failure) || error.reason !== 'bad-credentials') throw error
    client.context.log.debug(`${target.controllerId} can't be asked for fresh facts: ${error.message}`)
  }
}

function noteIn(all: readonly Metadata[]): Note {
  const text = all.find(({ key }) => key === noteKey)?.value
  if (text === undefined) return {}
  try {
    const result = v.safeParse(note, JSON.parse(text))
    return result.success ? result.output : {}
  } catch {
    return {}
  }
}
