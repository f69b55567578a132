import { existsSync } from 'node:fs'
import { type Context, Failure } from '../platform/platform.ts'
import type { Connection } from './connection.ts'
import { connectLocal } from './local-connection.ts'
import { connectNamespace } from './namespace-connection.ts'
import { parseHostKeys, parseSshUrl } from './ssh-address.ts'
import { connectSsh } from './ssh-connection.ts'

export interface ConnectOptions {
  context: Context
  /** Private ssh key, its text; where not given ssh uses its own (agent, default files). */
  sshKey?: string | undefined
  /** The device's ssh host key, `type base64`; where not given the first one shown is trusted, with a warning. */
  hostKey?: string | undefined
  /** How long a device may take to answer, in ms; 60 000 unless given. */
  limitMs?: number
}

/**
 * Connects to a device: `ssh://user@host:port`, `namespace:<root file system image>` (a virtual device, for this
 * connection alone) or `local:` (the machine that this runs on). Throws `bad-input`, `device-unreachable`,
 * `host-key-mismatch`, `bad-key`, `missing-tool`, `missing-rights`.
 */
export async function connect(url: string, options: ConnectOptions): Promise<Connection> {
  const { context } = options
  const [, scheme, rest = ''] = /^([a-z]+):(.*)$/s.exec(url) ?? []
  switch (scheme) {
    case 'ssh': {
      const identity = { key: options.sshKey, hostKeys: parseHostKeys(options.hostKey ?? '') }
      const limit = options.limitMs === undefined ? {} : { limitMs: options.limitMs }
      return connectSsh(parseSshUrl(url), identity, { context, ...limit })
    }
    case 'namespace':
      if (!existsSync(rest)) throw new Failure('file-missing', `device: "${url}": there is no file ${rest}`)
      return connectNamespace(rest, context)
    case 'local':
      if (rest !== '') throw new Failure('bad-input', `device: "${url}": nothing may follow local:`)
      return connectLocal(context)
    case 'vm':
      throw new Failure(
        'bad-input',
        `device: "${url}": virtual machines are not there yet; use namespace: or ssh:`,
      )
    default:
      throw new Failure(
        'bad-input',
        `device: "${url}": write ssh://user@host:port, namespace:<root file system image> or local:`,
      )
  }
}
