import * as v from 'valibot'
import { accessOf, isEnded } from './access-tokens.ts'
import { type Core, timestamp } from './core.ts'
import type { Exchange } from './exchange.ts'
import { Refusal } from './refusal.ts'
import type { Gate } from './router.ts'
import { isSame } from './secrets.ts'
import { type Bearer, readToken } from './tokens.ts'

/** A device's time of contact is written down again only after this long: most polls then need no write. */
const checkInMs = 60_000

const authSetRow = v.object({ status: v.string(), checked_in: v.nullable(v.string()) })

/** Tells who a caller is: devices by the token they got, people by the management token or a login's. */
export function gate(core: Core): Gate {
  return {
    admin: (exchange, isReading) => {
      const token = bearerIn(exchange)
      if (isSame(token, core.secrets.token) || isLoggedIn(core, token)) return
      const access = accessOf(core, token)
      if (access === undefined) throw new Refusal(401, 'unauthorized')
      if (access === 'read' && !isReading) throw new Refusal(403, 'this token may only read')
    },
    device: (exchange) => {
      const bearer = read(core, bearerIn(exchange))
      if (bearer?.kind !== 'device' || !isAccepted(core, bearer.device, bearer.authSet))
        throw new Refusal(401, 'unauthorized')
      return bearer.device
    },
  }
}

function isLoggedIn(core: Core, token: string): boolean {
  const bearer = read(core, token)
  return bearer?.kind === 'user' && !isEnded(core, bearer.login)
}

/** Who a signed token names; undefined where it isn't one of ours. */
export function read(core: Core, token: string): Bearer | undefined {
  return readToken(core.secrets.signingKey, token, new Date())
}

/** The bearer token of a request; empty where it has none. */
export function bearerIn(exchange: Exchange): string {
  return /^Bearer (\S+)$/i.exec(exchange.header('authorization') ?? '')?.[1] ?? ''
}

function isAccepted(core: Core, device: string, authSet: string): boolean {
  const found = core.store.get(
    authSetRow,
    `SELECT auth_set.status, checked_in FROM auth_set JOIN device ON device.id = auth_set.device
     WHERE auth_set.id = ? AND device = ?`,
    authSet,
    device,
  )
  if (found?.status !== 'accepted') return false
  if (Date.now() - Date.parse(found.checked_in ?? '1970-01-01') > checkInMs)
    core.store.run(`UPDATE device SET checked_in = ? WHERE id = ?`, timestamp(), device)
  return true
}
