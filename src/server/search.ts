// The inventory's search: conditions over attributes of all scopes, as one SQL query. An attribute that is a list counts
// as each of its values.
import * as v from 'valibot'
import { attributesOf } from './attributes.ts'
import type { Core } from './core.ts'
import { type Page } from './paging.ts'
import { patternOf } from './pattern.ts'
import { Refusal } from './refusal.ts'

const scope = v.picklist(['inventory', 'identity', 'system', 'tags', 'monitor'])
const single = v.union([v.pipe(v.string(), v.maxLength(4096)), v.number(), v.boolean()])
const attribute = v.pipe(v.string(), v.minLength(1), v.maxLength(1024))

const condition = v.object({
  scope,
  attribute,
  type: v.picklist(['$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$exists', '$regex']),
  value: v.union([single, v.pipe(v.array(single), v.maxLength(1000))]),
})
export type Condition = v.InferOutput<typeof condition>

export const searchSchema = v.object({
  page: v.optional(v.number(), 1),
  per_page: v.optional(v.number(), 20),
  text: v.optional(v.string(), ''),
  device_ids: v.optional(v.pipe(v.array(v.string()), v.maxLength(1000)), []),
  filters: v.optional(v.pipe(v.array(condition), v.maxLength(50)), []),
  sort: v.optional(
    v.pipe(
      v.array(v.object({ scope, attribute, order: v.optional(v.picklist(['asc', 'desc']), 'asc') })),
      v.maxLength(10),
    ),
    [],
  ),
  attributes: v.optional(v.pipe(v.array(v.object({ scope, attribute })), v.maxLength(1000)), []),
})
export type Search = v.InferOutput<typeof searchSchema>

type Value = string | number
interface Sql {
  text: string
  values: Value[]
}

const deviceRow = v.object({ id: v.string(), updated: v.string(), facts_updated: v.nullable(v.string()) })
export type InventoryDevice = v.InferOutput<typeof deviceRow>

/** One page of the devices that fit, and how many fit in all. */
export function searchDevices(
  core: Core,
  search: Search,
  page: Page,
): { devices: InventoryDevice[]; total: number } {
  const where = whereOf(search)
  const order = orderOf(search)
  return {
    total: core.store.count(`SELECT count(*) AS n FROM device WHERE ${where.text}`, ...where.values),
    devices: core.store.all(
      deviceRow,
      `SELECT id, updated, facts_updated FROM device WHERE ${where.text} ORDER BY ${order.text} LIMIT ? OFFSET ?`,
      ...where.values,
      ...order.values,
      page.perPage,
      page.offset,
    ),
  }
}

/** A device in the API's form, with all its attributes or those that were chosen. */
export function inventoryView(
  core: Core,
  device: InventoryDevice,
  chosen: Search['attributes'] = [],
): Record<string, unknown> {
  const all = attributesOf(core, device.id)
  const attributes =
    chosen.length === 0
      ? all
      : all.filter(({ scope, name }) =>
          chosen.some((wanted) => wanted.scope === scope && wanted.attribute === name),
        )
  return { id: device.id, updated_ts: device.facts_updated ?? device.updated, attributes }
}

function whereOf({ filters, device_ids, text }: Search): Sql {
  const parts = filters.map(conditionSql)
  if (device_ids.length > 0) {
    parts.push({ text: `id IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(device_ids)] })
  }
  if (text) {
    parts.push({
      text: `EXISTS (SELECT 1 FROM attribute WHERE device = device.id AND instr(lower(value), lower(?)) > 0)`,
      values: [text],
    })
  }
  return {
    text: parts.length === 0 ? '1' : parts.map((part) => `(${part.text})`).join(' AND '),
    values: parts.flatMap((part) => part.values),
  }
}

function conditionSql({ scope, attribute, type, value }: Condition): Sql {
  const some = (test: string, ...values: Value[]): Sql => ({
    text: `EXISTS (SELECT 1 FROM attribute, json_each(attribute.value) AS item
      WHERE attribute.device = device.id AND scope = ? AND name = ?${test ? ` AND ${test}` : ''})`,
    values: [scope, attribute, ...values],
  })
  const none = (sql: Sql): Sql => ({ text: `NOT ${sql.text}`, values: sql.values })
  const list = JSON.stringify((Array.isArray(value) ? value : [value]).map(plain))
  switch (type) {
    case '$eq':
    case '$in':
      return some(`item.value IN (SELECT value FROM json_each(?))`, list)
    case '$ne':
    case '$nin':
      return none(some(`item.value IN (SELECT value FROM json_each(?))`, list))
    case '$exists':
      if (typeof value !== 'boolean') throw new Refusal(400, '$exists: the value must be true or false')
      return value ? some('') : none(some(''))
    case '$regex':
      patternOf(String(value)) // a 400 where it is none
      return some(`matches(?, item.value)`, String(value))
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      if (Array.isArray(value)) throw new Refusal(400, `${type}: the value must not be a list`)
      // numbers are compared with numbers and texts with texts
      return some(
        `typeof(item.value) IN (SELECT t.value FROM json_each(?) AS t) AND item.value ${comparison[type]} ?`,
        JSON.stringify(typeof value === 'string' ? ['text'] : ['integer', 'real']),
        plain(value),
      )
  }
}

const comparison = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' } as const

function orderOf({ sort }: Search): Sql {
  const keys = sort.map(({ scope, attribute, order }) => ({
    text: `(SELECT json_extract(value, '$') FROM attribute WHERE device = device.id AND scope = ? AND name = ?) ${order}`,
    values: [scope, attribute],
  }))
  return {
    text: [...keys.map((key) => key.text), 'seq'].join(', '),
    values: keys.flatMap((key) => key.values),
  }
}

// json_each gives a boolean as 0 or 1
const plain = (value: Value | boolean): Value => (typeof value === 'boolean' ? Number(value) : value)
