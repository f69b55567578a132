// Everything known of a device by name, in the inventory's scopes: what it reports (`inventory`), what identifies it
// (`identity`), what people say of it (`tags`), and what the server knows (`system`).
import * as v from 'valibot'
import { type Core, timestamp } from './core.ts'

export type Scope = 'inventory' | 'identity' | 'system' | 'tags'

const plain = v.union([v.string(), v.number(), v.boolean()])
/** A value as devices and people give it. */
export const attributeValue = v.union([plain, v.array(plain)])

/** An attribute as devices and people give it. */
export const attributeSchema = v.object({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
  value: attributeValue,
  description: v.optional(v.string()),
})
export type Attribute = v.InferOutput<typeof attributeSchema>

const row = v.object({
  scope: v.string(),
  name: v.string(),
  value: v.pipe(v.string(), v.parseJson(), attributeValue),
  description: v.nullable(v.string()),
  updated: v.string(),
})

/** Stores attributes of one scope beside those that are there. */
export function putAttributes(
  core: Core,
  device: string,
  scope: Scope,
  attributes: readonly Attribute[],
): void {
  for (const { name, value, description } of attributes) {
    core.store.run(
      `INSERT INTO attribute (device, scope, name, value, description, updated) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value, description = excluded.description, updated = excluded.updated`,
      device,
      scope,
      name,
      JSON.stringify(value),
      description ?? null,
      timestamp(),
    )
  }
}

/** Stores attributes of one scope in place of those that are there. */
export function replaceAttributes(
  core: Core,
  device: string,
  scope: Scope,
  attributes: readonly Attribute[],
): void {
  core.store.run(`DELETE FROM attribute WHERE device = ? AND scope = ?`, device, scope)
  putAttributes(core, device, scope, attributes)
}

/** Removes one attribute of a device; does nothing where there is none. */
export function removeAttribute(core: Core, device: string, scope: Scope, name: string): void {
  core.store.run(`DELETE FROM attribute WHERE device = ? AND scope = ? AND name = ?`, device, scope, name)
}

/** All attributes of a device, in the API's form. */
export function attributesOf(core: Core, device: string): Record<string, unknown>[] {
  const rows = core.store.all(row, `SELECT * FROM attribute WHERE device = ? ORDER BY scope, name`, device)
  return rows.map(({ scope, name, value, description, updated }) => ({
    name,
    scope,
    value,
    ...(description === null ? {} : { description }),
    timestamp: updated,
  }))
}
