import { type Context, Failure, counted } from '../platform/platform.ts'
import type { GitDevice } from './facts-in-git.ts'
import type { Deployment, DeviceFacts, OtaServer, Release } from './ota-server.ts'

/** What the server knew at one time: the other half of a plan. */
export interface Facts {
  /** URL of the OTA server. */
  server: string
  /** When reading began (ISO 8601, UTC). */
  gatheredAt: string
  devices: readonly DeviceFacts[]
  releases: readonly Release[]
  openDeployments: readonly Deployment[]
  /** All devices that Git names, where a fleet repository was read too. */
  inGit?: readonly GitDevice[]
  /** Whether they are a copy without identities and addresses. */
  isRedacted?: true
}

/** Reads all facts from the server. */
export async function gatherFacts(server: OtaServer, context: Context): Promise<Facts> {
  const gatheredAt = context.clock.now().toISOString()
  // orders before devices: a device that finishes in between is on its new release and still has an order, which is
  // harmless; the other way round it would be on its old one without an order and get a second
  const openDeployments = await server.openDeployments()
  const releases = await server.releases()
  const devices: DeviceFacts[] = []
  for await (const page of server.devices()) {
    devices.push(...page)
    context.log.info(`${counted(devices.length, 'device')} read`)
  }
  return { server: server.url, gatheredAt, devices, releases, openDeployments }
}

/** Throws `no-device-matched` where the server has no device at all: nothing can follow from such facts. */
export function requireDevices(facts: Facts): Facts {
  if (facts.devices.length > 0) return facts
  throw new Failure(
    'no-device-matched',
    `${facts.server} has no device that this token may see: connect one, or check the token's rights`,
  )
}

/**
 * The devices without facts younger than `maxAgeMs` at `now`. Only accepted devices can report, and one that Git calls
 * retired need not; one that never reported is silent.
 */
export function silentDevices({ devices, inGit = [] }: Facts, maxAgeMs: number, now: Date): DeviceFacts[] {
  const retired = new Set(inGit.flatMap(({ id, isRetired }) => (isRetired ? [id] : [])))
  return devices.filter(({ id, status, reportedAt }) => {
    if (status !== 'accepted' || retired.has(id)) return false
    return reportedAt === undefined || !(now.getTime() - Date.parse(reportedAt) <= maxAgeMs)
  })
}

const maxNamed = 20

/** Throws `device-silent` with the devices that are silent, where there are any and an age was asked for. */
export function requireFresh(silent: readonly DeviceFacts[], maxAge: string | undefined): void {
  if (silent.length === 0 || maxAge === undefined) return
  const named = silent.slice(0, maxNamed).map(({ id, reportedAt }) => `${id} (${reportedAt ?? 'never'})`)
  const more = silent.length > maxNamed ? ` and ${silent.length - maxNamed} more` : ''
  const who = counted(silent.length, 'device', ['has', 'have'])
  throw new Failure(
    'device-silent',
    `${who} no facts younger than ${maxAge}, by when they last reported: ${named.join(', ')}${more}. Are they on, and do they reach the server?`,
  )
}
