import { existsSync } from 'node:fs'
import { type Context, Failure } from '../platform/platform.ts'
import type { Connection } from './connection.ts'
import { connectLocal } from './local-connection.ts'
import { parseHostKeys, parseSshUrl } from './ssh-address.ts'
import { connectSsh } from './ssh-connection.ts'
import { connectVirtual } from './virtual-connection.ts'

export interface ConnectOptions {
  context: Context
  /** Private ssh key, its text; where not given ssh uses its own (agent, default files). */
  sshKey?: string | undefined
  /**
   * The device's ssh host key, `type base64`; where not given the first one shown is trusted, with a warning. A line that
   * begins with a name is of the machine to go through.
   */
  hostKey?: string | undefined
  /** How long a device may take to answer, in ms; 60 000 unless given, a namespace's 30 000, a virtual machine's 300 000. */
  limitMs?: number
}

/**
 * Connects to a device: `ssh://user@host:port`, perhaps through another machine (`?jump=user@host:port`), `vm:<image>` and `namespace:<root file system image>` (a virtual device with
 * or without a kernel of its own, for this connection alone) or `local:` (the machine that this runs on). Throws `bad-input`, `device-unreachable`,
 * `host-key-mismatch`, `bad-key`, `missing-tool`, `missing-rights`, `file-missing`, `invalid-file`.
 */
export async function connect(url: string, options: ConnectOptions): Promise<Connection> {
  const { context } = options
  const limit = options.limitMs === undefined ? {} : { limitMs: options.limitMs }
  const [, scheme, rest = ''] = /^([a-z]+):(.*)$/s.exec(url) ?? []
  switch (scheme) {
    case 'ssh': {
      const address = parseSshUrl(url)
      const { device, jump } = parseHostKeys(options.hostKey ?? '', address)
      const identity = { key: options.sshKey, hostKeys: device, jumpHostKeys: jump }
      return connectSsh(address, identity, { context, ...limit })
    }
    case 'namespace':
    case 'vm':
      if (!existsSync(rest)) throw new Failure('file-missing', `device: "${url}": there is no file ${rest}`)
      return connectVirtual(scheme, rest, { context, ...limit })
    case 'local':
      if (rest !== '') throw new Failure('bad-input', `device: "${url}": nothing may follow local:`)
      return connectLocal(context)
    default:
      throw new Failure(
        'bad-input',
        `device: "${url}": write ssh://user@host:port, vm:<image>, namespace:<root file system image> or local:`,
      )
  }
}
