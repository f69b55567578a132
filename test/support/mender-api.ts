// Mender's own API document, and whether requests and answers are as it says.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { parse } from 'yaml'

/** One request and its answer, bodies as they went over the wire. `path` has the query. */
export interface Exchanged {
  method: string
  path: string
  requestBody: string
  status: number
  headers: Headers
  body: string
}

/** What an exchange does that the document doesn't say. */
export interface Deviations {
  /** The operation as the document writes it, such as `GET /api/management/v1/inventory/groups`; undefined where it has none. */
  operation: string | undefined
  /** What the request has and a server need not take. */
  request: string[]
  /** What a client made from the document could not read. */
  answer: string[]
  /** Properties of the answer that the document lacks: such a client passes over them. */
  extra: string[]
}

type Node = { readonly [key: string]: unknown }

const file = join(import.meta.dirname, '../fixtures/mender-openapi.yaml')
const document = closed(parse(readFileSync(file, 'utf8'))) as Node
const paths = Object.entries(nodeIn(document, 'paths'))
  .map(([path, item]) => ({ path, segments: path.split('/'), item: item as Node }))
  .sort((a, b) => variables(a.segments) - variables(b.segments))

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
const ajv = new Ajv({
  strict: false,
  allErrors: true,
  formats: {
    'date-time': (text) => time.test(text) && !Number.isNaN(Date.parse(text)),
    url: (text) => URL.canParse(text),
    integer: { type: 'number', validate: Number.isInteger },
    long: { type: 'number', validate: Number.isInteger },
    binary: true,
    'attr[:ord][,attr[:ord]...]': /^\w+(:(asc|desc))?(,\w+(:(asc|desc))?)*$/,
  },
})
ajv.addSchema(document, 'mender')
const validators = new Map<string, ValidateFunction>()

/** All operations of the document, as `Deviations.operation` writes them. */
export const operations: readonly string[] = paths.flatMap(({ path, item }) =>
  Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
)

/** Compares an exchange with the document. */
export function deviations(exchanged: Exchanged): Deviations {
  const url = new URL(exchanged.path, 'http://server')
  const method = exchanged.method.toLowerCase()
  const found = paths.find(({ segments, item }) => method in item && fits(segments, url.pathname.split('/')))
  if (!found) return { operation: undefined, request: [], answer: [], extra: [] }
  const at = `/paths/${found.path.replaceAll('~', '~0').replaceAll('/', '~1')}/${method}`
  const all = { answer: [] as string[], extra: [] as string[] }
  answerDeviations(at, nodeIn(found.item, method), exchanged, all)
  return {
    operation: `${method.toUpperCase()} ${found.path}`,
    request: requestDeviations(at, nodeIn(found.item, method), url, exchanged),
    ...all,
  }
}

function answerDeviations(
  at: string,
  operation: Node,
  { status, headers, body }: Exchanged,
  all: { answer: string[]; extra: string[] },
): void {
  const responses = nodeIn(operation, 'responses')
  if (!(String(status) in responses)) {
    all.answer.push(`status ${status} is not documented`)
    if (status >= 400) all.answer.push(...errorsOf('/components/schemas/Error', json(body)).map(said))
    return
  }
  const [pointer, response] = resolved(`${at}/responses/${status}`, nodeIn(responses, String(status)))
  for (const [name, header] of Object.entries(optional(response, 'headers'))) {
    const [, { schema }] = resolved('', header as Node)
    const value = headers.get(name)
    if (value === null) all.answer.push(`header ${name} is missing`)
    else if (schema && (schema as Node)['type'] === 'integer' && !/^\d+$/.test(value))
      all.answer.push(`header ${name} is "${value}"`)
  }
  const contents = optional(response, 'content')
  const type = (headers.get('content-type') ?? '').split(';')[0]?.trim() ?? ''
  const types = Object.keys(contents)
  if (types.length === 0) {
    // nothing is read of an error that the document gives no form; the envelope does no harm there
    if (body !== '' && status < 400) all.answer.push(`has a body of ${body.length} characters`)
    return
  }
  if (!types.includes(type)) all.answer.push(`content type "${type}" is not ${types.join(' or ')}`)
  const [first = ''] = types.includes(type) ? [type] : types
  const schemaAt = `${pointer}/content/${first.replaceAll('/', '~1')}/schema`
  if (type !== 'application/json') return
  const value = json(body)
  if (value === undefined) return void all.answer.push('is no JSON')
  for (const error of errorsOf(schemaAt, value)) {
    if (error.keyword === 'additionalProperties') all.extra.push(extraIn(error))
    else all.answer.push(said(error))
  }
}

