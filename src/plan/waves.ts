import { createHash } from 'node:crypto'
import type { WaveStep } from '../fleet/fleet.ts'

/** A device that has a place in a rollout. */
export interface WaveMember {
  device: string
  deviceType: string
}

/**
 * The wave (from 1) of each device that is to run `release`. A device's place is a hash of release and id, so one that
 * comes or goes moves no other; each device type gets at least one device into every wave while any remain, so 1 % of
 * 5 devices is one. A device type with fewer devices than there are waves ends early.
 */
export function waves(
  members: readonly WaveMember[],
  release: string,
  steps: readonly WaveStep[],
): ReadonlyMap<string, number> {
  const byType = new Map<string, string[]>()
  for (const { device, deviceType } of members) {
    const devices = byType.get(deviceType)
    if (devices) devices.push(device)
    else byType.set(deviceType, [device])
  }
  const placed = new Map<string, number>()
  for (const devices of byType.values()) cut(devices, release, steps, placed)
  return placed
}

/** How a wave is called: `1 per device type`, `10%`. */
export function waveLabel(step: WaveStep): string {
  return step.kind === 'per-device-type'
    ? `${step.count} per device type`
    : `${Number((step.share * 100).toFixed(3))}%`
}

function cut(
  devices: readonly string[],
  release: string,
  steps: readonly WaveStep[],
  placed: Map<string, number>,
): void {
  const queue = devices
    .map((device) => ({ device, place: placeOf(release, device) }))
    .sort((a, b) => a.place - b.place || (a.device < b.device ? -1 : 1))
  let next = 0
  steps.forEach((step, index) => {
    const start = next
    const isIn = (at: number) =>
      step.kind === 'share'
        ? (queue[at]?.place ?? 1) < step.share || step.share >= 1
        : at - start < step.count
    while (next < queue.length && (next === start || isIn(next))) {
      placed.set(queue[next]?.device ?? '', index + 1)
      next += 1
    }
  })
}

/** From 0 to 1, evenly spread: 48 bits of a hash. */
function placeOf(release: string, device: string): number {
  const hash = createHash('sha256').update(`${release}\0${device}`).digest()
  return hash.readUIntBE(0, 6) / 2 ** 48
}
