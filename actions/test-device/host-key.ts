// The input `host-key`: keys as they are, or what the device itself reported to the OTA server.
import { resolve } from 'node:path'
import { type DeviceFacts, addressOf, hostKeysOf, readFacts } from '../../src/ota/ota.ts'
import { Failure } from '../../src/platform/platform.ts'

/**
 * The host keys that an input's lines name, for the device at an ssh URL. A line that ends with `.json`, perhaps with a device's
 * id after a `#`, is a facts file: there the device with that id, else the one that reports this address, has to report its key.
 * Throws `file-missing`, `invalid-file`, `device-missing`, and `bad-input` where no key can be had.
 */
export async function hostKeysIn(given: string | undefined, device: string): Promise<string | undefined> {
  if (given === undefined) return undefined
  const lines = given.split('\n').map(async (line) => {
    const [, path, id] = /^(?!(?:\S+ )?(?:ssh|ecdsa|sk)-\S+ )(.*\.json)(?:#(.+))?$/.exec(line.trim()) ?? []
    return path === undefined ? [line] : await reportedKeys(path, id, device)
  })
  return (await Promise.all(lines)).flat().join('\n')
}

async function reportedKeys(path: string, id: string | undefined, device: string): Promise<string[]> {
  const { devices, isRedacted } = await readFacts(resolve(process.env['GITHUB_WORKSPACE'] ?? '.', path), path)
  if (isRedacted)
    throw new Failure(
      'bad-input',
      `host-key: ${path} is redacted, and has no host keys: give the whole facts.json`,
    )
  const found = id === undefined ? atAddress(devices, path, device) : devices.find((one) => one.id === id)
  if (!found) throw new Failure('device-missing', `host-key: ${path} has no device ${id}`)
  const keys = hostKeysOf(found)
  if (keys.length > 0) return keys
  throw new Failure(
    'bad-input',
    `host-key: in ${path} the device ${found.id} reports no ssh host key: have its image report the attribute ssh_host_key, or give the key itself`,
  )
}

function atAddress(devices: readonly DeviceFacts[], path: string, device: string): DeviceFacts {
  const host = URL.parse(device)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  const [found, ...others] = devices.filter((one) => addressOf(one) === host)
  if (!found)
    throw new Failure(
      'device-missing',
      `host-key: no device in ${path} reports the address ${host}: name the device as ${path}#<its id>`,
    )
  if (others.length === 0) return found
  const ids = [found, ...others].map((one) => one.id)
  throw new Failure(
    'bad-input',
    `host-key: ${ids.length} devices in ${path} report the address ${host} (${ids.slice(0, 5).join(', ')}): name the one as ${path}#<its id>`,
  )
}