function requestDeviations(
  at: string,
  operation: Node,
  url: URL,
  { requestBody }: Pick<Exchanged, 'requestBody'>,
): string[] {
  const all = queryDeviations(operation, url.searchParams)
  const [pointer, wanted] = resolved(`${at}/requestBody`, optional(operation, 'requestBody'))
  const contents = optional(wanted, 'content')
  if (!('application/json' in contents)) {
    if (requestBody !== '' && Object.keys(contents).length === 0) all.push('has a body')
    return all
  }
  if (requestBody === '' && wanted['required'] !== true) return all
  const value = json(requestBody)
  if (value === undefined) return [...all, 'the body is no JSON']
  for (const error of errorsOf(`${pointer}/content/application~1json/schema`, value))
    all.push(error.keyword === 'additionalProperties' ? `${extraIn(error)} is not documented` : said(error))
  return all
}

function queryDeviations(operation: Node, query: URLSearchParams): string[] {
  const known = ((operation['parameters'] ?? []) as readonly Node[])
    .map((parameter) => resolved('', parameter)[1])
    .filter((parameter) => parameter['in'] === 'query')
  const missing = known.filter((one) => one['required'] === true && !query.has(String(one['name'])))
  const wrong = [...query].flatMap(([name, text]) => {
    const schema = known.find((one) => one['name'] === name)?.['schema'] as Node | undefined
    if (!schema) return [`query ${name} is not documented`]
    const single = schema['type'] === 'array' ? nodeIn(schema, 'items') : schema
    const isNumber = ['integer', 'number'].includes(String(single['type']))
    const value = isNumber || single['type'] === 'boolean' ? json(text) : text
    return ajv.validate(single, value) ? [] : [`query ${name}=${text}: ${ajv.errorsText()}`]
  })
  return [...missing.map((one) => `query ${String(one['name'])} is missing`), ...wrong]
}

function errorsOf(pointer: string, value: unknown): ErrorObject[] {
  const known = validators.get(pointer) ?? ajv.compile({ $ref: `mender#${encodeURI(pointer)}` })
  validators.set(pointer, known)
  return known(value) ? [] : (known.errors ?? [])
}

function said({ instancePath, message }: ErrorObject): string {
  return `${instancePath.replace(/\/\d+(?=\/|$)/g, '/*') || 'the whole'} ${message}`
}

/** Where a property is that the document lacks, with `*` for each place in a list. */
function extraIn({ instancePath, params }: ErrorObject): string {
  return `${instancePath.replace(/\/\d+(?=\/|$)/g, '/*')}/${String(params['additionalProperty'])}`
}

/** A schema that names properties and doesn't speak of others takes no others, so that these are seen. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed)
  if (typeof node !== 'object' || node === null) return node
  const entries = Object.entries(node).map(([key, value]) => [key, closed(value)])
  const schema = Object.fromEntries(entries) as Record<string, unknown>
  const names = schema['properties']
  const isSchema = typeof names === 'object' && !('type' in schema && typeof schema['type'] === 'object')
  if (isSchema && !('additionalProperties' in schema)) schema['additionalProperties'] = false
  return schema
}

/** What stands at a place of the document, after its reference, and where that is. */
function resolved(pointer: string, node: Node): [string, Node] {
  const ref = node['$ref']
  if (typeof ref !== 'string') return [pointer, node]
  const segments = ref.slice(2).split('/')
  return resolved(ref.slice(1), segments.reduce(nodeIn, document))
}

function optional(node: Node, key: string): Node {
  return key in node ? nodeIn(node, key) : {}
}

function nodeIn(node: Node, key: string): Node {
  return node[key] as Node
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (part.startsWith('{') ? segments[i] !== '' : part === segments[i]))
  )
}

function variables(segments: readonly string[]): number {
  return segments.filter((segment) => segment.startsWith('{')).length
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
