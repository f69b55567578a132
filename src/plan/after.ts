import { type Fleet, type Stage } from '../fleet/fleet.ts'
import type { DeviceFacts } from '../ota/ota.ts'
import type { GateState } from './gate.ts'
import { isFresh, needed } from './limits.ts'

/**
 * Whether the stage before `stage` has finished `release` for a device type, by what its devices report: of those with
 * fresh facts, at least one and the share that its own gate asks for. Silent devices hold nobody up and prove nothing.
 */
export function afterState(
  fleet: Fleet,
  stage: Stage,
  release: string,
  deviceType: string,
  facts: ReadonlyMap<string, DeviceFacts>,
  now: Date,
): GateState {
  const earlier = stage.after === undefined ? undefined : fleet.stages.get(stage.after)
  if (!earlier) return { isOpen: true }
  const fresh = fleet.devices.flatMap((device) => {
    const reported = facts.get(device.id)
    if (device.stage !== earlier.name || device.isRetired || reported?.status !== 'accepted') return []
    if ((reported.deviceType ?? device.deviceType) !== deviceType) return []
    return isFresh(reported.reportedAt, earlier.gate.factsYoungerThanMs, now) ? [reported] : []
  })
  const there = fresh.filter((device) => device.release === release).length
  if (there > 0 && there >= needed(earlier.gate.minSuccess, fresh.length)) return { isOpen: true }
  const why =
    fresh.length === 0
      ? `stage ${earlier.name} has no device of type ${deviceType} with fresh facts: nothing shows that ${release} works there`
      : `${there} of ${fresh.length} devices of type ${deviceType} in stage ${earlier.name} report ${release}`
  return { isOpen: false, why, nextDue: undefined }
}
