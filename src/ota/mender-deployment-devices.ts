// The devices of deployments on a Mender server, and what the server's words for them mean in ours.
import * as v from 'valibot'
import { Failure, canonicalJson } from '../platform/platform.ts'
import type { MenderClient } from './mender-client.ts'
import {
  type MenderDeployment,
  type MenderDevice,
  deploymentDevice,
  deploymentStatistics,
  deviceIds,
} from './mender-schemas.ts'
import type { Deployment, DeviceState } from './ota-server.ts'

export const deploymentsPath = '/api/management/v1/deployments/deployments'
const path = deploymentsPath
/** The most ids that the server counts for in one call. */
const maxCounted = 100

const states: Readonly<Record<string, DeviceState>> = {
  pending: 'pending',
  downloading: 'downloading',
  pause_before_installing: 'downloading',
  installing: 'installing',
  pause_before_rebooting: 'installing',
  rebooting: 'rebooting',
  pause_before_committing: 'rebooting',
  success: 'success',
  'already-installed': 'already-installed',
  failure: 'failure',
  aborted: 'aborted',
  noartifact: 'no-artifact',
  decommissioned: 'decommissioned',
}

/** The devices of a deployment, as they were when its counts were these. */
export interface Devices {
  counts: string
  /** All that it is for. */
  all: readonly string[]
  /** Those that have asked for it. */
  asked: ReadonlyMap<string, MenderDevice>
}

/** Asks for the counts that a list lacked, for all at once. */
export async function counted(
  client: MenderClient,
  found: readonly MenderDeployment[],
): Promise<MenderDeployment[]> {
  const ids = found.filter((one) => !one.statistics?.status).map(({ id }) => id)
  const counts = new Map<string, Record<string, number>>()
  for (let at = 0; at < ids.length; at += maxCounted) {
    const json = { deployment_ids: ids.slice(at, at + maxCounted) }
    const request = { method: 'POST', path: `${path}/statistics/list`, json, repeatable: true } as const
    const reply = await client.http.find(request, v.array(deploymentStatistics))
    for (const { id, stats } of reply?.value ?? []) counts.set(id, stats)
  }
  return found.map((one) => {
    const status = counts.get(one.id)
    return status ? { ...one, statistics: { status } } : one
  })
}

/**
 * The devices of a deployment: those that are known where its counts are the same, else read as far as they can differ.
 * Counts that are the same may stand for devices in the middle of an update that have changed places; who is that near has
 * it read `isAfresh`. Who has ended, and how, is as the counts say.
 */
export async function devicesOf(
  client: MenderClient,
  found: MenderDeployment,
  known: Devices | undefined,
  isAfresh: boolean,
): Promise<Devices> {
  const { statistics, device_count: askedFor, max_devices: max } = found
  const status = statistics?.status
  const counts = status ? canonicalJson([status, askedFor ?? null, max ?? null]) : ''
  if (known && !isAfresh && counts !== '' && known.counts === counts) return known
  const own = `${path}/${encodeURIComponent(found.id)}`
  const asked = new Map<string, MenderDevice>()
  const hasBegun = Object.entries(status ?? {}).some(([name, n]) => name !== 'pending' && n > 0)
  if (isAfresh || !status || hasBegun || askedFor !== 0) {
    for await (const page of client.pages(`${own}/devices/list`, {}, deploymentDevice)) {
      for (const device of page) asked.set(device.id, device)
    }
  }
  // whom a deployment is for is fixed when it is created
  const isAll = max != null && max > 0 && asked.size === max
  const all = isAll
    ? [...asked.keys()]
    : max != null && known?.all.length === max
      ? known.all
      : await client.http.json({ method: 'GET', path: `${own}/device_list` }, deviceIds)
  return { counts, all, asked }
}

/**
 * A deployment that has ended well for all that it was for, where these devices are as many: they need not be asked for.
 * Undefined for any other.
 */
export function alreadyKnown(
  client: MenderClient,
  found: MenderDeployment,
  believed: readonly string[] = [],
): Deployment | undefined {
  const { success = 0, 'already-installed': before = 0 } = found.statistics?.status ?? {}
  const { length } = believed
  const isWell = length > 0 && success + before === length && found.max_devices === length
  if (!isWell || found.status !== 'finished' || !found.finished) return undefined
  return withDevices(client, found, {
    counts: '',
    all: believed,
    asked: new Map(believed.map((id) => [id, { id, status: 'success', finished: found.finished }])),
  })
}

/** A deployment as the port shows it. */
export function withDevices(
  client: MenderClient,
  found: MenderDeployment,
  { all, asked }: Devices,
): Deployment {
  // only devices that have asked are listed with a state; of a deployment that is over, the others were never reached
  const unlisted = found.status === 'finished' ? 'aborted' : 'pending'
  const devices = new Map<string, DeviceState>(all.map((id) => [id, unlisted]))
  const over = found.finished ? [new Date(found.finished).toISOString()] : []
  const finishedAt = new Map<string, string>(over.flatMap((at) => all.map((id) => [id, at])))
  for (const { id, status, finished } of asked.values()) {
    devices.set(id, stateOf(client, status))
    if (finished) finishedAt.set(id, new Date(finished).toISOString())
  }
  return {
    id: found.id,
    name: found.name,
    release: found.artifact_name ?? '',
    createdAt: new Date(found.created).toISOString(),
    isFinished: found.status === 'finished',
    devices,
    finishedAt,
  }
}

function stateOf(client: MenderClient, status: string): DeviceState {
  const state = Object.hasOwn(states, status) ? states[status] : undefined
  if (state) return state
  throw new Failure(
    'unexpected-reply',
    `${client.url} has a device in the unknown state "${status.slice(0, 80)}"`,
  )
}
