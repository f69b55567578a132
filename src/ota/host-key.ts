import type { DeviceFacts } from './ota-server.ts'

/** What an image's inventory script calls the ssh host keys that it reports, each `type base64`. */
const attribute = 'ssh_host_key'

/**
 * The ssh host keys that a device reports, `type base64` each; none where it reports none. Whoever shows such a key over ssh
 * is the device that has this identity on the OTA server, whatever address it claims.
 */
export function hostKeysOf({ attributes }: Pick<DeviceFacts, 'attributes'>): string[] {
  const keys = (attributes[attribute] ?? '').split(',').map((key) => key.trim())
  return keys.flatMap(
    (key) => /^((?:ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/]{40,}={0,3})(?: |$)/.exec(key)?.[1] ?? [],
  )
}
