// Whether a device has settled after an OS release. RAUC's updater says success when the bundle is written, before the device
// restarts into it; a configuration that comes then goes to the system that is about to be left.
import { Failure, counted } from '../platform/platform.ts'
import { chunksOf, forEach } from './at-a-time.ts'
import { type HawkbitClient, queryChunk, quoted, targetPath } from './hawkbit-client.ts'
import { typesOf } from './hawkbit-kinds.ts'
import { noteOf } from './hawkbit-orders.ts'
import { distributionSet, target } from './hawkbit-schemas.ts'
import type { DeviceFacts } from './ota-server.ts'

/** A device that has not come back with its new release by then isn't in the middle of it any more. */
const settlingMs = 3_600_000

/** Throws `device-busy` where a device has just ended an order of an OS release and has not reported it yet. */
export async function checkSettled(client: HawkbitClient, devices: readonly DeviceFacts[]): Promise<void> {
  const chunks = chunksOf(devices, queryChunk)
  const unsettled = (await forEach(chunks, (chunk) => unsettledOf(client, chunk))).flat()
  if (unsettled.length === 0) return
  throw new Failure(
    'device-busy',
    `${counted(unsettled.length, 'device', ['has', 'have'])} an OS release on ${client.url} that they don't report yet: ${unsettled.slice(0, 5).join(', ')}. A configuration is ordered once they do`,
  )
}

async function unsettledOf(client: HawkbitClient, devices: readonly DeviceFacts[]): Promise<string[]> {
  const query = `controllerid=in=(${devices.map(({ id }) => quoted(id)).join(',')})`
  const targets = await client.list('/targets', { sort: 'controllerId:ASC', query }, target)
  const byId = new Map(targets.map((one) => [one.controllerId, one]))
  const unsettled = await forEach(devices, async (device) => {
    const installedAt = byId.get(device.id)?.installedAt
    if (installedAt === undefined || installedAt === null) return []
    const isRecent = client.context.clock.now().getTime() - installedAt < settlingMs
    const hasReported = Date.parse(device.reportedAt ?? '') > installedAt
    if (hasReported && !isRecent) return []
    const release = await installedOs(client, device.id)
    if (release === undefined || device.release === release) return []
    return [`${device.id} (${release}, reports ${device.release ?? 'no release'})`]
  })
  return unsettled.flat()
}

/** The OS release that the device was given last, where we gave it and it was not on it before. */
async function installedOs(client: HawkbitClient, device: string): Promise<string | undefined> {
  const set = await client.find(`${targetPath(device)}/installedDS`, distributionSet)
  const isOs = set?.type === typesOf.os.set && noteOf(set) !== undefined
  return isOs ? set.name : undefined
}
