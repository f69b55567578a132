import { Failure } from '../platform/platform.ts'

export interface SshAddress {
  user: string
  host: string
  port: number
}

/** Reads `ssh://user@host:port`; user and port may be left out (root, 22). Throws `bad-input`. */
export function parseSshUrl(text: string): SshAddress {
  const url = URL.parse(text)
  if (url?.protocol !== 'ssh:') throw wrong(text, 'that is no ssh URL')
  // never shown: it would be a secret
  if (url.password)
    throw new Failure('bad-input', 'device: an ssh URL with a password; use the input `ssh-key`')
  if ((url.pathname !== '' && url.pathname !== '/') || url.search || url.hash)
    throw wrong(text, 'nothing may follow the port')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const user = decodeURIComponent(url.username) || 'root'
  // both go into a configuration file, where white space and a leading dash mean something
  if (!/^[A-Za-z0-9][A-Za-z0-9.:_%-]*$|^::[0-9a-f:]*$/i.test(host)) throw wrong(text, 'that is no host name')
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(user)) throw wrong(text, 'that is no user name')
  return { user, host, port: Number(url.port || 22) }
}

/**
 * Checks ssh host keys as people give them, one `type base64 [comment]` a line, and returns them without comments.
 * Throws `bad-input`.
 */
export function parseHostKeys(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return keys.map((line) => {
    const match = /^((?:ssh|ecdsa|sk)-[\w@.-]+) ([A-Za-z0-9+/]{40,}={0,3})(?: .*)?$/.exec(line)
    if (match) return `${match[1]} ${match[2]}`
    throw new Failure('bad-input', `host-key: a line is no ssh public key: write it as ssh-ed25519 AAAA…`)
  })
}

function wrong(text: string, why: string): Failure {
  return new Failure('bad-input', `device: "${text}": ${why}; write ssh://user@host:port`)
}
