// The management API's deployments.
import * as v from 'valibot'
import type { Core } from './core.ts'
import {
  abortDeployment,
  createDeployment,
  deploymentBySeq,
  deploymentView,
  deploymentsById,
  findDeployment,
  listDeployments,
  listTargets,
  orderSchema,
  targetView,
} from './deployments.ts'
import type { Exchange, Reply } from './exchange.ts'
import { acceptedIn } from './inventory-api.ts'
import { readLog } from './offers.ts'
import { type Page, pageOf, pagedReply } from './paging.ts'
import { Refusal, notFound } from './refusal.ts'
import { type Route, admin, lookup } from './router.ts'
import { type TargetStatus, endAll, statistics, statusesIn, targetColumns, targetRow } from './targets.ts'

const v1 = '/api/management/v1/deployments/deployments'
const v2 = '/api/management/v2/deployments/deployments'

const statisticsSchema = v.object({
  // the real server's limit
  deployment_ids: v.optional(v.pipe(v.array(v.string()), v.maxLength(100)), []),
})

/** All routes of deployments. */
export function deploymentApi(core: Core): Route[] {
  return [
    admin('POST', v1, (exchange) => order(core, exchange)),
    admin('POST', `${v1}/group/:group`, (exchange) => orderForGroup(core, exchange)),
    admin('GET', v1, (exchange) => list(core, exchange)),
    admin('GET', v2, (exchange) => list(core, exchange)),
    admin('GET', `${v1}/:id`, (exchange) => ({
      status: 200,
      json: deploymentView(core, findDeployment(core, exchange.param('id'))),
    })),
    admin('PUT', `${v1}/:id/status`, async (exchange) => {
      await exchange.json(v.object({ status: v.literal('aborted') }))
      abortDeployment(core, exchange.param('id'))
      return { status: 204 }
    }),
    admin('GET', `${v1}/:id/statistics`, (exchange) => ({
      status: 200,
      json: statistics(core, findDeployment(core, exchange.param('id')).seq),
    })),
    lookup(`${v1}/statistics/list`, async (exchange) => {
      const { deployment_ids } = await exchange.json(statisticsSchema)
      const known = deploymentsById(core, deployment_ids)
      if (known.length === 0 && deployment_ids.length > 0) throw notFound('deployment')
      return { status: 200, json: known.map(({ id, seq }) => ({ id, stats: statistics(core, seq) })) }
    }),
    ...ofDeployment(core),
    ...ofDevice(core),
  ]
}

/** The devices of one deployment. */
function ofDeployment(core: Core): Route[] {
  return [
    admin('GET', `${v1}/:id/devices`, (exchange) => {
      const { seq } = findDeployment(core, exchange.param('id'))
      const { targets } = listTargets(core, seq, statusFilter(exchange), undefined)
      return { status: 200, json: targets.map((target) => targetView(core, target)) }
    }),
    admin('GET', `${v1}/:id/devices/list`, (exchange) => {
      const { seq } = findDeployment(core, exchange.param('id'))
      const page = pageOf(exchange)
      const { targets, total } = listTargets(core, seq, statusFilter(exchange), page)
      return pagedReply(
        exchange,
        page,
        total,
        targets.map((target) => targetView(core, target)),
      )
    }),
    admin('GET', `${v1}/:id/device_list`, (exchange) => {
      const { seq } = findDeployment(core, exchange.param('id'))
      const sql = `SELECT device FROM target WHERE deployment = ? ORDER BY device`
      const rows = core.store.all(v.object({ device: v.string() }), sql, seq)
      return { status: 200, json: rows.map(({ device }) => device) }
    }),
    admin('GET', `${v1}/:id/devices/:device/log`, (exchange) => ({
      status: 200,
      text: readLog(core, exchange.param('device'), exchange.param('id')),
    })),
  ]
}

/** The deployments of one device. */
function ofDevice(core: Core): Route[] {
  return [
    admin('GET', `${v1}/devices/:device`, (exchange) => history(core, exchange)),
    admin('DELETE', `${v1}/devices/:device`, (exchange) => {
      endAll(core, exchange.param('device'), 'aborted')
      return { status: 204 }
    }),
    admin('DELETE', `${v1}/devices/:device/history`, (exchange) => {
      core.store.run(
        `UPDATE target SET is_forgotten = 1 WHERE device = ? AND is_final = 1`,
        exchange.param('device'),
      )
      return { status: 204 }
    }),
  ]
}

