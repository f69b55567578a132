// The management API's device authentication: who waits, who may come in, who has to go.
import * as v from 'valibot'
import type { Core } from './core.ts'
import {
  type Device,
  addAuthSet,
  authSetsOf,
  authStatus,
  countDevices,
  deviceOf,
  deviceStatus,
  deviceView,
  findAuthSet,
  findDevice,
  identitySchema,
  identityText,
  listDevices,
  removeAuthSet,
  setAuthStatus,
} from './devices.ts'
import { publicKeyIn } from './device-api.ts'
import { type Exchange, type Reply, checked } from './exchange.ts'
import { pageOf, pagedReply } from './paging.ts'
import { notFound } from './refusal.ts'
import { type Route, admin, lookup } from './router.ts'
import { endAll } from './targets.ts'

const base = '/api/management/v2/devauth'

const oneOrMore = <S extends v.GenericSchema>(schema: S) =>
  v.optional(
    v.union([
      v.pipe(v.array(schema), v.maxLength(500)),
      v.pipe(
        schema,
        v.transform((value) => [value]),
      ),
    ]),
  )
const searchSchema = v.object({
  status: oneOrMore(deviceStatus),
  id: oneOrMore(v.string()),
})
const preauthSchema = v.object({
  identity_data: identitySchema,
  pubkey: v.pipe(v.string(), v.maxLength(16 << 10)),
  force: v.optional(v.boolean(), false),
})

/** All routes of device authentication. */
export function deviceManagementApi(core: Core): Route[] {
  return [
    admin('GET', `${base}/devices`, (exchange) => {
      const page = pageOf(exchange)
      const filter = { statuses: statusesIn(exchange), ids: exchange.queries('id') }
      return reply(core, exchange, page, listDevices(core, filter, page))
    }),
    lookup(`${base}/devices/search`, async (exchange) => {
      const wanted = await exchange.json(searchSchema)
      const page = pageOf(exchange)
      const filter = { statuses: wanted.status ?? [], ids: wanted.id ?? [] }
      return reply(core, exchange, page, listDevices(core, filter, page))
    }),
    admin('GET', `${base}/devices/count`, (exchange) => {
      const [status] = statusesIn(exchange)
      return { status: 200, json: { count: countDevices(core, status) } }
    }),
    admin('POST', `${base}/devices`, (exchange) => preauthorise(core, exchange)),
    admin('GET', `${base}/devices/:id`, (exchange) => ({
      status: 200,
      json: deviceView(core, findDevice(core, exchange.param('id'))),
    })),
    admin('DELETE', `${base}/devices/:id`, (exchange) => decommission(core, exchange.param('id'))),
    admin('GET', `${base}/devices/:id/auth/:set/status`, (exchange) => {
      const sets = authSetsOf(core, exchange.param('id'))
      const found = sets.find(({ id }) => id === exchange.param('set'))
      if (!found) throw notFound('authentication set')
      return { status: 200, json: { status: found.status } }
    }),
    admin('PUT', `${base}/devices/:id/auth/:set/status`, async (exchange) => {
      const { status } = await exchange.json(
        v.object({ status: v.picklist(['accepted', 'rejected', 'pending']) }),
      )
      const device = findDevice(core, exchange.param('id'))
      setAuthStatus(core, device.id, exchange.param('set'), checked(authStatus, JSON.stringify(status)))
      core.log.info(`device ${device.id} (${identityText(device.identity)}) ${status}`)
      return { status: 204 }
    }),
    admin('DELETE', `${base}/devices/:id/auth/:set`, (exchange) => {
      removeAuthSet(core, exchange.param('id'), exchange.param('set'))
      return { status: 204 }
    }),
  ]
}

function reply(
  core: Core,
  exchange: Exchange,
  page: { page: number; perPage: number; offset: number },
  { devices, total }: { devices: Device[]; total: number },
): Reply {
  return pagedReply(
    exchange,
    page,
    total,
    devices.map((device) => deviceView(core, device)),
  )
}

/** Lets a device in before it ever came: the key it will come with is accepted at its first request. */
async function preauthorise(core: Core, exchange: Exchange): Promise<Reply> {
  const { identity_data, pubkey, force } = await exchange.json(preauthSchema)
  const pem = publicKeyIn(pubkey).export({ type: 'spki', format: 'pem' }).toString()
  return core.store.transaction(() => {
    const existing = deviceOf(core, identity_data)
    if (existing && !force) return { status: 409, json: deviceView(core, existing) }
    const known = findAuthSet(core, identity_data, pem)
    const authSet = known ?? addAuthSet(core, identity_data, pem, 'preauthorized')
    if (known && known.status !== 'accepted') setAuthStatus(core, known.device, known.id, 'preauthorized')
    core.log.info(`device ${authSet.device} (${identityText(identity_data)}) preauthorised`)
    return { status: 201, headers: { Location: `${exchange.url.pathname}/${authSet.device}` } }
  })
}

/** Forgets a device: its token holds no longer, its open orders end. */
function decommission(core: Core, id: string): Reply {
  core.store.transaction(() => {
    const device = findDevice(core, id)
    endAll(core, id, 'decommissioned')
    core.store.run(`DELETE FROM device WHERE id = ?`, id)
    core.log.info(`device ${id} (${identityText(device.identity)}) decommissioned`)
  })
  return { status: 204 }
}

function statusesIn(exchange: Exchange) {
  return exchange.queries('status').map((status) => checked(deviceStatus, JSON.stringify(status)))
}
