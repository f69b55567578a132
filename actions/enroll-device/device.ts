import type { Action } from '../../src/action/action.ts'
import { loadFleet } from '../../src/fleet/fleet.ts'
import { readEvent } from '../../src/github/github.ts'
import { type RunnerDevice, runnerDevice } from '../../src/operate/operate.ts'
import { type OtaServer, openServer, serverAddress } from '../../src/ota/ota.ts'
import { requireMergedServer } from '../../src/plan/plan.ts'

/** The device as Git and, where there is a token, its own report have it. Throws what `runnerDevice` does, `invalid-file`. */
export async function deviceOf(
  { device }: { device: string },
  action: Action<'enroll-device'>,
): Promise<{ device: RunnerDevice; hostKey: string }> {
  const { input } = action
  // a role and a type are no secrets: what needs one may stay unknown
  const fleet = await loadFleet(input.path('fleet') ?? '.', action, { hasNoSecrets: true })
  const token = input.secret('token')
  const server = token === undefined ? undefined : await serverOf(fleet, token, action)
  const given = { device, address: input.optional('address'), hostKey: input.optional('host-key') }
  return await runnerDevice(fleet, given, server)
}

async function serverOf(
  fleet: Awaited<ReturnType<typeof loadFleet>>,
  token: string,
  action: Action<'enroll-device'>,
): Promise<OtaServer> {
  const { pullRequest } = await readEvent()
  // a change of fleet.yml must not say where the token is sent
  if (fleet.server && pullRequest)
    await requireMergedServer(fleet.folder, fleet.server, pullRequest.targetCommit)
  return openServer({ ...serverAddress({ url: undefined, type: undefined }, fleet.server), token }, action)
}
