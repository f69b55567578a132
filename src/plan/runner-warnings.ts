import { type Fleet, type FleetWarning, is32Bit } from '../fleet/fleet.ts'
import type { Facts } from '../ota/ota.ts'
import { oneLine } from '../platform/platform.ts'

/** Inventory attributes in which devices tell their architecture. */
const names = ['arch', 'architecture', 'machine', 'cpu_architecture'] as const

/** Devices of a stage that are to be runners and report a 32-bit architecture, which Git may not know. */
export function runnerWarnings({ devices }: Fleet, stage: string, facts: Facts): FleetWarning[] {
  const runners = devices.filter((device) => device.stage === stage && device.isRunner)
  if (runners.length === 0) return []
  const byId = new Map(facts.devices.map((device) => [device.id, device.attributes]))
  return runners.flatMap((device) => {
    const reported = byId.get(device.id) ?? {}
    const told = names.map((name) => reported[name]).find((value) => value !== undefined && is32Bit(value))
    if (told === undefined) return []
    const { file, line } = device.memberAt?.() ?? device.at()
    const message = `roles: ${device.host} reports a 32-bit system (${oneLine(told)}), and so can't be a runner`
    return [{ file, line, message, stage }]
  })
}
