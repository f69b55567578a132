// facts.json: how facts travel between steps. Another version may have written it, so it is checked as a whole when read.
// What follows from the rest stands in it for those who read it by other means, and is not read back.
import * as v from 'valibot'
import { Failure, messageOf, readText, writeAtomically } from '../platform/platform.ts'
import { addressOf } from './address.ts'
import type { GitDevice } from './facts-in-git.ts'
import { type FactsFile, factsFile, maxFactsBytes } from './facts-schema.ts'
import type { Facts } from './facts.ts'
import {
  type PendingOrder,
  claimOf,
  configurationOf,
  pendingOrders,
  providedNames,
  providesOf,
} from './known-facts.ts'
import type { DeviceFacts } from './ota-server.ts'

/** Writes facts.json; may be repeated. Throws `disk-full`. */
export async function writeFacts(path: string, facts: Facts): Promise<void> {
  const file: v.InferInput<typeof factsFile> = {
    schema: 'drover/facts/v1',
    server: facts.server,
    gatheredAt: facts.gatheredAt,
    ...(facts.isRedacted ? { isRedacted: true } : {}),
    ...(facts.inGit ? { isComparedWithGit: true } : {}),
    devices: deviceEntries(facts),
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
    devices: file.devices.flatMap((device) => (device.status === 'not-on-server' ? [] : [factsIn(device)])),
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
    ...(file.isComparedWithGit ? { inGit: file.devices.flatMap(gitDeviceIn) } : {}),
    ...(file.isRedacted ? { isRedacted: true } : {}),
  }
}

type Entry = FactsFile['devices'][number]

/** The devices of the server in its order, then those that only Git names. */
function deviceEntries(facts: Facts): Entry[] {
  const inGit = facts.inGit && new Map(facts.inGit.map((device) => [device.id, device]))
  const names = providedNames(facts)
  const pending = pendingOrders(facts.openDeployments)
  const gatheredAt = Date.parse(facts.gatheredAt)
  const onServer = new Set(facts.devices.map(({ id }) => id))
  const missing = (facts.inGit ?? []).filter(({ id }) => !onServer.has(id))
  return [
    ...facts.devices.map((device): Entry => ({
      ...entryOf(device, pending.get(device.id), gatheredAt),
      provides: { ...providesOf(device, names) },
      ...(inGit ? { inGit: inGit.has(device.id) } : {}),
      ...placeInGit(inGit?.get(device.id)),
    })),
    ...missing.map((device): Entry => ({
      id: device.id,
      status: 'not-on-server',
      inGit: true,
      ...placeInGit(device),
    })),
  ]
}

function placeInGit(device: GitDevice | undefined) {
  if (!device) return {}
  const { host, stage, isRetired } = device
  return { ...(host === undefined ? {} : { host }), stage, ...(isRetired ? { isRetired } : {}) }
}

function entryOf(device: DeviceFacts, pending: PendingOrder | undefined, gatheredAt: number) {
  const { lease, reportedAt, lastSeen } = device
  const age = (at: string | undefined) =>
    at === undefined ? undefined : Math.max(0, Math.round((gatheredAt - Date.parse(at)) / 1000))
  return {
    ...device,
    identity: { ...device.identity },
    attributes: { ...device.attributes },
    lease: lease && { ...lease },
    configuration: { ...configurationOf(device) },
    address: addressOf(device),
    claimedStage: Object.values(claimOf(device))[0],
    pending: pending && { ...pending },
    ageSeconds: { reported: age(reportedAt), seen: age(lastSeen) },
  }
}

function factsIn(entry: Exclude<Entry, { status: 'not-on-server' }>): DeviceFacts {
  const { id, status, reportedAt, lastSeen, deviceType, release, group, identity, attributes, lease } = entry
  return {
    id,
    status,
    reportedAt,
    deviceType,
    release,
    group,
    identity,
    attributes,
    ...(lastSeen === undefined ? {} : { lastSeen }),
    ...(lease ? { lease } : {}),
  }
}

function gitDeviceIn({ id, host, stage, inGit, isRetired = false }: Entry): GitDevice[] {
  return inGit === true && stage !== undefined ? [{ id, host, stage, isRetired }] : []
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
