// The management API's inventory: what devices report, their groups and tags, and the search over it.
import * as v from 'valibot'
import { type Attribute, putAttributes, removeAttribute, replaceAttributes } from './attributes.ts'
import type { Core } from './core.ts'
import { findDevice } from './devices.ts'
import { type Exchange, type Reply, checked } from './exchange.ts'
import { checkedPage, pageOf, pagedReply } from './paging.ts'
import { Refusal, notFound } from './refusal.ts'
import { type Route, admin, lookup } from './router.ts'
import { type Condition, inventoryView, searchDevices, searchSchema } from './search.ts'

const v1 = '/api/management/v1/inventory'
const v2 = '/api/management/v2/inventory'
const maxTags = 20

const groupName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{1,1024}$/, 'a group is named by letters, digits, - and _'),
)
const ids = v.pipe(v.array(v.string()), v.maxLength(10_000))
const tags = v.array(
  v.object({
    name: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
    value: v.pipe(v.string(), v.maxLength(1024)),
    description: v.optional(v.string()),
  }),
)

/** All routes of the inventory. */
export function inventoryApi(core: Core): Route[] {
  return [
    lookup(`${v2}/filters/search`, (exchange) => search(core, exchange)),
    admin('GET', `${v2}/filters/attributes`, () => ({ status: 200, json: attributeNames(core) })),
    admin('GET', `${v1}/devices`, (exchange) => list(core, exchange)),
    admin('GET', `${v1}/devices/:id`, (exchange) => one(core, exchange)),
    admin('PUT', `${v1}/devices/:id/tags`, (exchange) => setTags(core, exchange, replaceAttributes)),
    admin('PATCH', `${v1}/devices/:id/tags`, (exchange) => setTags(core, exchange, putAttributes)),
    admin('GET', `${v1}/devices/:id/group`, (exchange) => {
      const { id } = findDevice(core, exchange.param('id'))
      return { status: 200, json: { group: groupOf(core, id) ?? null } }
    }),
    admin('PUT', `${v1}/devices/:id/group`, async (exchange) => {
      const { group } = await exchange.json(v.object({ group: groupName }))
      const { id } = findDevice(core, exchange.param('id'))
      putAttributes(core, id, 'system', [{ name: 'group', value: group }])
      return { status: 204 }
    }),
    admin('DELETE', `${v1}/devices/:id/group/:group`, (exchange) => {
      const { id } = findDevice(core, exchange.param('id'))
      if (groupOf(core, id) !== exchange.param('group')) throw notFound('device in this group')
      removeAttribute(core, id, 'system', 'group')
      return { status: 204 }
    }),
    ...groups(core),
  ]
}

function groups(core: Core): Route[] {
  return [
    admin('GET', `${v1}/groups`, (exchange) => ({
      status: 200,
      json: groupNames(core, exchange.query('status')),
    })),
    admin('GET', `${v1}/groups/:group/devices`, (exchange) => {
      const page = pageOf(exchange)
      const { devices, total } = searchDevices(core, inGroup(exchange.param('group')), page)
      if (total === 0) throw notFound('group')
      return pagedReply(
        exchange,
        page,
        total,
        devices.map(({ id }) => id),
      )
    }),
    admin('PATCH', `${v1}/groups/:group/devices`, async (exchange) => {
      const group = checked(groupName, JSON.stringify(exchange.param('group')))
      const wanted = await exchange.json(ids)
      return { status: 200, json: core.store.transaction(() => join(core, group, wanted)) }
    }),
    admin('DELETE', `${v1}/groups/:group/devices`, async (exchange) => {
      const wanted = await exchange.json(ids)
      return { status: 200, json: core.store.transaction(() => leave(core, exchange.param('group'), wanted)) }
    }),
    admin('DELETE', `${v1}/groups/:group`, (exchange) => {
      const members = membersOf(core, exchange.param('group'))
      return {
        status: 200,
        json: core.store.transaction(() => leave(core, exchange.param('group'), members)),
      }
    }),
  ]
}

/** Ids of all accepted devices of a group, for a deployment to it. */
export function acceptedIn(core: Core, group: string | undefined): string[] {
  const accepted: Condition = { scope: 'identity', attribute: 'status', type: '$eq', value: 'accepted' }
  const filters = group === undefined ? [accepted] : [accepted, memberOf(group)]
  const all = { page: 1, perPage: Number.MAX_SAFE_INTEGER, offset: 0 }
  return searchDevices(core, checked(searchSchema, JSON.stringify({ filters })), all).devices.map(
    ({ id }) => id,
  )
}

async function search(core: Core, exchange: Exchange): Promise<Reply> {
  const wanted = await exchange.optionalJson(searchSchema)
  const page = checkedPage(wanted.page, wanted.per_page)
  const { devices, total } = searchDevices(core, wanted, page)
  const views = devices.map((device) => inventoryView(core, device, wanted.attributes))
  return pagedReply(exchange, page, total, views)
}

