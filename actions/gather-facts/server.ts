import { type FleetServer, readFleetPolicy } from '../../src/fleet/fleet.ts'
import { readEvent } from '../../src/github/github.ts'
import { requireMergedServer } from '../../src/plan/plan.ts'

/** The server that fleet.yml names. Where it decides, in a pull request, it has to be the one that was merged. */
export async function serverIn(fleet: string, given: string | undefined): Promise<FleetServer | undefined> {
  const { server } = await readFleetPolicy(fleet)
  const { pullRequest } = await readEvent()
  if (server && given === undefined && pullRequest)
    await requireMergedServer(fleet, server, pullRequest.targetCommit)
  return server
}
