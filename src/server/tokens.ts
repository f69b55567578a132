// JSON Web Tokens, signed with Ed25519, with the claims that other tools read from Mender's.
import { type KeyObject, createPublicKey, sign, verify } from 'node:crypto'
import * as v from 'valibot'

const lifetimeS = 7 * 24 * 3600

/** What a token of ours says: a device (with the auth set that got it) or a person who logged in. */
export type Bearer =
  { kind: 'device'; device: string; authSet: string } | { kind: 'user'; login: string; expires: Date }

const claims = v.object({
  iss: v.literal('Mender'),
  sub: v.string(),
  jti: v.string(),
  exp: v.number(),
  'mender.device': v.optional(v.boolean()),
  'mender.user': v.optional(v.boolean()),
})

const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', typ: 'JWT' })).toString('base64url')

/** Makes a token that holds for seven days from `now`. */
export function issueToken(
  key: KeyObject,
  bearer: { kind: 'device'; device: string } | { kind: 'user' },
  id: string,
  now: Date,
): string {
  const issued = Math.floor(now.getTime() / 1000)
  const payload = {
    jti: id,
    sub: bearer.kind === 'device' ? bearer.device : 'admin',
    iss: 'Mender',
    iat: issued,
    exp: issued + lifetimeS,
    [bearer.kind === 'device' ? 'mender.device' : 'mender.user']: true,
    'mender.plan': 'os',
  }
  const signed = `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`
}

/** Who a token names; undefined where it isn't one of ours, was altered or has expired. */
export function readToken(key: KeyObject, token: string, now: Date): Bearer | undefined {
  const [head, body, signature, ...rest] = token.split('.')
  // the one header that we write: an algorithm that a caller names is never followed
  if (head !== header || body === undefined || signature === undefined || rest.length > 0) return undefined
  const bytes = Buffer.from(`${head}.${body}`)
  if (!verify(null, bytes, createPublicKey(key), Buffer.from(signature, 'base64url'))) return undefined
  const said = v.safeParse(claims, JSON.parse(Buffer.from(body, 'base64url').toString('utf8')))
  if (!said.success || said.output.exp * 1000 <= now.getTime()) return undefined
  const { jti, exp } = said.output
  if (said.output['mender.user'] === true) {
    return { kind: 'user', login: jti, expires: new Date(exp * 1000) }
  }
  if (said.output['mender.device'] !== true) return undefined
  return { kind: 'device', device: said.output.sub, authSet: jti }
}