/** The older list: attributes of the inventory as query values, `group`, `has_group` and `sort`. */
function list(core: Core, exchange: Exchange): Reply {
  const page = pageOf(exchange)
  const filters: Condition[] = []
  for (const [name, value] of exchange.url.searchParams) {
    if (['page', 'per_page', 'sort', 'group', 'has_group'].includes(name)) continue
    const [scope, attribute] = name.includes('/') ? split(name) : ['inventory', name]
    filters.push(
      checked(
        searchSchema.entries.filters.wrapped.item,
        JSON.stringify({ scope, attribute, type: '$eq', value }),
      ),
    )
  }
  const group = exchange.query('group')
  if (group !== undefined) filters.push(memberOf(group))
  const hasGroup = exchange.query('has_group')
  if (hasGroup !== undefined)
    filters.push({ scope: 'system', attribute: 'group', type: '$exists', value: hasGroup === 'true' })
  const sort = (exchange.query('sort') ?? '')
    .split(',')
    .filter(Boolean)
    .map((key) => {
      const [attribute, order = 'asc'] = key.split(':')
      return { scope: 'inventory', attribute, order }
    })
  const wanted = checked(searchSchema, JSON.stringify({ filters, sort }))
  const { devices, total } = searchDevices(core, wanted, page)
  return pagedReply(
    exchange,
    page,
    total,
    devices.map((device) => inventoryView(core, device)),
  )
}

function one(core: Core, exchange: Exchange): Reply {
  const { id } = findDevice(core, exchange.param('id'))
  const wanted = checked(searchSchema, JSON.stringify({ device_ids: [id] }))
  const [device] = searchDevices(core, wanted, { page: 1, perPage: 1, offset: 0 }).devices
  if (!device) throw notFound('device')
  return { status: 200, headers: { ETag: tagsVersion(core, id) }, json: inventoryView(core, device) }
}

async function setTags(core: Core, exchange: Exchange, store: typeof putAttributes): Promise<Reply> {
  const wanted: Attribute[] = await exchange.json(tags)
  return core.store.transaction(() => {
    const { id } = findDevice(core, exchange.param('id'))
    const expected = exchange.header('if-match')
    if (expected !== undefined && expected !== '*' && expected !== tagsVersion(core, id))
      throw new Refusal(412, 'ETag does not match')
    store(core, id, 'tags', wanted)
    const count = core.store.count(
      `SELECT count(*) AS n FROM attribute WHERE device = ? AND scope = 'tags'`,
      id,
    )
    if (count > maxTags) throw new Refusal(400, `a device can have ${maxTags} tags at most`)
    core.store.run(`UPDATE device SET tags_version = tags_version + 1 WHERE id = ?`, id)
    return { status: 200, headers: { ETag: tagsVersion(core, id) } }
  })
}

function tagsVersion(core: Core, device: string): string {
  const sql = `SELECT tags_version AS n FROM device WHERE id = ?`
  return `"${core.store.count(sql, device)}"`
}

function attributeNames(core: Core) {
  return core.store.all(
    v.object({ name: v.string(), scope: v.string(), count: v.number() }),
    `SELECT name, scope, count(*) AS count FROM attribute GROUP BY scope, name ORDER BY scope, name LIMIT 500`,
  )
}

/** All groups, or those with a device of this status. */
function groupNames(core: Core, status: string | undefined): string[] {
  const sql = `SELECT DISTINCT json_extract(value, '$') AS name FROM attribute JOIN device ON device.id = device
    WHERE scope = 'system' AND name = 'group' AND status = coalesce(?, status) ORDER BY 1`
  return core.store.all(v.object({ name: v.string() }), sql, status ?? null).map(({ name }) => name)
}

function groupOf(core: Core, device: string): string | undefined {
  const sql = `SELECT json_extract(value, '$') AS name FROM attribute
    WHERE device = ? AND scope = 'system' AND name = 'group'`
  return core.store.get(v.object({ name: v.string() }), sql, device)?.name
}

function membersOf(core: Core, group: string): string[] {
  const all = { page: 1, perPage: Number.MAX_SAFE_INTEGER, offset: 0 }
  return searchDevices(core, inGroup(group), all).devices.map(({ id }) => id)
}

function join(core: Core, group: string, wanted: readonly string[]) {
  const known = wanted.filter(
    (id) => core.store.count(`SELECT count(*) AS n FROM device WHERE id = ?`, id) > 0,
  )
  const changed = known.filter((id) => groupOf(core, id) !== group)
  for (const id of changed) putAttributes(core, id, 'system', [{ name: 'group', value: group }])
  return { updated_count: changed.length, matched_count: known.length }
}

function leave(core: Core, group: string, wanted: readonly string[]) {
  const members = wanted.filter((id) => groupOf(core, id) === group)
  for (const id of members) removeAttribute(core, id, 'system', 'group')
  return { updated_count: members.length }
}

function memberOf(group: string): Condition {
  return { scope: 'system', attribute: 'group', type: '$eq', value: group }
}

function inGroup(group: string) {
  return checked(searchSchema, JSON.stringify({ filters: [memberOf(group)] }))
}

function split(name: string): [string, string] {
  const at = name.indexOf('/')
  return [name.slice(0, at), name.slice(at + 1)]
}
