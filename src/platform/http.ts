import { Readable } from 'node:stream'
import type * as Undici from 'undici'
import * as v from 'valibot'
import { type Context } from './context.ts'
import { oneLine, shorten } from './escape.ts'
import { Failure, hasCode, messageOf } from './failure.ts'
import { isLoopback } from './loopback.ts'

/** Replies are read up to this many bytes: a server that answers without end must not fill our memory. */
const maxReplyBytes = 32 << 20
const attempts = 4

export interface HttpClientOptions {
  /** Where paths start, without a slash at the end: `https://hosted.mender.io`. */
  baseUrl: string
  /** Sent as `Authorization`, and never shown in a message. */
  authorization?: string
  /** Longest time for one attempt without a byte moving, in ms. */
  deadlineMs?: number
  /** Longest time for the whole of one attempt that carries no body stream, in ms: a server may drip for ever. */
  attemptMs?: number
  /** Whether a reply that mostly passes with time (429, 503) is this server's last word; none is where not given. */
  isFinal?: (reply: HttpReply) => boolean
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From the base URL on, with its query; the caller encodes what comes from outside. */
  path: string
  json?: unknown
  body?: Readable | (() => Readable)
  headers?: Record<string, string>
  /** Whether sending it twice does no harm. GET, PUT and DELETE are; a POST only where the caller says so. */
  repeatable?: boolean
  /** Statuses that are answers and not failures; 2xx where not given. */
  accept?: readonly number[]
}

export interface HttpReply {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

/** A reply whose JSON was checked. */
export interface HttpValue<T> {
  value: T
  headers: HttpReply['headers']
}

/** A small client for one server: deadlines, retries of what is safe to repeat, bounded replies, failures in our words. */
export interface HttpClient {
  /**
   * Sends a request. Throws `unreachable` (no connection, deadline, gateway errors to the last attempt),
   * `bad-credentials` (401, 403) and `server-refused` (any other status outside `accept`).
   */
  send(request: HttpRequest): Promise<HttpReply>
  /** `send`, and the reply's JSON checked by `schema`. Throws also `unexpected-reply`. */
  json<S extends v.GenericSchema>(request: HttpRequest, schema: S): Promise<v.InferOutput<S> & {}>
  /** `json` with the reply's headers. */
  read<S extends v.GenericSchema>(request: HttpRequest, schema: S): Promise<HttpValue<v.InferOutput<S> & {}>>
  /** `read`, or undefined where the server says in JSON that there is no such thing (404), or that it is empty (204). */
  find<S extends v.GenericSchema>(
    request: HttpRequest,
    schema: S,
  ): Promise<HttpValue<v.InferOutput<S> & {}> | undefined>
}

/** Opens a client; connections are made when the first request needs one. */
export function openHttp(options: HttpClientOptions, context: Context): HttpClient {
  const send = async (request: HttpRequest): Promise<HttpReply> => {
    for (let attempt = 1; ; attempt++) {
      const result = await sendOnce(options, request, context)
      const isLast = attempt === attempts || !isRepeatable(request)
      if (result instanceof Failure) {
        if (isLast || result.reason !== 'unreachable') throw result
      } else if (isLast || !isPassing(result, options)) {
        return checked(result, request, options)
      }
      const pauseMs = result instanceof Failure ? backoffMs(attempt) : retryAfterMs(result, attempt)
      context.log.debug(`${request.method} ${options.baseUrl}: trying again in ${pauseMs} ms`)
      await context.clock.sleep(pauseMs, context.signal)
    }
  }
  const read: HttpClient['read'] = async (request, schema) => {
    const reply = await send(request)
    return { value: parseReply(reply, request, options, schema), headers: reply.headers }
  }
  // what a server said is part of a message, and some repeat the request's headers
  const telling = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw withoutCredentials(error, options.authorization)
    })
  const find: HttpClient['find'] = async (request, schema) => {
    const reply = await send({ ...request, accept: [200, 204, 404] })
    if (reply.status === 204) return undefined
    if (reply.status === 404) {
      parseReply(reply, request, options, v.looseObject({}))
      return undefined
    }
    return { value: parseReply(reply, request, options, schema), headers: reply.headers }
  }
  return {
    send: async (request) => telling(send(request)),
    read: async (request, schema) => telling(read(request, schema)),
    find: async (request, schema) => telling(find(request, schema)),
    json: async (request, schema) => (await telling(read(request, schema))).value,
  }
}

