import * as v from 'valibot'
import { Failure, parseDuration, readYaml } from '../platform/platform.ts'
import { type CrowdOptions, crowdServers } from './crowd.ts'
import { parseFaults } from './faults.ts'

const maxDevices = 20_000

const duration = v.pipe(
  v.string('write a duration such as 30s, 15m or 24h'),
  v.check((text) => (parseDuration(text) ?? 0) > 0, 'write a duration such as 30s, 15m or 24h'),
)
const text = v.pipe(v.string('write it as text'), v.nonEmpty('it is empty'), v.maxLength(256))

/** The file that describes a crowd. */
export const crowdSchema = v.strictObject({
  'device-types': v.pipe(
    v.record(text, v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(maxDevices))),
    v.minEntries(1, 'name at least one device type'),
    v.description('How many devices there are of each device type.'),
  ),
  release: v.optional(v.pipe(text, v.description('The release that they run at first.')), 'os-1'),
  attributes: v.optional(
    v.pipe(v.record(text, text), v.description('What every device reports besides, such as its site.')),
    {},
  ),
  poll: v.optional(v.pipe(duration, v.description("Time between two polls, in the devices' time.")), '30m'),
  speed: v.optional(
    v.pipe(
      v.number(),
      v.minValue(1),
      v.maxValue(1_000_000),
      v.description('Seconds that pass for the devices in one second.'),
    ),
    60,
  ),
})

/** What is given to the step; `devices` is a number, or the path of a file with more. */
export interface CrowdInputs {
  server: string
  /** One of `crowdServers`; the first where not given. */
  serverType?: string | undefined
  /** hawkBit's gateway token, and nothing for Mender. */
  token?: string | undefined
  devices: string
  /** As `parseFaults` reads them. */
  faults: string
  seed: string
}

/**
 * Reads and checks a crowd's description. Throws `bad-input`, `file-missing`, and `invalid-file` with every problem and its line.
 */
export async function readCrowd(inputs: CrowdInputs): Promise<CrowdOptions> {
  const faults = parseFaults(inputs.faults)
  const server = serverOf(inputs)
  const isNumber = /^\d{1,6}$/.test(inputs.devices)
  const value = isNumber
    ? v.parse(crowdSchema, { 'device-types': { virtual: countOf(inputs.devices) } })
    : (await readYaml(inputs.devices, crowdSchema)).value
  const total = Object.values(value['device-types']).reduce((sum, count) => sum + count, 0)
  if (total > maxDevices)
    throw new Failure('bad-input', `${total} devices are too many: ${maxDevices} at most`)
  if (faults.length > total)
    throw new Failure('bad-input', `${faults.length} faults need more than ${total} devices`)
  return {
    ...server,
    deviceTypes: value['device-types'],
    release: value.release,
    attributes: value.attributes,
    pollMs: parseDuration(value.poll) ?? 0,
    speed: value.speed,
    faults,
    seed: inputs.seed,
  }
}

function countOf(text: string): number {
  const count = Number(text)
  if (count >= 1 && count <= maxDevices) return count
  throw new Failure('bad-input', `devices is ${text}; a crowd has 1 to ${maxDevices}`)
}

function serverOf({
  server,
  serverType: wanted = crowdServers[0],
  token,
}: CrowdInputs): Pick<CrowdOptions, 'url' | 'serverType' | 'token'> {
  const url = serverUrl(server)
  const serverType = crowdServers.find((one) => one === wanted)
  if (serverType === undefined)
    throw new Failure('bad-input', `server-type is "${wanted}"; it can be ${crowdServers.join(' or ')}`)
  if (serverType === 'mender') return { url, serverType }
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure(
      'bad-input',
      'hawkBit lets unknown devices in with its gateway token: turn it on there, and give its key as the input token',
    )
  }
  const hasTenant = new URL(url).pathname !== '/'
  return { url: hasTenant ? url : `${url}/DEFAULT`, serverType, token }
}

function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash) {
    return url.href.replace(/\/+$/, '')
  }
  throw new Failure(
    'bad-input',
    'server has to be an address such as https://ota.example.com, without credentials',
  )
}
