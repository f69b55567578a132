// Groups of devices on a Mender server. The inventory has the groups, device authentication knows who is accepted; what the one
// learns of the other takes a moment, and an order to a group goes to those whom the inventory calls accepted.
import * as v from 'valibot'
import { Failure } from '../platform/platform.ts'
import { type MenderClient, pageSize } from './mender-client.ts'
import { authPath, searchInventory } from './mender-devices.ts'

const attempts = 5

const anId = v.object({ id: v.string() })

/**
 * The accepted devices of a group, once both services agree on who that is. Throws `no-device-matched` where there are none,
 * and `device-not-accepted` where they go on to differ.
 */
export async function acceptedInGroup(client: MenderClient, group: string): Promise<string[]> {
  for (let attempt = 1; ; attempt++) {
    const members = await membersOf(client, group)
    const accepted = new Set(await acceptedAmong(client, [...members.keys()]))
    const differing = [...members].filter(([id, isAccepted]) => isAccepted !== accepted.has(id))
    if (differing.length === 0 && accepted.size > 0) return [...accepted].sort()
    if (differing.length === 0) {
      throw new Failure(
        'no-device-matched',
        `${client.url} has no accepted device in its group ${group}: put some there`,
      )
    }
    if (attempt === attempts) {
      const named = differing.slice(0, 5).map(([id]) => id)
      throw new Failure(
        'device-not-accepted',
        `${client.url} is not at one with itself whether ${differing.length} devices of group ${group} are accepted (${named.join(', ')}): try again in a minute`,
      )
    }
    await client.context.clock.sleep(500 * 2 ** attempt, client.context.signal)
  }
}

/** The devices of a group, each with whether the inventory takes it for accepted. */
async function membersOf(client: MenderClient, group: string): Promise<Map<string, boolean>> {
  const members = new Map<string, boolean>()
  const filters = [{ scope: 'system', attribute: 'group', type: '$eq', value: group }]
  for await (const { devices } of searchInventory(client, filters)) {
    for (const { id, attributes } of devices) {
      const status = attributes?.find(({ scope, name }) => scope === 'identity' && name === 'status')?.value
      members.set(id, status === 'accepted')
    }
  }
  return members
}

async function acceptedAmong(client: MenderClient, ids: readonly string[]): Promise<string[]> {
  const accepted: string[] = []
  for (let at = 0; at < ids.length; at += pageSize) {
    const wanted = { status: ['accepted'], id: ids.slice(at, at + pageSize) }
    for await (const page of client.search(`${authPath}/search`, wanted, anId))
      accepted.push(...page.map(({ id }) => id))
  }
  return accepted
}
