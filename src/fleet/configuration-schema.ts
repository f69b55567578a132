// JSON Schema, as much of it as a map of texts needs. Our own, since the usual validators make code of a schema, and this one
// comes from a checkout; what it doesn't know is refused, so that no rule is passed over.
import { isRecord } from './source.ts'

/** What a schema says is wrong: with a key's value, or with the whole. */
export interface SchemaProblem {
  key: string | undefined
  message: string
}

const known = new Set([
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'type',
  'enum',
  'const',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'required',
  'properties',
  'patternProperties',
  'additionalProperties',
  'minProperties',
  'maxProperties',
  'allOf',
  'anyOf',
])

/** Everything of `schema` that is not understood, by where it stands. Empty: it can be used. */
export function unknownIn(schema: unknown, path = ''): string[] {
  if (typeof schema === 'boolean') return []
  if (!isRecord(schema)) return [path || 'the schema']
  const inner = (key: string, value: unknown): string[] => {
    const at = path === '' ? key : `${path}.${key}`
    if (key === 'properties' || key === 'patternProperties')
      return isRecord(value)
        ? Object.entries(value).flatMap(([name, of]) => [
            ...(key === 'patternProperties' && !patternOf(name) ? [`${at}.${name}`] : []),
            ...unknownIn(of, `${at}.${name}`),
          ])
        : [at]
    if (key === 'allOf' || key === 'anyOf')
      return Array.isArray(value) ? value.flatMap((of, index) => unknownIn(of, `${at}.${index}`)) : [at]
    if (key === 'additionalProperties') return unknownIn(value, at)
    return known.has(key) && (key !== 'pattern' || patternOf(value)) ? [] : [at]
  }
  return Object.entries(schema).flatMap(([key, value]) => inner(key, value))
}

/** Everything that is wrong with `data` by a schema that `unknownIn` knows. Values are in no message. */
export function problemsWith(data: unknown, schema: unknown, key?: string): SchemaProblem[] {
  if (schema === true) return []
  if (!isRecord(schema)) return [{ key, message: 'is not allowed' }]
  const found = isRecord(data)
    ? ofMapping(data, schema)
    : ofValue(data, schema).map((message) => ({ key, message }))
  const all = listOf(schema['allOf']).flatMap((of) => problemsWith(data, of, key))
  const any = listOf(schema['anyOf'])
  const isNone = any.length > 0 && any.every((of) => problemsWith(data, of, key).length > 0)
  const types = typesOf(schema['type'])
  return [
    ...(types && !types.some((type) => isOfType(data, type))
      ? [{ key, message: `must be ${types.join(' or ')}` }]
      : []),
    ...found,
    ...all,
    ...(isNone ? [{ key, message: 'is none of what the schema allows' }] : []),
  ]
}

type Schema = Readonly<Record<string, unknown>>

function ofMapping(data: Schema, schema: Schema): SchemaProblem[] {
  const properties = isRecord(schema['properties']) ? schema['properties'] : {}
  const patterns = isRecord(schema['patternProperties']) ? Object.entries(schema['patternProperties']) : []
  const rest = schema['additionalProperties']
  const missing = listOf(schema['required']).flatMap((name) =>
    typeof name === 'string' && !Object.hasOwn(data, name)
      ? [{ key: undefined, message: `has no ${name}` }]
      : [],
  )
  const wrong = Object.entries(data).flatMap(([name, value]) => {
    const own = Object.hasOwn(properties, name) ? [properties[name]] : []
    const matching = patterns.filter(([pattern]) => patternOf(pattern)?.test(name)).map(([, of]) => of)
    const schemas = [...own, ...matching]
    if (schemas.length === 0 && rest === false) return [{ key: name, message: 'is no key of the schema' }]
    if (schemas.length === 0 && rest !== undefined) return problemsWith(value, rest, name)
    return schemas.flatMap((of) => problemsWith(value, of, name))
  })
  const count = Object.keys(data).length
  const [least, most] = [numberIn(schema, 'minProperties', 0), numberIn(schema, 'maxProperties', Infinity)]
  const size = count < least || count > most ? [{ key: undefined, message: `has ${count} keys` }] : []
  return [...missing, ...wrong, ...size]
}

function ofValue(data: unknown, schema: Schema): string[] {
  const problems: string[] = []
  const allowed =
    'const' in schema ? [schema['const']] : Array.isArray(schema['enum']) ? listOf(schema['enum']) : undefined
  if (allowed && !allowed.includes(data))
    problems.push(`must be ${allowed.map((one) => JSON.stringify(one)).join(' or ')}`)
  if (typeof data === 'string') {
    const { length } = Array.from(data)
    if (length < numberIn(schema, 'minLength', 0)) problems.push('is too short')
    if (length > numberIn(schema, 'maxLength', Infinity)) problems.push('is too long')
    if (patternOf(schema['pattern'])?.test(data) === false)
      problems.push(`must match ${String(schema['pattern'])}`)
  }
  if (typeof data === 'number') {
    if (data < numberIn(schema, 'minimum', -Infinity)) problems.push('is too small')
    if (data > numberIn(schema, 'maximum', Infinity)) problems.push('is too large')
  }
  return problems
}

function isOfType(data: unknown, type: string): boolean {
  if (type === 'object') return isRecord(data)
  if (type === 'array') return Array.isArray(data)
  if (type === 'null') return data === null
  return type === 'integer' ? Number.isInteger(data) : typeof data === type
}

function typesOf(type: unknown): string[] | undefined {
  if (type === undefined) return undefined
  return (Array.isArray(type) ? listOf(type) : [type]).filter((one) => typeof one === 'string')
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const numberIn = (schema: Schema, name: string, otherwise: number): number => {
  const value = schema[name]
  return typeof value === 'number' ? value : otherwise
}

function patternOf(pattern: unknown): RegExp | undefined {
  if (typeof pattern !== 'string' || pattern.length > 500) return undefined
  try {
    return new RegExp(pattern, 'u')
  } catch {
    return undefined
  }
}