/** The same failure without the credentials in its message, and then without its cause, which may quote the same. */
function withoutCredentials(error: unknown, authorization: string | undefined): unknown {
  const [scheme = '', credential = ''] = authorization?.split(' ') ?? []
  const password = scheme === 'Basic' ? Buffer.from(credential, 'base64').toString('utf8') : ''
  const secrets = [credential, password, password.slice(password.indexOf(':') + 1)].filter(Boolean)
  if (!(error instanceof Failure) || !secrets.some((secret) => error.message.includes(secret))) return error
  const message = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), error.message)
  return new Failure(error.reason, message)
}

async function sendOnce(
  options: HttpClientOptions,
  request: HttpRequest,
  context: Context,
): Promise<HttpReply | Failure> {
  // a CommonJS package: in the bundle only its default export is there
  const { default: undici } = await import('undici')
  const body = request.json === undefined ? streamOf(request.body) : JSON.stringify(request.json)
  const deadlineMs = options.deadlineMs ?? 60_000
  try {
    const reply = await undici.request(`${options.baseUrl}${request.path}`, {
      method: request.method,
      headers: {
        accept: 'application/json',
        ...(options.authorization === undefined ? {} : { authorization: options.authorization }),
        ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
        ...request.headers,
      },
      body: body ?? null,
      signal: attemptSignal(options, body, context.signal),
      headersTimeout: deadlineMs,
      bodyTimeout: deadlineMs,
      ...proxyFor(options.baseUrl, undici.EnvHttpProxyAgent),
    })
    return {
      status: reply.statusCode,
      headers: reply.headers,
      text: await boundedText(reply.body, options.baseUrl),
    }
  } catch (error) {
    context.signal.throwIfAborted()
    if (error instanceof Failure) return error
    return new Failure('unreachable', `${options.baseUrl} can't be reached: ${explain(error)}`, {
      cause: error,
    })
  }
}

let proxies: Undici.Dispatcher | undefined

/** The proxy that `https_proxy`, `http_proxy` and `no_proxy` ask for; this machine itself is never behind one. */
function proxyFor(baseUrl: string, Agent: new () => Undici.Dispatcher): { dispatcher?: Undici.Dispatcher } {
  const isAsked = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'].some((name) => process.env[name])
  if (!isAsked || isLoopback(new URL(baseUrl).hostname)) return {}
  proxies ??= new Agent()
  return { dispatcher: proxies }
}

/** An upload takes as long as its bytes move; anything else has to end. */
function attemptSignal(options: HttpClientOptions, body: unknown, signal: AbortSignal): AbortSignal {
  if (body instanceof Readable) return signal
  return AbortSignal.any([signal, AbortSignal.timeout(options.attemptMs ?? 300_000)])
}

/** Text of a body, up to the limit for replies. */
async function boundedText(body: AsyncIterable<Uint8Array>, from: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxReplyBytes)
      throw new Failure('unexpected-reply', `${from} answered with more than ${maxReplyBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function checked(reply: HttpReply, request: HttpRequest, options: HttpClientOptions): HttpReply {
  const { status } = reply
  if (request.accept ? request.accept.includes(status) : status >= 200 && status < 300) return reply
  const said = saidBy(reply)
  const what = `${request.method} ${options.baseUrl}${request.path.split('?')[0]}`
  if (status === 401 || status === 403) {
    throw new Failure(
      'bad-credentials',
      `${what}: the token was refused (${status}${said}): check the input \`token\``,
    )
  }
  if (isPassing(reply, options)) {
    throw new Failure(
      'unreachable',
      `${what}: the server is not able to answer (${status}${said}): try again later`,
    )
  }
  // an API's 404 is JSON; a page means that something else is behind this URL
  if ((status >= 200 && status < 400) || (status === 404 && isPage(reply))) {
    throw new Failure('unexpected-reply', `${what} answered ${status}${said}: is that an OTA server's URL?`)
  }
  throw new Failure('server-refused', `${what} was refused (${status}${said})`)
}

