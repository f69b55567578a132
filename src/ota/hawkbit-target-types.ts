// Target types, with which operators of a hawkBit server say which types of distribution sets a target may get. The server
// refuses an assignment against them, but only when the order's set is there already.
import * as v from 'valibot'
import { Failure, counted } from '../platform/platform.ts'
import { chunksOf, forEach } from './at-a-time.ts'
import { type HawkbitClient, queryChunk, quoted } from './hawkbit-client.ts'
import { setType, target, targetType } from './hawkbit-schemas.ts'

/** The target types that the server lets a set of this type go to, and those that it doesn't. */
export async function targetTypesFor(
  client: HawkbitClient,
  type: string | undefined,
): Promise<{ compatible: string[]; others: string[] }> {
  const types = await client.list('/targettypes', { sort: 'id:ASC' }, targetType)
  const all = await forEach(types, async ({ id, name }) => {
    const path = `/targettypes/${id}/compatibledistributionsettypes`
    const setTypes = (await client.find(path, v.array(setType))) ?? []
    return { name, isCompatible: setTypes.some(({ key }) => key === type) }
  })
  const names = (wanted: boolean) =>
    all.filter(({ isCompatible }) => isCompatible === wanted).map(({ name }) => name)
  return { compatible: names(true), others: names(false) }
}

/** Throws `wrong-device-type` where the server would not let a set of this type go to one of the devices. */
export async function checkTargetTypes(
  client: HawkbitClient,
  type: string,
  devices: readonly string[],
): Promise<void> {
  const { others } = await targetTypesFor(client, type)
  if (others.length === 0) return
  const found = await forEach(chunksOf(devices, queryChunk), (ids) => {
    const query = `controllerid=in=(${ids.map(quoted).join(',')})`
    return client.list('/targets', { sort: 'controllerId:ASC', query }, target)
  })
  const wrong = found.flat().filter(({ targetTypeName }) => others.includes(targetTypeName ?? ''))
  if (wrong.length === 0) return
  const list = wrong
    .slice(0, 5)
    .map(({ controllerId, targetTypeName }) => `${controllerId} (${targetTypeName})`)
  throw new Failure(
    'wrong-device-type',
    `${counted(wrong.length, 'device', ['has a target type', 'have target types'])} on ${client.url} that no distribution set of the type ${type} may go to: ${list.join(', ')}. Make these types compatible with it there`,
  )
}
