// Actions: what a hawkBit server knows of one device in one distribution set, and what its words mean in ours.
import { Failure } from '../platform/platform.ts'
import { type HawkbitClient, targetPath } from './hawkbit-client.ts'
import { type Action, type ActionStatus, action, actionStatus } from './hawkbit-schemas.ts'
import type { DeviceState } from './ota-server.ts'

export interface DeviceAction extends Action {
  device: string
  set: number
}

/** The actions that `query` lets through, the oldest first. */
export async function listActions(client: HawkbitClient, query: string): Promise<DeviceAction[]> {
  const all = await client.list('/actions', { sort: 'id:ASC', query }, action)
  return all.map((one) => ({
    ...one,
    device: idIn(client, one, 'target', /\/targets\/([^/?]+)$/),
    set: Number(idIn(client, one, 'distributionset', /\/distributionsets\/(\d+)$/)),
  }))
}

/** What was said of an action, the oldest first; the end of it where it is long. */
export async function readHistory(
  client: HawkbitClient,
  { device, id }: Pick<DeviceAction, 'device' | 'id'>,
  maxEntries = 1000,
): Promise<ActionStatus[]> {
  const history: ActionStatus[] = []
  const path = `${actionPath({ device, id })}/status`
  for await (const { entries } of client.pages(path, { sort: 'id:DESC', mayBeGone: true }, actionStatus)) {
    history.push(...entries)
    if (history.length >= maxEntries) break
  }
  return history.slice(0, maxEntries).toReversed()
}

/** Where an action is. */
export function actionPath({ device, id }: Pick<DeviceAction, 'device' | 'id'>): string {
  return `${targetPath(device)}/actions/${id}`
}

/**
 * How a device stands. The server says `retrieved` from the time when the device has read the order until it is done,
 * whatever the device reports in between; so that is `downloading`, and `installing` and `rebooting` are never seen.
 */
export function stateOf(client: HawkbitClient, action: Action, wasPresent: boolean): DeviceState {
  switch (action.status) {
    case 'scheduled':
    case 'wait_for_confirmation':
      return 'pending'
    case 'running':
      // changed since it was made: somebody asked to cancel it, and the device, which has begun, refused
      return (action.lastModifiedAt ?? action.createdAt) > action.createdAt ? 'downloading' : 'pending'
    case 'retrieved':
    case 'download':
    case 'downloaded':
    case 'warning':
    case 'canceling':
    case 'cancel_rejected':
      return action.active ? 'downloading' : 'success'
    case 'finished':
      return wasPresent ? 'already-installed' : 'success'
    case 'error':
      return 'failure'
    case 'canceled':
      return 'aborted'
    default:
      throw new Failure(
        'unexpected-reply',
        `${client.url} has an action in the unknown state "${action.status.slice(0, 80)}"`,
      )
  }
}

/** What only a device can have brought about; everything before that is the server's own. */
const byDevice = ['retrieved', 'download', 'downloaded', 'warning', 'error', 'finished', 'cancel_rejected']

/** Whether the device has read the order: from then on it may be in the middle of installing. */
export function hasBegun(history: readonly ActionStatus[]): boolean {
  return history.some(({ type }) => byDevice.includes(type))
}

function idIn(client: HawkbitClient, action: Action, link: string, pattern: RegExp): string {
  const found = action._links?.[link]
  const href = typeof found === 'object' && found !== null && 'href' in found ? String(found.href) : ''
  const id = pattern.exec(href)?.[1]
  if (id !== undefined) return decodeURIComponent(id)
  throw new Failure('unexpected-reply', `${client.url} lists action ${action.id} without its ${link}`)
}
