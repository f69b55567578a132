import { type Allowed, type FleetServer, loadFleet, readFleetPolicy } from '../../src/fleet/fleet.ts'
import { readEvent } from '../../src/github/github.ts'
import { type GitDevice, devicesInGit } from '../../src/ota/ota.ts'
import { requireMergedServer } from '../../src/plan/plan.ts'
import { type Context, Failure } from '../../src/platform/platform.ts'

interface FromFleet {
  address?: FleetServer
  inGit?: { inGit: readonly GitDevice[] }
}

/**
 * What the fleet repository tells: the server, and the devices where there is an inventory. Where its fleet.yml decides on
 * the server, in a pull request, that has to be the one that was merged.
 */
export async function fleetIn(
  folder: string | undefined,
  allowed: Allowed,
  given: string | undefined,
  context: Context,
): Promise<FromFleet> {
  if (folder === undefined) return {}
  const { server } = await readFleetPolicy(folder)
  const { pullRequest } = await readEvent()
  if (server && given === undefined && pullRequest)
    await requireMergedServer(folder, server, pullRequest.targetCommit)
  const inGit = await inventoryOf(folder, allowed, context)
  return { ...(server ? { address: server } : {}), ...(inGit ? { inGit: { inGit } } : {}) }
}

async function inventoryOf(
  folder: string,
  allowed: Allowed,
  context: Context,
): Promise<GitDevice[] | undefined> {
  try {
    return devicesInGit(await loadFleet(folder, context, allowed))
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'file-missing') throw error
    context.log.info(`${error.message}. Which devices Git names is not known`)
    return undefined
  }
}
