// The HTTP side: writes what a route answered (or refused) as the real server would, and keeps slow or hostile callers
// within bounds.
import { createReadStream } from 'node:fs'
import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  createServer,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { type Log, hasCode, messageOf, oneLine } from '../platform/platform.ts'
import { Exchange, type Reply } from './exchange.ts'
import { Refusal } from './refusal.ts'

/** How much one caller may ask of the server's patience. */
export interface Limits {
  /** Longest time from the connection to the last header. */
  headersMs: number
  /** Longest time for a JSON body. */
  bodyMs: number
  /** A connection on which nothing moves for this long is closed. */
  idleMs: number
  /** Connections at a time; further ones are closed at once. */
  connections: number
}

const defaults: Limits = {
  headersMs: 20_000,
  bodyMs: 30_000,
  // a device that writes a block device may pause for minutes
  idleMs: 300_000,
  // a thousand devices that poll, twice
  connections: 2000,
}

/** How long the unread rest of a refused request may go on. */
const unreadBodyMs = 10_000

export interface ListenerOptions {
  limits?: Partial<Limits> | undefined
  answer: (exchange: Exchange) => Promise<Reply>
  log: Log
  /** PEM; without it the server speaks plain HTTP. */
  tls?: { cert: string; key: string } | undefined
  /** Told of every request that was answered: who its route serves, the status, and how long it took. */
  onAnswered: (access: Exchange['access'], status: number, seconds: number) => void
}

/** Makes the HTTP server (not yet listening) that answers every request. */
export function createListener(options: ListenerOptions): Server {
  const { tls } = options
  const limits = { ...defaults, ...options.limits }
  const settings = {
    maxHeaderSize: 16 << 10,
    headersTimeout: limits.headersMs,
    // bodies have limits of their own: an artifact may take long, anything else may not
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    connectionsCheckingInterval: Math.min(5000, limits.headersMs),
  }
  const listener: RequestListener = (request, response) => void serve(request, response, limits, options)
  const server =
    tls === undefined
      ? createServer(settings, listener)
      : createTlsServer(
          { ...settings, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: limits.headersMs },
          listener,
        )
  server.timeout = limits.idleMs
  server.maxHeadersCount = 100
  server.maxConnections = limits.connections
  return server
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  limits: Limits,
  { answer, log, onAnswered }: ListenerOptions,
): Promise<void> {
  const startedAt = performance.now()
  let requestId = ''
  let access: Exchange['access'] = 'none'
  try {
    const exchange = new Exchange(request, limits.bodyMs)
    requestId = exchange.requestId
    response.setHeader('X-Men-Requestid', requestId)
    const reply = await answer(exchange).finally(() => (access = exchange.access))
    await write(response, reply, exchange.method === 'HEAD')
  } catch (error) {
    await writeError(response, error, requestId, log)
  }
  if (!request.complete) cutOff(request)
  // the query may hold a link's signature, so only the path is told
  const path = oneLine((request.url ?? '').split('?')[0] ?? '')
  const ms = performance.now() - startedAt
  onAnswered(access, response.statusCode, ms / 1000)
  log.debug(`${request.method} ${path} ${response.statusCode} ${ms.toFixed(1)} ms`)
}

/**
 * Drops the rest of a request that was answered before its body was read: a sender that does not listen while it sends
 * would see a broken connection and not the answer. One that goes on for too long is cut off.
 */
function cutOff(request: IncomingMessage): void {
  request.resume()
  const timer = setTimeout(() => request.destroy(), unreadBodyMs)
  timer.unref()
  request.once('close', () => clearTimeout(timer))
}

async function write(response: ServerResponse, reply: Reply, isHead: boolean): Promise<void> {
  response.statusCode = reply.status
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value)
  if (reply.file) {
    const { path, start, length, type } = reply.file
    response.setHeader('Content-Type', type)
    response.setHeader('Content-Length', length)
    if (isHead || length === 0) response.end()
    else await pipeline(createReadStream(path, { start, end: start + length - 1 }), response)
    return
  }
  if (reply.json !== undefined) {
    response.setHeader('Content-Type', 'application/json')
    send(response, JSON.stringify(reply.json), isHead)
  } else if (reply.text !== undefined) {
    if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    send(response, reply.text, isHead)
  } else {
    if (reply.status !== 204) response.setHeader('Content-Length', 0)
    response.end()
  }
}

function send(response: ServerResponse, text: string, isHead: boolean): void {
  response.setHeader('Content-Length', Buffer.byteLength(text))
  response.end(isHead ? undefined : text)
}

async function writeError(response: ServerResponse, error: unknown, id: string, log: Log): Promise<void> {
  const isGone = ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].some((code) => hasCode(error, code))
  if (!(error instanceof Refusal) && !isGone)
    log.warn(
      `bug in the OTA server: ${oneLine(error instanceof Error ? (error.stack ?? error.message) : messageOf(error))}`,
    )
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const refusal = error instanceof Refusal ? error : new Refusal(500, 'internal error')
  await write(
    response,
    {
      status: refusal.status,
      headers: refusal.headers,
      json: { error: refusal.message, request_id: id, ...refusal.details },
    },
    false,
  )
}