async function order(core: Core, exchange: Exchange): Promise<Reply> {
  const wanted = await exchange.json(orderSchema)
  if (wanted.all_devices === wanted.devices.length > 0)
    throw new Refusal(400, 'Invalid deployments definition: provide either devices or all_devices')
  const devices = wanted.all_devices ? acceptedIn(core, undefined) : wanted.devices
  if (devices.length === 0) throw new Refusal(400, 'no accepted devices: nothing to deploy to')
  return created(createDeployment(core, wanted, devices))
}

async function orderForGroup(core: Core, exchange: Exchange): Promise<Reply> {
  const wanted = await exchange.json(orderSchema)
  if (wanted.all_devices || wanted.devices.length > 0)
    throw new Refusal(400, 'The deployment for a group must not have devices or all_devices')
  const group = exchange.param('group')
  const devices = acceptedIn(core, group)
  if (devices.length === 0) throw new Refusal(400, 'no devices in the group')
  return created(createDeployment(core, wanted, devices, group))
}

function created(id: string): Reply {
  return { status: 201, headers: { Location: `${v1}/${id}` } }
}

function list(core: Core, exchange: Exchange): Reply {
  const page = pageOf(exchange)
  const filter = {
    ids: exchange.queries('id'),
    names: exchange.queries('name'),
    search: exchange.query('search'),
    status: oneOf(exchange, 'status', ['pending', 'inprogress', 'finished']),
    createdAfter: seconds(exchange, 'created_after'),
    createdBefore: seconds(exchange, 'created_before'),
    isAscending: oneOf(exchange, 'sort', ['asc', 'desc']) === 'asc',
  }
  // every deployment here is one of software
  if (oneOf(exchange, 'type', ['software', 'configuration']) === 'configuration')
    return pagedReply(exchange, page, 0, [])
  const { deployments, total } = listDeployments(core, filter, page)
  return pagedReply(
    exchange,
    page,
    total,
    deployments.map((deployment) => deploymentView(core, deployment)),
  )
}

function history(core: Core, exchange: Exchange): Reply {
  const page: Page = pageOf(exchange, { perPage: 20, max: 20 })
  const statuses = statusFilter(exchange)
  const status = statuses ? `AND status IN (${statuses.map(() => '?').join(', ')})` : ''
  const where = `WHERE device = ? AND is_taken = 1 AND is_forgotten = 0 ${status}`
  const values = [exchange.param('device'), ...(statuses ?? [])]
  const rows = core.store.all(
    targetRow,
    `SELECT ${targetColumns} FROM target ${where} ORDER BY deployment DESC LIMIT ? OFFSET ?`,
    ...values,
    page.perPage,
    page.offset,
  )
  const total = core.store.count(`SELECT count(*) AS n FROM target ${where}`, ...values)
  const json = rows.map((target) => ({
    id: target.id,
    deployment: deploymentView(core, deploymentBySeq(core, target.deployment)),
    device: targetView(core, target),
  }))
  return pagedReply(exchange, page, total, json)
}

function statusFilter(exchange: Exchange): readonly TargetStatus[] | undefined {
  const name = exchange.query('status')
  if (name === undefined) return undefined
  const statuses = statusesIn(name)
  if (!statuses) throw new Refusal(400, 'invalid status query')
  return statuses
}

function oneOf(exchange: Exchange, name: string, choices: readonly string[]): string | undefined {
  const value = exchange.query(name)
  if (value === undefined || choices.includes(value)) return value
  throw new Refusal(400, `invalid ${name} query: it can be ${choices.join(', ')}`)
}

function seconds(exchange: Exchange, name: string): number | undefined {
  const value = exchange.query(name)
  if (value === undefined) return undefined
  if (!/^-?\d{1,11}$/.test(value))
    throw new Refusal(400, `invalid ${name} query: it must be seconds since 1970`)
  return Number(value)
}
