import type { Fault } from './faults.ts'
import type { SimulatedDevice, Standing } from './simulated-device.ts'

/** How a crowd stands. */
export interface CrowdReport {
  startedAt: string
  at: string
  /** Hours that passed for the devices. */
  hours: number
  seed: string
  devices: number
  standing: Readonly<Partial<Record<Standing, number>>>
  /** How many devices really run each release. */
  releases: Readonly<Record<string, number>>
  /** How updates ended, all devices together. */
  outcomes: Readonly<Record<string, number>>
  /** How many devices have each fault. */
  faults: Readonly<Partial<Record<Fault, number>>>
  /** Calls that broke or that the server refused. */
  errors: number
  downloadedBytes: number
  list: readonly {
    device: string
    id: string
    deviceType: string
    release: string
    standing: Standing
    fault: Fault | null
    outcomes: readonly string[]
  }[]
}

/** Counts what a crowd's devices did and how they stand. */
export function reportOf(
  devices: readonly SimulatedDevice[],
  facts: { startedAt: Date; now: Date; speed: number; seed: string; bytes: number },
): CrowdReport {
  const elapsedMs = facts.now.getTime() - facts.startedAt.getTime()
  return {
    startedAt: facts.startedAt.toISOString(),
    at: facts.now.toISOString(),
    hours: (elapsedMs * facts.speed) / 3_600_000,
    seed: facts.seed,
    devices: devices.length,
    standing: counted(devices.map(({ standing }) => standing)),
    releases: counted(devices.map(({ release }) => release)),
    outcomes: counted(devices.flatMap(({ outcomes }) => outcomes)),
    faults: counted(devices.flatMap(({ setup: { fault } }) => (fault === undefined ? [] : [fault]))),
    errors: devices.reduce((sum, { errors }) => sum + errors, 0),
    downloadedBytes: facts.bytes,
    list: devices.map(({ setup, id, release, standing, outcomes }) => ({
      device: setup.name,
      id,
      deviceType: setup.deviceType,
      release,
      standing,
      fault: setup.fault ?? null,
      outcomes: [...outcomes],
    })),
  }
}

/** The report as lines for a log. */
export function reportLines(report: CrowdReport): string[] {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none'
  return [
    `${report.devices} devices, ${report.hours.toFixed(1)} hours of theirs, seed ${report.seed}`,
    `standing: ${list(report.standing)}`,
    `releases: ${list(report.releases)}`,
    `updates ended: ${list(report.outcomes)}`,
    `faults: ${list(report.faults)}`,
    `${report.errors} calls broke; ${(report.downloadedBytes / 1e6).toFixed(1)} MB downloaded`,
  ]
}

function counted<K extends string>(
  values: readonly K[],
): Partial<Record<K, number>> & Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  const sorted = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted) as Partial<Record<K, number>> & Record<string, number>
}
