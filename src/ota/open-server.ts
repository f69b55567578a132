import { type Context, Failure } from '../platform/platform.ts'
import { hawkbitServer } from './hawkbit.ts'
import { menderServer } from './mender.ts'
import type { OtaServer } from './ota-server.ts'
import { checkedServerUrl } from './server-url.ts'

/** The kinds of OTA servers that can be named; the first is the default. */
export const serverTypes = ['mender', 'hawkbit'] as const
export type ServerType = (typeof serverTypes)[number]

export interface ServerAddress {
  type: ServerType
  /** `https://`, or `http://` for this machine and private addresses. */
  url: string
  token: string
}

/** Opens the adapter for a server; nothing is sent yet. Throws `bad-input` for a URL or a token that can't be one. */
export function openServer({ type, url, token }: ServerAddress, context: Context): OtaServer {
  // what is not visible ASCII can't be sent in a header; a line end would start another one
  const isPassword = type === 'hawkbit' && /^[^\p{Cc}:]+:\P{Cc}+$/u.test(token)
  if (!isPassword && !/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure('bad-input', 'token has a character that no token has: copy it again, without spaces')
  }
  const open = type === 'hawkbit' ? hawkbitServer : menderServer
  return open(checkedServerUrl(url), token, context)
}

/**
 * Where the server is: what was given goes before what fleet.yml says. Throws `bad-input` where neither names a URL, or for
 * a type that there isn't.
 */
export function serverAddress(
  given: { url: string | undefined; type: string | undefined },
  fleet?: { url: string; type: ServerType },
): Omit<ServerAddress, 'token'> {
  const url = given.url ?? fleet?.url
  if (url === undefined) {
    throw new Failure('bad-input', 'no server: give the input server, or one in fleet.yml (server: { url })')
  }
  const wanted = given.type ?? fleet?.type ?? serverTypes[0]
  const type = serverTypes.find((one) => one === wanted)
  if (type) return { url, type }
  throw new Failure('bad-input', `server-type is "${wanted}"; it can be ${serverTypes.join(' or ')}`)
}
