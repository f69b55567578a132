import { createHash } from 'node:crypto'
import { Failure } from '../platform/platform.ts'
import { type DeviceFacts, type OtaServer, type Release, isOpenState } from './ota-server.ts'
import { reportsRelease } from './watch.ts'

const prefix = 'dispatch-'
/** A run that updates one device to one release more often than this runs wild. */
const maxOrders = 100

/** Whether an order is one of ours: a run that is started again goes on with the one of the run that was killed. */
export function isDispatchName(name: string): boolean {
  return name.startsWith(prefix)
}

/**
 * The name for an order: the same for the same content, device and attempt of a run, so that the attempt finds its own
 * order again. An order of that name that is over, and whose release the device no longer runs, is history; the next one
 * gets a number.
 */
export async function freeName(
  server: OtaServer,
  release: Release,
  facts: DeviceFacts,
  runId: string,
): Promise<string> {
  const digests = release.artifacts.map(({ contentDigest }) => contentDigest).sort()
  const text = JSON.stringify([release.name, digests, facts.id, runId])
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
  for (let number = 1; number <= maxOrders; number++) {
    const name = `${prefix}${release.name.slice(0, 180)}-${hash}${number === 1 ? '' : `-${number}`}`
    const found = await server.findDeployment(name)
    const state = found?.devices.get(facts.id)
    if (!found || (state && isOpenState(state))) return name
    if (state === 'success' && reportsRelease(facts, release.name, undefined)) return name
  }
  throw new Failure(
    'server-refused',
    `${server.url} has ${maxOrders} orders of ${release.name} by this run already`,
  )
}
