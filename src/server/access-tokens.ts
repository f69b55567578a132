// Tokens that people make for programs: with a name, an end where it is wanted, and a way to take them back.
import { createHash, randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { type Core, newId, timestamp } from './core.ts'
import { Refusal } from './refusal.ts'

const maxTokens = 100
/** When a token was last used is written down again only after this long. */
const useMs = 60_000

const tokenRow = v.object({
  id: v.string(),
  name: v.string(),
  is_read_only: v.number(),
  created: v.string(),
  expires: v.nullable(v.string()),
  last_used: v.nullable(v.string()),
})

/** A token as it is listed: never itself. */
export type AccessToken = v.InferOutput<typeof tokenRow>

/**
 * Makes a token and returns it, the only time that it is told. Throws a 409 where the name is taken and a 422 where there
 * are too many.
 */
export function addToken(
  core: Core,
  { name, expiresInS, isReadOnly }: { name: string; expiresInS: number; isReadOnly: boolean },
): string {
  const token = randomBytes(32).toString('base64url')
  const now = Date.now()
  core.store.transaction(() => {
    core.store.run(`DELETE FROM access_token WHERE expires <= ?`, timestamp())
    if (core.store.count(`SELECT count(*) AS n FROM access_token WHERE name = ?`, name) > 0)
      throw new Refusal(409, 'Personal Access Token with the same name already exists')
    if (core.store.count(`SELECT count(*) AS n FROM access_token`) >= maxTokens)
      throw new Refusal(422, `maximum number of personal access tokens reached (${maxTokens})`)
    core.store.run(
      `INSERT INTO access_token (id, name, sha256, is_read_only, created, expires) VALUES (?, ?, ?, ?, ?, ?)`,
      newId(),
      name,
      sha256Of(token),
      Number(isReadOnly),
      timestamp(new Date(now)),
      expiresInS > 0 ? timestamp(new Date(now + expiresInS * 1000)) : null,
    )
  })
  return token
}

/** All tokens that hold, oldest first. */
export function listTokens(core: Core): AccessToken[] {
  return core.store.all(
    tokenRow,
    `SELECT * FROM access_token WHERE expires IS NULL OR expires > ? ORDER BY created, id`,
    timestamp(),
  )
}

/** Takes a token back; one that is not there is back already. */
export function removeToken(core: Core, id: string): void {
  core.store.run(`DELETE FROM access_token WHERE id = ?`, id)
}

/** What a token allows; undefined where it is none, has ended, or was taken back. */
export function accessOf(core: Core, token: string): 'all' | 'read' | undefined {
  // looked up by its digest, so how long that takes tells nothing about the token
  const found = core.store.get(
    tokenRow,
    `SELECT * FROM access_token WHERE sha256 = ? AND (expires IS NULL OR expires > ?)`,
    sha256Of(token),
    timestamp(),
  )
  if (!found) return undefined
  if (Date.now() - Date.parse(found.last_used ?? '1970-01-01') > useMs)
    core.store.run(`UPDATE access_token SET last_used = ? WHERE id = ?`, timestamp(), found.id)
  return found.is_read_only === 1 ? 'read' : 'all'
}

/** Ends a login before its time. */
export function endLogin(core: Core, login: string, expires: Date): void {
  core.store.run(`DELETE FROM ended_login WHERE expires <= ?`, timestamp())
  core.store.run(`INSERT OR IGNORE INTO ended_login (id, expires) VALUES (?, ?)`, login, timestamp(expires))
}

/** Whether a login was ended before its time. */
export function isEnded(core: Core, login: string): boolean {
  return core.store.count(`SELECT count(*) AS n FROM ended_login WHERE id = ?`, login) > 0
}

function sha256Of(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