function parseReply<S extends v.GenericSchema>(
  reply: HttpReply,
  request: HttpRequest,
  options: HttpClientOptions,
  schema: S,
): v.InferOutput<S> & {} {
  const what = `${options.baseUrl}${request.path.split('?')[0]}`
  let raw: unknown
  try {
    raw = JSON.parse(reply.text)
  } catch (error) {
    const type = String(reply.headers['content-type'] ?? 'no content type')
    const looks = isPage(reply) ? 'a web page' : `no JSON (${oneLine(type)})`
    throw new Failure(
      'unexpected-reply',
      `${what} answered with ${looks}: is the input \`server\` an OTA server's URL?`,
      {
        cause: error,
      },
    )
  }
  const result = v.safeParse(schema, raw)
  if (!result.success) {
    const [issue] = result.issues
    const path = issue?.path?.map((item) => String(item.key)).join('.') ?? ''
    throw new Failure(
      'unexpected-reply',
      `${what} answered in an unknown form: ${path} ${issue?.message ?? ''}`,
    )
  }
  return result.output as v.InferOutput<S> & {}
}

function saidBy(reply: HttpReply): string {
  try {
    const { error, message } = JSON.parse(reply.text) as { error?: unknown; message?: unknown }
    const said = typeof error === 'string' ? error : message
    return typeof said === 'string' ? `: ${shorten(oneLine(said), 300)}` : ''
  } catch {
    return isPage(reply) ? ', with a web page' : ''
  }
}

const untrusted = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]

function explain(error: unknown): string {
  if (hasCode(error, 'ECONNREFUSED')) return 'nothing listens there (connection refused)'
  if (hasCode(error, 'ENOTFOUND') || hasCode(error, 'EAI_AGAIN')) return 'the host name is unknown'
  if (untrusted.some((code) => hasCode(error, code))) {
    return `its certificate is not trusted (${messageOf(error)}): for an authority of your own, name its certificate in NODE_EXTRA_CA_CERTS`
  }
  const isTimeout = error instanceof Error && error.name === 'TimeoutError'
  if (isTimeout || hasCode(error, 'UND_ERR_HEADERS_TIMEOUT') || hasCode(error, 'UND_ERR_BODY_TIMEOUT'))
    return 'it did not answer in time'
  return oneLine(messageOf(error))
}

const isPage = (reply: HttpReply) => /^\s*</.test(reply.text)

function isPassing(reply: HttpReply, options: HttpClientOptions): boolean {
  return [408, 429, 502, 503, 504].includes(reply.status) && options.isFinal?.(reply) !== true
}

function isRepeatable(request: HttpRequest): boolean {
  if (request.body instanceof Readable) return false // a stream can be sent once
  return request.repeatable ?? ['GET', 'PUT', 'DELETE'].includes(request.method)
}

const streamOf = (body: HttpRequest['body']) => (typeof body === 'function' ? body() : body)

function backoffMs(attempt: number): number {
  return Math.round(250 * 2 ** (attempt - 1) * (0.5 + Math.random()))
}

function retryAfterMs(reply: HttpReply, attempt: number): number {
  const wanted = Number(reply.headers['retry-after'])
  return Number.isFinite(wanted) && wanted > 0 ? Math.min(wanted, 120) * 1000 : backoffMs(attempt)
}
