// How the embedded server may differ from Mender's API document, and nowhere else: in the first list where the real server
// itself differs, in the others where a client made from the document loses nothing.
import assert from 'node:assert/strict'
import { type Exchanged, deviations } from '../support/mender-api.ts'

/** What the document has wrong: the real server answers as ours. */
const wrongInDocument: readonly RegExp[] = [
  // tokens are bare JSON Web Tokens, for devices and programs as for people
  /^POST \/api\/devices\/v1\/authentication\/auth_requests 200: content type "application\/jwt"/,
  /^POST \/api\/management\/v1\/useradm\/settings\/tokens 200: content type "application\/jwt"/,
  // what devices report as a list or a number is answered as one
  /^(GET|POST) \/api\/management\/v[12]\/inventory\/.* 200: .*attributes\/\*\/value must be string$/,
  // a device in no group
  /^GET \/api\/management\/v1\/inventory\/devices\/\{id\}\/group 200: \/group must be string$/,
]

/** Refusals that come before an operation is looked at, in the same envelope everywhere. */
const refusals: readonly (readonly [status: number, why: string])[] = [
  [401, 'no token, or one that does not hold'],
  [403, 'a token for reading only'],
  [408, 'the request broke off'],
  [413, 'the body is too large'],
  [414, 'the URL is too long'],
  [503, 'too many devices wait'],
  [507, 'the disk is full'],
]

/** What answers have beyond the document. */
const additions: readonly RegExp[] = [
  // the real server has these too
  /\/statistics\/status\/decommissioned$|\/stats\/decommissioned$|statistics 200: \/decommissioned$/,
  /\/(max_devices|initial_device_count|force_installation|artifacts_count)$/,
  /\/attributes\/\*\/timestamp$/,
  /\/identity_data\/[^/]+$/,
  // ours alone: what an access token may do
  /^GET \/api\/management\/v1\/useradm\/settings\/tokens 200: \/\*\/read_only$/,
]

/** Routes that the document lacks. */
const extensions: readonly RegExp[] = [
  /^GET \/(healthz|metrics)$/,
  // the newer client asks with all that it provides; the document has only the older way
  /^POST \/api\/devices\/v1\/deployments\/device\/deployments\/next$/,
  // the real server hands out links to its storage
  /^(GET|HEAD) \/api\/devices\/v1\/deployments\/download\/artifacts\/[^/]+$/,
]

/** Throws where an exchange is not as the document and these lists say; returns the operation, undefined where it is none. */
export function conforms(exchanged: Exchanged): string | undefined {
  const { method, path, status, body } = exchanged
  const { operation, request, answer, extra } = deviations(exchanged)
  const pathname = path.split('?')[0] ?? ''
  if (operation === undefined) {
    const isKnown = extensions.some((one) => one.test(`${method} ${pathname}`))
    assert.ok(isKnown || [404, 414, 431].includes(status), `${method} ${path} is nowhere documented`)
    return undefined
  }
  const isForgiven = (text: string) => {
    const undocumented = /^status (\d+) is not documented$/.exec(text)?.[1]
    if (undocumented === undefined)
      return wrongInDocument.some((one) => one.test(`${operation} ${status}: ${text}`))
    // a name in the path may stand for nothing, and a request that is itself not as documented may be refused
    if (status === 404) return operation.includes('{')
    if (status === 400) return request.length > 0
    return refusals.some(([code]) => code === status)
  }
  const wrong = answer.filter((text) => !isForgiven(text))
  const unknown = extra.filter((at) => !additions.some((one) => one.test(`${operation} ${status}: ${at}`)))
  const what = `${operation}, ${status}: ${[...wrong, ...unknown.map((at) => `${at} is not documented`)].join('; ')}\n${body.slice(0, 2000)}`
  assert.ok(wrong.length === 0 && unknown.length === 0, what)
  assert.notEqual(status, 500, what)
  return operation
}

/** `fetch`, with each answer of the API compared with the document. */
export async function conforming(url: string, init: RequestInit & { method: string }): Promise<Response> {
  const reply = await fetch(url, init)
  const { pathname, search } = new URL(url)
  const { status, headers } = reply
  const body = await reply.clone().text()
  const requestBody = typeof init.body === 'string' ? init.body : ''
  conforms({ method: init.method, path: pathname + search, requestBody, status, headers, body })
  return reply
}
