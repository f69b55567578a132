import * as v from 'valibot'
import { type Core, newId, timestamp } from './core.ts'
import type { Exchange, Reply } from './exchange.ts'
import { Refusal } from './refusal.ts'
import { type Gate, type Route, open } from './router.ts'
import { isSame } from './secrets.ts'
import { type Bearer, issueToken, readToken } from './tokens.ts'

/** A device's time of contact is written down again only after this long: most polls then need no write. */
const checkInMs = 60_000

const authSetRow = v.object({ status: v.string(), checked_in: v.nullable(v.string()) })

/** Tells who a caller is: devices by the token they got, people by the management token or a login's. */
export function gate(core: Core): Gate {
  return {
    admin: (exchange) => {
      const token = bearerIn(exchange)
      if (isSame(token, core.secrets.token) || read(core, token)?.kind === 'user') return
      throw new Refusal(401, 'unauthorized')
    },
    device: (exchange) => {
      const bearer = read(core, bearerIn(exchange))
      if (bearer?.kind !== 'device' || !isAccepted(core, bearer.device, bearer.authSet))
        throw new Refusal(401, 'unauthorized')
      return bearer.device
    },
  }
}

/** Login with user `admin` and the management token as the password; the answer is a token that expires. */
export function loginApi(core: Core): Route[] {
  return [
    open('POST', '/api/management/v1/useradm/auth/login', (exchange): Reply => {
      const match = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(exchange.header('authorization') ?? '')
      const [user, ...password] = Buffer.from(match?.[1] ?? '', 'base64')
        .toString('utf8')
        .split(':')
      const isRight = isSame(password.join(':'), core.secrets.token)
      if (user !== 'admin' || !isRight) throw new Refusal(401, 'unauthorized')
      const token = issueToken(core.secrets.signingKey, { kind: 'user' }, newId(), new Date())
      return { status: 200, headers: { 'Content-Type': 'application/jwt' }, text: token }
    }),
  ]
}

function read(core: Core, token: string): Bearer | undefined {
  return readToken(core.secrets.signingKey, token, new Date())
}

function bearerIn(exchange: Exchange): string {
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
