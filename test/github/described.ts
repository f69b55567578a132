// Checks what goes to and fro by GitHub's own OpenAPI description, of which test/fixtures/github-runners.json is an extract.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv from 'ajv'
import * as v from 'valibot'

const content = v.optional(
  v.object({ 'application/json': v.object({ schema: v.record(v.string(), v.unknown()) }) }),
)
const operation = v.object({
  parameters: v.array(
    v.object({
      name: v.string(),
      in: v.picklist(['path', 'query']),
      required: v.optional(v.boolean(), false),
      schema: v.object({ type: v.string() }),
    }),
  ),
  requestBody: v.optional(v.object({ content })),
  responses: v.record(v.string(), v.object({ content })),
})
const description = v.parse(
  v.object({ paths: v.record(v.string(), v.record(v.string(), operation)) }),
  JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/github-runners.json'), 'utf8')),
)
const ajv = new Ajv.default({ strict: false, allErrors: true })

interface Sent {
  method: string
  /** With its query. */
  url: string
  body: string
}

/** What of a request GitHub's description doesn't have; a route that isn't in it is one deviation. */
export function requestDeviations({ method, url, body }: Sent): string[] {
  const { pathname, searchParams } = new URL(url, 'http://x')
  const found = operationOf(method, pathname)
  if (!found) return [`there is no ${method} ${pathname}`]
  const { parameters, requestBody } = found
  const known = new Set(parameters.filter((one) => one.in === 'query').map(({ name }) => name))
  const all = [...searchParams.keys()].filter((name) => !known.has(name)).map((name) => `query: ${name}`)
  for (const { name, schema } of parameters)
    if (schema.type === 'integer' && searchParams.has(name) && !/^\d+$/.test(searchParams.get(name) ?? ''))
      all.push(`query: ${name} is no integer`)
  const schema = requestBody?.content?.['application/json'].schema
  if (!schema) return body === '' || body === '{}' ? all : [...all, `a body: ${body}`]
  const sent: unknown = JSON.parse(body || 'null')
  const names = typeof sent === 'object' && sent !== null ? Object.keys(sent) : []
  const described = v.parse(v.record(v.string(), v.unknown()), schema['properties'] ?? {})
  const unknown = names.filter((name) => !(name in described)).map((name) => `body: ${name} is not described`)
  return [...all, ...unknown, ...errorsOf(schema, sent)]
}

/** What of an answer of the stand-in the real GitHub wouldn't say. */
export function answerDeviations({ method, url }: Sent, status: number, answer: unknown): string[] {
  const found = operationOf(method, new URL(url, 'http://x').pathname)
  const response = found?.responses[String(status)]
  // 401, 403 and 500 are everywhere, and described nowhere
  if (!response) return status === 401 || status === 403 || status >= 404 ? [] : [`status ${status}`]
  const schema = response.content?.['application/json'].schema
  return schema ? errorsOf(schema, answer) : []
}

function operationOf(method: string, path: string): v.InferOutput<typeof operation> | undefined {
  const fits = (template: string) =>
    new RegExp(`^${template.replaceAll('{runner_id}', '\\d+').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path)
  const item = Object.entries(description.paths).find(
    ([template, methods]) => fits(template) && method.toLowerCase() in methods,
  )
  return item?.[1][method.toLowerCase()]
}

function errorsOf(schema: Record<string, unknown>, value: unknown): string[] {
  const validate = ajv.compile(schema)
  if (validate(value)) return []
  return (validate.errors ?? []).map(({ instancePath, message }) => `body${instancePath}: ${message}`)
}
