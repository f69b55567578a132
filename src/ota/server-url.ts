import { isIP } from 'node:net'
import { Failure } from '../platform/platform.ts'

/**
 * Checks an OTA server's URL and returns it without a slash at its end. `http://` is for this machine and for private
 * addresses alone: the token would travel in the clear. Throws `bad-input`.
 */
export function checkedServerUrl(text: string): string {
  const url = URL.parse(text.trim())
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new Failure('bad-input', `server is "${shown(text)}"; write a URL such as https://hosted.mender.io`)
  }
  if (url.username || url.password) {
    throw new Failure('bad-input', 'server has a user or a password in its URL: give the input token instead')
  }
  if (url.search || url.hash) {
    throw new Failure('bad-input', `server is "${shown(text)}"; it can't have a query or a fragment`)
  }
  if (url.protocol === 'http:' && !isNear(url.hostname)) {
    throw new Failure(
      'bad-input',
      `server is "${shown(text)}": the token would travel in the clear. Use https://; http:// is only for localhost and private addresses`,
    )
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

/** What is before an @ may be a password. */
function shown(text: string): string {
  return text.replace(/\/\/.*@/, '//…@').slice(0, 200)
}

/** Loopback, RFC 1918, link-local and unique local addresses; a name could resolve to anything. */
function isNear(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIP(bare) === 4) return /^(127|10)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2\d|3[01])\./.test(bare)
  return isIP(bare) === 6 && /^(::1$|f[cd]|fe[89ab])/i.test(bare)
}
