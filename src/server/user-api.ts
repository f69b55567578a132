// The management API's users: one, `admin`, whose password is the management token; logins that end, tokens for programs.
import * as v from 'valibot'
import { addToken, endLogin, listTokens, removeToken } from './access-tokens.ts'
import { type Core, newId } from './core.ts'
import type { Exchange, Reply } from './exchange.ts'
import { bearerIn, read } from './gate.ts'
import { Refusal } from './refusal.ts'
import { type Route, admin, open } from './router.ts'
import { isSame } from './secrets.ts'
import { issueToken } from './tokens.ts'

const base = '/api/management/v1/useradm'
/** A year, as the real server has it. */
const maxExpiresInS = 31_536_000
/** A list has a time for every token; this one stands for none. */
const never = '9999-12-31T23:59:59.000Z'

const tokenSchema = v.object({
  name: v.pipe(v.string(), v.nonEmpty(), v.maxLength(256)),
  expires_in: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(maxExpiresInS)), 0),
  /** Ours alone: such a token can order and change nothing. */
  read_only: v.optional(v.boolean(), false),
})

/** All routes of users. */
export function userApi(core: Core): Route[] {
  return [
    open('POST', `${base}/auth/login`, (exchange) => login(core, exchange)),
    admin('POST', `${base}/auth/logout`, (exchange) => {
      const bearer = read(core, bearerIn(exchange))
      if (bearer?.kind === 'user') endLogin(core, bearer.login, bearer.expires)
      return { status: 202 }
    }),
    admin('POST', `${base}/settings/tokens`, async (exchange) => {
      const { name, expires_in, read_only } = await exchange.json(tokenSchema)
      const token = addToken(core, { name, expiresInS: expires_in, isReadOnly: read_only })
      core.log.info(`a token for the management API was made${read_only ? ', for reading only' : ''}`)
      return { status: 200, headers: { 'Content-Type': 'application/jwt' }, text: token }
    }),
    admin('GET', `${base}/settings/tokens`, () => ({
      status: 200,
      json: listTokens(core).map(({ id, name, created, expires, last_used, is_read_only }) => ({
        id,
        name,
        created_ts: created,
        expiration_date: expires ?? never,
        ...(last_used === null ? {} : { last_used }),
        read_only: is_read_only === 1,
      })),
    })),
    admin('DELETE', `${base}/settings/tokens/:id`, (exchange) => {
      removeToken(core, exchange.param('id'))
      return { status: 204 }
    }),
  ]
}

/** Login with user `admin` and the management token as the password; the answer is a token that expires. */
function login(core: Core, exchange: Exchange): Reply {
  const match = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(exchange.header('authorization') ?? '')
  const [user, ...password] = Buffer.from(match?.[1] ?? '', 'base64')
    .toString('utf8')
    .split(':')
  const isRight = isSame(password.join(':'), core.secrets.token)
  if (user !== 'admin' || !isRight) throw new Refusal(401, 'unauthorized')
  const token = issueToken(core.secrets.signingKey, { kind: 'user' }, newId(), new Date())
  return { status: 200, headers: { 'Content-Type': 'application/jwt' }, text: token }
}
