import { isIP } from 'node:net'
import type { DeviceFacts } from './ota-server.ts'

/**
 * The address that a device reports, for ssh: of `address`, `ip_address`, `ipv4`, then `ipv4_<interface>` and `ipv6_…` in
 * order of the interfaces' names. Loopback and link-local addresses are of no use to others. A device may claim any address:
 * who connects has to check its host key.
 */
export function addressOf({ attributes }: DeviceFacts): string | undefined {
  const names = Object.keys(attributes)
    .filter((name) => /^ipv[46]_/.test(name))
    .sort()
  return ['address', 'ip_address', 'ipv4', ...names, 'ipv6']
    .flatMap((name) => (attributes[name] ?? '').split(/[\s,]+/))
    .map((text) => text.replace(/\/\d+$/, ''))
    .find((text) => isIP(text) !== 0 && !/^(127\.|169\.254\.|::1$|fe80:)/i.test(text))
}
