import * as v from 'valibot'
import { type Context, Failure, messageOf, readText, writeAtomically } from '../platform/platform.ts'
import { factsFile, maxFactsBytes } from './facts-schema.ts'
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
    context.log.info(`${devices.length} devices read`)
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

/** The devices without facts younger than `maxAgeMs` at `now`; only accepted devices can report. */
export function silentDevices(facts: Facts, maxAgeMs: number, now: Date): DeviceFacts[] {
  return facts.devices.filter(({ status, reportedAt }) => {
    if (status !== 'accepted') return false
    return reportedAt === undefined || now.getTime() - Date.parse(reportedAt) > maxAgeMs
  })
}

/** Writes facts.json; may be repeated. Throws `disk-full`. */
export async function writeFacts(path: string, facts: Facts): Promise<void> {
  const file: v.InferInput<typeof factsFile> = {
    schema: 'drover/facts/v1',
    server: facts.server,
    gatheredAt: facts.gatheredAt,
    devices: facts.devices.map((device) => ({
      ...device,
      identity: { ...device.identity },
      attributes: { ...device.attributes },
    })),
    releases: facts.releases.map(({ name, artifacts }) => ({
      name,
      artifacts: artifacts.map(({ provides, ...artifact }) => ({
        ...artifact,
        deviceTypes: [...artifact.deviceTypes],
        ...(provides ? { provides: { ...provides } } : {}),
      })),
    })),
    openDeployments: facts.openDeployments.map(({ id, name, release, createdAt, devices, finishedAt }) => ({
      id,
      name,
      release,
      createdAt,
      devices: Object.fromEntries(devices),
      finishedAt: Object.fromEntries(finishedAt ?? []),
    })),
  }
  await writeAtomically(path, `${JSON.stringify(file, undefined, 1)}\n`)
}

/** Reads facts.json of this or another version. Throws `file-missing`, and `invalid-file` with every problem. */
export async function readFacts(path: string, name = path): Promise<Facts> {
  const file = parseFacts(await readText(path, maxFactsBytes, name), name)
  return {
    server: file.server,
    gatheredAt: file.gatheredAt,
    devices: file.devices.map((device) => ({
      ...device,
      reportedAt: device.reportedAt,
      deviceType: device.deviceType,
      release: device.release,
      group: device.group,
    })),
    releases: file.releases.map(({ name, artifacts }) => ({
      name,
      artifacts: artifacts.map(({ provides, ...artifact }) => ({
        ...artifact,
        ...(provides ? { provides } : {}),
      })),
    })),
    openDeployments: file.openDeployments.map((deployment) => ({
      ...deployment,
      isFinished: false,
      devices: new Map(Object.entries(deployment.devices)),
      finishedAt: new Map(Object.entries(deployment.finishedAt)),
    })),
  }
}

function parseFacts(text: string, name: string): v.InferOutput<typeof factsFile> {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw new Failure('invalid-file', `${name} is not JSON: ${messageOf(error)}`, { cause: error })
  }
  const result = v.safeParse(factsFile, raw)
  if (result.success) return result.output
  const problems = result.issues.slice(0, 100).map((issue) => {
    const path = (issue.path ?? []).map(({ key }) => String(key)).join('.')
    return { file: name, message: `${path}: ${issue.message}` }
  })
  throw new Failure(
    'invalid-file',
    `${name} is not a facts file of this version: ${problems[0]?.message ?? ''}. Gather the facts again`,
    { problems },
  )
}
