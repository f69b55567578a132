// What failed in a stage, as people are told of it.
import type { Fleet } from '../fleet/fleet.ts'
import { type Facts, type OtaServer, tellingLines } from '../ota/ota.ts'
import { withoutSecrets } from './configuring.ts'
import type { Due } from './due.ts'
import type { FailedDevice } from './tick.ts'

/** The devices whose order failed, with what their logs tell; only the first few are asked for. */
export async function failedDevices(
  due: Due,
  facts: Facts,
  fleet: Fleet,
  server: OtaServer,
): Promise<FailedDevice[]> {
  const reported = new Map(facts.devices.map(({ id, release }) => [id, release]))
  const inGit = new Map(fleet.devices.map((device) => [device.id, device]))
  const failed: FailedDevice[] = []
  for (const { device, change, outcome, state } of due.members) {
    if (outcome.kind !== 'failure') continue
    // the first few tell what goes wrong; the rest would only be requests
    const told =
      outcome.deployment !== undefined && failed.length < 5
        ? await server.log(outcome.deployment, device)
        : undefined
    const log = told === undefined ? undefined : withoutSecrets(told, inGit.get(device)?.configuration)
    const lines = log?.trimEnd().split('\n').slice(-12).join('\n')
    const said = log === undefined ? undefined : tellingLines(log)
    const { content, release, configuration } = state.rollout
    // what it ran before is no way back from a configuration
    const from = configuration ? undefined : reported.get(device)
    const retry = { rollout: state.rollout.id, attempt: state.rollout.attempt + 1 }
    const { why } = outcome
    failed.push({ device, host: change.host, why, said, retry, log: lines, content, release, from })
  }
  return failed
}
