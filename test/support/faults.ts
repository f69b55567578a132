// What goes wrong between a client and a server, each fault applied to one call. Some strike before the server has seen
// the request, some after it has done it.
import { type IncomingMessage, type ServerResponse, request } from 'node:http'
import type { TestContext } from 'node:test'
import { serve } from './hostile-server.ts'

export interface Fault {
  name: string
  /** Whether it passes by itself, so that the same call works the next time. */
  passes: boolean
  apply(call: Call): Promise<void> | void
}

interface Call {
  outgoing: ServerResponse
  /** Lets the server do it; resolves with its answer, of which the caller has seen nothing. */
  forward: () => Promise<Answer>
}

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

const page = '<!doctype html><html><body>Sign in</body></html>'

/** Every fault there is. */
export const faults: readonly Fault[] = [
  passing('the connection is reset before the server saw it', ({ outgoing }) => void outgoing.destroy()),
  passing('the connection is reset after the server did it', async ({ outgoing, forward }) => {
    await forward()
    outgoing.destroy()
  }),
  ...[408, 429, 502, 503, 504].map((status) =>
    passing(`${status} without a body`, ({ outgoing }) => void outgoing.writeHead(status).end()),
  ),
  passing('429 with Retry-After', ({ outgoing }) => {
    outgoing.writeHead(429, { 'retry-after': '1' }).end('{"error":"slow down"}')
  }),
  ...[502, 504].map((status) =>
    passing(`${status} with a page, after the server did it`, async ({ outgoing, forward }) => {
      await forward()
      outgoing.writeHead(status, { 'content-type': 'text/html' }).end(page)
    }),
  ),
  passing('an answer that is cut in the middle', async ({ outgoing, forward }) => {
    const { status, headers, body } = await forward()
    outgoing.writeHead(status, { ...headers, 'content-length': String(body.length + 100) })
    outgoing.write(body.subarray(0, body.length / 2))
    setTimeout(() => outgoing.destroy(), 5)
  }),
  passing('silence for a while', async ({ outgoing, forward }) => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    give(outgoing, await forward())
  }),
  passing('an answer that drips', async ({ outgoing, forward }) => {
    const { status, headers, body } = await forward()
    outgoing.writeHead(status, headers)
    for (let at = 0; at < body.length; at += Math.ceil(body.length / 8)) {
      outgoing.write(body.subarray(at, at + Math.ceil(body.length / 8)))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    outgoing.end()
  }),
  passing('a request that arrives twice', async ({ outgoing, forward }) => {
    await forward()
    give(outgoing, await forward())
  }),
  lasting('500', ({ outgoing }) => void outgoing.writeHead(500).end('{"error":"internal error"}')),
  lasting('a page with status 200', ({ outgoing }) => {
    outgoing.writeHead(200, { 'content-type': 'text/html' }).end(page)
  }),
  lasting('JSON of another shape', ({ outgoing }) => void outgoing.writeHead(200).end('{"entries":[7]}')),
  lasting('401 without a body', ({ outgoing }) => void outgoing.writeHead(401).end()),
]

export interface FaultyProxy {
  url: string
  /** The kinds of calls that came by, in the order of their first. */
  kinds: readonly string[]
  /** Applies a fault to the next call of a kind, once. */
  strike(kind: string, fault: Fault): void
  /** Whether the last fault struck. */
  readonly hasStruck: boolean
}

/** A proxy before `target` that passes everything on until it is told to strike. */
export async function faultyProxy(t: TestContext, target: string): Promise<FaultyProxy> {
  const kinds = new Set<string>()
  let next: { kind: string; fault: Fault } | undefined
  let hasStruck = false
  const url = await serve(t, (incoming, outgoing) => void answer(incoming, outgoing))
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const kind = kindOf(incoming)
    kinds.add(kind)
    const fault = next?.kind === kind ? next.fault : undefined
    if (fault) {
      next = undefined
      hasStruck = true
    }
    const body = await bytesOf(incoming).catch(() => undefined)
    if (body === undefined) return void outgoing.destroy()
    const forward = () => forwarded(target, incoming, body)
    try {
      if (fault) await fault.apply({ outgoing, forward })
      else give(outgoing, await forward())
    } catch {
      outgoing.destroy()
    }
  }
  return {
    url,
    get kinds() {
      return [...kinds]
    },
    get hasStruck() {
      return hasStruck
    },
    strike: (kind, fault) => {
      hasStruck = false
      next = { kind, fault }
    },
  }
}

/** Method and path, without what differs from call to call. */
function kindOf({ method, url = '' }: IncomingMessage): string {
  const path = (url.split('?')[0] ?? '').replace('/api/management', '')
  return `${method} ${path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|(?<=\/|\.)\d+(?=\/|$)/g, ':id')}`
}

function passing(name: string, apply: Fault['apply']): Fault {
  return { name, passes: true, apply }
}

function lasting(name: string, apply: Fault['apply']): Fault {
  return { name, passes: false, apply }
}

function give(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, headers).end(body)
}

async function forwarded(target: string, incoming: IncomingMessage, body: Buffer): Promise<Answer> {
  const { 'transfer-encoding': _, ...headers } = incoming.headers
  return new Promise((resolve, reject) => {
    const onward = request(`${target}${incoming.url}`, {
      method: incoming.method,
      headers: { ...headers, ...(body.length > 0 ? { 'content-length': body.length } : {}) },
    })
    onward.on('response', (reply) => {
      bytesOf(reply).then((bytes) => {
        const { 'transfer-encoding': _, connection: __, 'keep-alive': ___, ...kept } = reply.headers
        resolve({ status: reply.statusCode ?? 502, headers: kept, body: bytes })
      }, reject)
    })
    onward.on('error', reject)
    onward.end(body)
  })
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces)
}
