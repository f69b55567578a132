// Takes orders back from devices that have not begun them. To cancel is to ask the device, and a device that is off never
// answers; so a device that has read nothing by then is taken out by force, after one more look.
import { Failure } from '../platform/platform.ts'
import { forEach } from './at-a-time.ts'
import { type DeviceAction, actionPath, hasBegun, readHistory } from './hawkbit-actions.ts'
import type { HawkbitClient } from './hawkbit-client.ts'
import { readWithActions } from './hawkbit-deployments.ts'
import { isOpenState } from './ota-server.ts'

/** Takes an order back where it has not begun; see `OtaServer.withdraw`. */
export async function withdraw(
  client: HawkbitClient,
  id: string,
  ended: readonly string[] = [],
  from?: readonly string[],
): Promise<string[]> {
  const before = await readWithActions(client, id)
  const open = [...before.actions.values()].filter(({ device, active }) => {
    return active && isOpenState(before.devices.get(device) ?? 'aborted')
  })
  const asked = from && new Set(from)
  const free = open.filter(
    ({ device }) =>
      (asked?.has(device) ?? true) && (before.devices.get(device) === 'pending' || ended.includes(device)),
  )
  await forEach(free, (action) => takeBack(client, action, ended.includes(action.device)))
  const { devices } = await readWithActions(client, id)
  const left = free.find(({ device }) => devices.get(device) === 'pending')
  if (left) {
    throw new Failure(
      'unexpected-reply',
      `${client.url} said that it took ${before.name} back from ${left.device}, but still has it there: cancel it on the server`,
    )
  }
  return [...devices].filter(([, state]) => isOpenState(state)).map(([device]) => device)
}

async function takeBack(client: HawkbitClient, action: DeviceAction, hasEnded: boolean): Promise<void> {
  if (!hasEnded && hasBegun(await readHistory(client, action))) return
  // 405: it is over, or it is being cancelled already
  const request = { method: 'DELETE', path: actionPath(action), accept: [200, 204, 404, 405] } as const
  await client.http.send(request)
  // from here on the device is given no order to read, so what it has read it has read before
  if (!hasEnded && hasBegun(await readHistory(client, action))) return
  await client.http.send({ ...request, path: `${actionPath(action)}?force=true` })
}
