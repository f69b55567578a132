import type { Fleet, FleetDevice, Stage } from '../fleet/fleet.ts'
import { type DeviceFacts, otherImageOf } from '../ota/ota.ts'
import { isConfigured, plannedOf } from './configuring.ts'
import type { GateState } from './gate.ts'
import { isFresh, needed } from './limits.ts'
import type { Rollout } from './rollout.ts'

/**
 * Whether the stage before `stage` has finished a rollout's release, or the configurations of its template, for a device type,
 * by what its devices report: of those with fresh facts, at least one and the share that its own gate asks for. Silent devices
 * hold nobody up and prove nothing. A configuration of an earlier stage is the one that this branch would give its devices.
 */
export function afterState(
  fleet: Fleet,
  stage: Stage,
  { release, images, configuration }: Pick<Rollout, 'release' | 'images' | 'configuration'>,
  deviceType: string,
  facts: ReadonlyMap<string, DeviceFacts>,
  now: Date,
): GateState {
  const earlier = stage.after === undefined ? undefined : fleet.stages.get(stage.after)
  if (!earlier) return stage.after === undefined ? { isOpen: true } : unknownStage(stage.after)
  const fresh = fleet.devices.flatMap((device) => {
    const reported = facts.get(device.id)
    if (device.stage !== earlier.name || device.isRetired || reported?.status !== 'accepted') return []
    if ((reported.deviceType ?? device.deviceType) !== deviceType) return []
    if (configuration && device.configuration?.template !== configuration.template) return []
    return isFresh(reported.reportedAt, earlier.gate.factsYoungerThanMs, now) ? [{ device, reported }] : []
  })
  const there = fresh.filter(
    ({ device, reported }) =>
      otherImageOf(reported, images) === undefined &&
      (configuration ? hasOwn(device, reported) : reported.release === release),
  ).length
  if (there > 0 && there >= needed(earlier.gate.minSuccess, fresh.length)) return { isOpen: true }
  const what = configuration ? `what ${configuration.template} gives them` : release
  const why =
    fresh.length === 0
      ? `stage ${earlier.name} has no device of type ${deviceType} with fresh facts${configuration ? ` and a configuration made of ${configuration.template}` : ''}: nothing shows that ${configuration ? 'it' : release} works there`
      : `${there} of ${fresh.length} devices of type ${deviceType} in stage ${earlier.name} report ${what}`
  return { isOpen: false, why, nextDue: undefined }
}

const unknownStage = (name: string): GateState => ({
  isOpen: false,
  why: `there is no stage ${name}, after which this one comes`,
  nextDue: undefined,
})

function hasOwn(device: FleetDevice, reported: DeviceFacts): boolean {
  const planned = plannedOf(device)
  return planned !== undefined && isConfigured(reported, planned)
}
