import { Refusal } from './refusal.ts'
import type { Exchange, Reply } from './exchange.ts'

type Answer = Reply | Promise<Reply>

/**
 * Who a route serves: anybody, an accepted device with its token, or the holder of the management token; `look` is open to
 * tokens for reading only, too.
 */
export type Route = { method: string; path: string } & (
  | { access: 'open' | 'admin' | 'look'; answer: (exchange: Exchange) => Answer }
  | { access: 'device'; answer: (exchange: Exchange, device: string) => Answer }
)

/** How a caller is known; both throw a 401. */
export interface Gate {
  /** Throws a 403 where the token is for reading only, and the route isn't. */
  admin(exchange: Exchange, isReading: boolean): void
  /** Returns the device's id. */
  device(exchange: Exchange): string
}

/** A route that anybody may ask. `path` has `:name` for a segment that varies. */
export function open(method: string, path: string, answer: (exchange: Exchange) => Answer): Route {
  return { access: 'open', method, path, answer }
}

/** A route of the management API. What is asked for by GET changes nothing, so that tokens for reading only may ask it. */
export function admin(method: string, path: string, answer: (exchange: Exchange) => Answer): Route {
  return { access: method === 'GET' ? 'look' : 'admin', method, path, answer }
}

/** A route of the management API that is sent as POST for its long question, and changes nothing. */
export function lookup(path: string, answer: (exchange: Exchange) => Answer): Route {
  return { access: 'look', method: 'POST', path, answer }
}

/** A route of the device API. */
export function device(
  method: string,
  path: string,
  answer: (exchange: Exchange, device: string) => Answer,
): Route {
  return { access: 'device', method, path, answer }
}

/**
 * Makes the one function that answers every request. It throws a `Refusal` 404 where the table has no such path or method,
 * as the real server does. Fixed segments win over `:name`.
 */
export function router(routes: readonly Route[], gate: Gate): (exchange: Exchange) => Promise<Reply> {
  const table = routes
    .map((route) => ({ route, segments: route.path.split('/') }))
    .sort((a, b) => a.segments.filter(isVariable).length - b.segments.filter(isVariable).length)
  return async (exchange) => {
    const segments = exchange.url.pathname.replace(/(?<=.)\/$/, '').split('/')
    const method = exchange.method === 'HEAD' ? 'GET' : exchange.method
    const found = table.find((entry) => entry.route.method === method && fits(entry.segments, segments))
    if (!found) throw new Refusal(404, 'not found')
    const { route } = found
    exchange.access = route.access === 'look' ? 'admin' : route.access
    if (exchange.access === 'admin') gate.admin(exchange, route.access === 'look')
    const caller = route.access === 'device' ? gate.device(exchange) : ''
    exchange.params = variables(found.segments, segments)
    return route.access === 'device' ? route.answer(exchange, caller) : route.answer(exchange)
  }
}

const isVariable = (segment: string) => segment.startsWith(':')

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (isVariable(part) ? segments[i] !== '' : part === segments[i]))
  )
}

function variables(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [i, part] of pattern.entries())
    if (isVariable(part)) values[part.slice(1)] = decode(segments[i] ?? '')
  return values
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    throw new Refusal(400, 'malformed request URL', { cause: error })
  }
}
