import { type KeyObject, createHmac } from 'node:crypto'
import { Refusal } from './refusal.ts'
import { isSame } from './secrets.ts'
import type { Exchange } from './exchange.ts'

const lifetimeMs = 24 * 3600 * 1000

/** A download link: whoever has it may download, until it expires. */
export interface Link {
  uri: string
  /** ISO 8601. */
  expire: string
}

/** Signs `path` (absolute, without a query) for 24 hours; `origin` is where the caller reaches this server. */
export function signLink(key: Buffer | KeyObject, origin: string, path: string, now: Date): Link {
  const expire = new Date(now.getTime() + lifetimeMs).toISOString()
  const query = new URLSearchParams({ 'x-men-expire': expire, 'x-men-signature': mac(key, path, expire) })
  return { uri: `${origin}${path}?${query.toString()}`, expire }
}

/** Throws a 403 where the requested URL isn't a link of ours, was altered or has expired. */
export function checkLink(key: Buffer | KeyObject, exchange: Exchange, now: Date): void {
  const expire = exchange.query('x-men-expire') ?? ''
  const signature = exchange.query('x-men-signature') ?? ''
  if (!isSame(signature, mac(key, exchange.url.pathname, expire))) throw new Refusal(403, 'invalid signature')
  if (!(Date.parse(expire) > now.getTime())) throw new Refusal(403, 'link expired')
}

function mac(key: Buffer | KeyObject, path: string, expire: string): string {
  return createHmac('sha256', key).update(`GET\n${path}\n${expire}`).digest('base64url')
}
