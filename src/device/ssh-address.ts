import { Failure } from '../platform/platform.ts'

export interface SshAddress {
  user: string
  host: string
  port: number
  /** The machine by way of which alone it can be reached. */
  jump?: Omit<SshAddress, 'jump'>
}

/**
 * Reads `ssh://user@host:port`; user and port may be left out (root, 22). `?jump=user@host:port` names a machine to go
 * through. Throws `bad-input`.
 */
export function parseSshUrl(text: string): SshAddress {
  const url = URL.parse(text)
  if (url?.protocol !== 'ssh:') throw wrong(text, 'that is no ssh URL')
  // never shown: it would be a secret
  if (url.password) throw withPassword()
  if ((url.pathname !== '' && url.pathname !== '/') || url.hash)
    throw wrong(text, 'nothing may follow the port but ?jump=')
  const { jump, ...others } = Object.fromEntries(url.searchParams)
  if (Object.keys(others).length > 0 || url.searchParams.size > 1)
    throw wrong(text, 'nothing may follow the port but one ?jump=')
  const address = partsOf(text, url)
  if (jump === undefined) return address
  const gateway = URL.parse(`ssh://${jump}`)
  if (!gateway || !/^[^/?#]+$/.test(jump)) throw wrong(text, 'after jump= goes user@host:port')
  if (gateway.password) throw withPassword()
  return { ...address, jump: partsOf(text, gateway) }
}

function partsOf(text: string, url: URL): SshAddress {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const user = decodeURIComponent(url.username) || 'root'
  // both go into a configuration file, where white space and a leading dash mean something
  if (!/^[A-Za-z0-9][A-Za-z0-9.:_%-]*$|^::[0-9a-f:]*$/i.test(host)) throw wrong(text, 'that is no host name')
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(user)) throw wrong(text, 'that is no user name')
  return { user, host, port: Number(url.port || 22) }
}

export interface HostKeys {
  /** The device's own, `type base64`. */
  device: string[]
  /** Those of the machine to go through. */
  jump: string[]
}

/**
 * Checks ssh host keys as people give them, one `type base64 [comment]` a line, for the device at `address`. A line that
 * begins with the name of the machine to go through, as in a known_hosts file, is that machine's. Throws `bad-input`.
 */
export function parseHostKeys(text: string, address: SshAddress): HostKeys {
  const lines = text.split('\n').map((line) => line.trim())
  const keys: HostKeys = { device: [], jump: [] }
  for (const line of lines.filter((one) => one !== '' && !one.startsWith('#'))) {
    const match = /^(?:(\S+) )?((?:ssh|ecdsa|sk)-[\w@.-]+) ([A-Za-z0-9+/]{40,}={0,3})(?: .*)?$/.exec(line)
    if (!match)
      throw new Failure('bad-input', `host-key: a line is no ssh public key: write it as ssh-ed25519 AAAA…`)
    const [, name, type, key] = match
    if (name === undefined || isNameOf(name, address)) keys.device.push(`${type} ${key}`)
    else if (address.jump && isNameOf(name, address.jump)) keys.jump.push(`${type} ${key}`)
    else
      throw new Failure(
        'bad-input',
        `host-key: a line is of ${name}, which is neither the device nor the machine to go through`,
      )
  }
  return keys
}

// known_hosts writes a port other than 22 as [host]:port
const isNameOf = (name: string, { host, port }: SshAddress) => name === host || name === `[${host}]:${port}`

function withPassword(): Failure {
  return new Failure('bad-input', 'device: an ssh URL with a password; use the input `ssh-key`')
}

function wrong(text: string, why: string): Failure {
  return new Failure('bad-input', `device: "${text}": ${why}; write ssh://user@host:port`)
}
