import * as v from 'valibot'
import { faultSchema } from './faults.ts'
import type { SimulatedDevice } from './simulated-device.ts'

/** How a device stands. */
export const standings = ['starting', 'waiting', 'idle', 'asleep', 'updating', 'dark', 'stopped'] as const
export type Standing = (typeof standings)[number]

const counts = v.record(v.string(), v.number())

/** How a crowd stands, as its report file has it. */
export const crowdReportSchema = v.object({
  startedAt: v.string(),
  at: v.string(),
  hours: v.pipe(v.number(), v.description('Hours that passed for the devices.')),
  seed: v.string(),
  devices: v.number(),
  standing: counts,
  releases: v.pipe(counts, v.description('How many devices really run each release.')),
  outcomes: v.pipe(counts, v.description('How updates ended, all devices together.')),
  faults: v.pipe(counts, v.description('How many devices have each fault.')),
  errors: v.pipe(v.number(), v.description('Calls that broke or that the server refused.')),
  downloadedBytes: v.number(),
  list: v.array(
    v.object({
      device: v.string(),
      id: v.string(),
      deviceType: v.string(),
      release: v.string(),
      standing: v.picklist(standings),
      fault: v.nullable(faultSchema),
      outcomes: v.array(v.string()),
    }),
  ),
})
export type CrowdReport = v.InferOutput<typeof crowdReportSchema>

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

function counted(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
}
