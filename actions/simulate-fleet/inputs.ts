import type { Inputs } from '../../src/action/action.ts'
import { type CrowdOptions, readCrowd } from '../../src/simulator/simulator.ts'

/** The folder in the workspace that a crowd's report and log go to. */
export const folderName = 'drover-crowd'

/** The inputs, checked. */
export async function crowdOptions(input: Inputs<'simulate-fleet'>): Promise<CrowdOptions> {
  const devices = input.required('devices')
  return readCrowd({
    server: input.required('server'),
    serverType: input.optional('server-type'),
    token: input.secret('token'),
    devices: /^\d+$/.test(devices) ? devices : (input.path('devices') ?? devices),
    faults: input.optional('faults') ?? '',
    seed: input.required('seed'),
  })
}
