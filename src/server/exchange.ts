import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import * as v from 'valibot'
import { Refusal } from './refusal.ts'

/** Largest JSON body (an inventory, a log, an order), as the real server has it. */
const maxBodyBytes = 1 << 20
/** What a route answers with. At most one of the bodies is given; without one the answer is empty. */
export interface Reply {
  status: number
  headers?: Record<string, string | readonly string[]>
  json?: unknown
  text?: string
  file?: { path: string; start: number; length: number; type: string }
}

/** One request as the routes see it: its URL taken apart and decoded, its body bounded and checked when asked for. */
export class Exchange {
  readonly method: string
  readonly url: URL
  readonly request: IncomingMessage
  /** For `X-Men-Requestid` and the envelope: the caller's where it gave a plain one, else a new one. */
  readonly requestId: string
  /** What stood in the URL for each `:name` of the route, decoded. */
  params: Readonly<Record<string, string>> = {}
  /** Who the route serves; `none` where there is no such route. */
  access: 'none' | 'open' | 'admin' | 'device' = 'none'

  readonly #bodyDeadlineMs: number

  /** `bodyDeadlineMs`: a JSON body is small, so one that takes longer has a stuck or hostile sender. */
  constructor(request: IncomingMessage, bodyDeadlineMs: number) {
    this.request = request
    this.#bodyDeadlineMs = bodyDeadlineMs
    this.method = request.method ?? 'GET'
    const given = this.header('x-men-requestid')
    this.requestId = given !== undefined && /^[\w-]{1,64}$/.test(given) ? given : randomUUID()
    this.url = parseUrl(request.url ?? '/')
  }

  /** A header that may stand once; undefined where it is missing. */
  header(name: string): string | undefined {
    const value = this.request.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  param(name: string): string {
    return this.params[name] ?? ''
  }

  /** A query value; undefined where it is missing or empty. */
  query(name: string): string | undefined {
    return this.url.searchParams.get(name) || undefined
  }

  /** All values of a query name that may stand several times. */
  queries(name: string): string[] {
    return this.url.searchParams.getAll(name).filter(Boolean)
  }

  /**
   * Where this server is for the caller: the address it used (it may come through a forwarder) with its scheme, so that
   * links in answers work for it.
   */
  origin(): string {
    const host = this.header('host') ?? ''
    const { localAddress, localPort } = this.request.socket
    const isPlain = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]{1,255})(:\d{1,5})?$/.test(host)
    const { socket } = this.request
    const isSecure = socket instanceof TLSSocket || this.header('x-forwarded-proto') === 'https'
    const scheme = isSecure ? 'https' : 'http'
    return `${scheme}://${isPlain ? host : `${localAddress}:${localPort}`}`
  }

  /** The raw body. Throws a 413 over the limit and a 408 where it does not come. */
  async body(limitBytes = maxBodyBytes): Promise<Buffer> {
    if (Number(this.header('content-length') ?? 0) > limitBytes) throw tooLarge(limitBytes)
    const chunks: Buffer[] = []
    let size = 0
    const deadline = setTimeout(() => this.request.destroy(), this.#bodyDeadlineMs)
    try {
      // not destroyed when we stop reading: the refusal still has to go out
      for await (const chunk of this.request.iterator({ destroyOnReturn: false })) {
        if (!(chunk instanceof Buffer)) continue
        size += chunk.length
        if (size > limitBytes) throw tooLarge(limitBytes)
        chunks.push(chunk)
      }
    } catch (error) {
      if (error instanceof Refusal) throw error
      throw new Refusal(408, 'the request broke off before its end', { cause: error })
    } finally {
      clearTimeout(deadline)
    }
    return Buffer.concat(chunks)
  }

  /** The body as JSON that `schema` accepts; throws a 400 that says what is wrong with it. */
  async json<S extends v.GenericSchema>(schema: S): Promise<v.InferOutput<S>> {
    return checked(schema, await this.body())
  }

  /** The same where the body may be left out: it counts as an object without fields then. */
  async optionalJson<S extends v.GenericSchema>(schema: S): Promise<v.InferOutput<S>> {
    const body = await this.body()
    return checked(schema, body.length === 0 ? '{}' : body)
  }
}

/** JSON text that `schema` accepts; throws a 400 that says what is wrong with it. */
export function checked<S extends v.GenericSchema>(schema: S, text: string | Buffer): v.InferOutput<S> {
  let raw: unknown
  try {
    raw = JSON.parse(text.toString('utf8'))
  } catch (error) {
    throw new Refusal(400, 'failed to decode JSON payload', { cause: error })
  }
  const result = v.safeParse(schema, raw)
  if (result.success) return result.output
  const [issue] = result.issues
  const path = issue.path?.map((item) => String(item.key)).join('.') ?? ''
  throw new Refusal(400, `${path ? `${path}: ` : ''}${issue.message}`)
}

function tooLarge(limitBytes: number): Refusal {
  return new Refusal(413, `request body too large (max: ${limitBytes} bytes)`)
}

function parseUrl(target: string): URL {
  if (target.length > 8192) throw new Refusal(414, 'request URL too long')
  try {
    // the host is no part of what is decided on, so none is trusted
    return new URL(`http://server${target.startsWith('/') ? target : '/'}`)
  } catch (error) {
    throw new Refusal(400, 'malformed request URL', { cause: error })
  }
}
