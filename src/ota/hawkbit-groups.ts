// Groups of targets. hawkBit 1.0 assigns to targets, not to groups, so an order to a group is one to those who are in it.
import { Failure } from '../platform/platform.ts'
import { type HawkbitClient, quoted } from './hawkbit-client.ts'
import { target } from './hawkbit-schemas.ts'
import type { GroupOrder, Order } from './ota-server.ts'

/** The order as one to a list of devices; throws `no-device-matched` for a group without any. */
export async function listed(client: HawkbitClient, order: Order | GroupOrder): Promise<Order> {
  if (!('group' in order)) return order
  const { group, ...rest } = order
  const list = { sort: 'controllerId:ASC', query: `group==${quoted(group)}` }
  const members = (await client.list('/targets', list, target)).filter((one) => one.group === group)
  if (members.length > 0) return { ...rest, devices: members.map(({ controllerId }) => controllerId) }
  throw new Failure('no-device-matched', `${client.url} has no target in its group ${group}: put some there`)
}
