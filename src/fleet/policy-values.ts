// How fleet.yml spells numbers, shares, waves and times of day.

/** One step of a staged rollout: so many devices of each type, or a cumulative share (0–1) of them. */
export type WaveStep = { kind: 'per-device-type'; count: number } | { kind: 'share'; share: number }

/** A number of devices, or a share (0–1) of them. */
export type Limit = { kind: 'count'; count: number } | { kind: 'share'; share: number }

/** `1 per device type` or `10%`. */
export function waveStepOf(text: string): WaveStep {
  return text.endsWith('%')
    ? { kind: 'share', share: shareOf(text) }
    : { kind: 'per-device-type', count: Number.parseInt(text, 10) }
}

/** A number, or `2%`. */
export function limitOf(value: number | string): Limit {
  return typeof value === 'number'
    ? { kind: 'count', count: value }
    : { kind: 'share', share: shareOf(value) }
}

/** `95%` as a share from 0 to 1. */
export function shareOf(percent: string): number {
  return Number(percent.slice(0, -1)) / 100
}

/** `02:00` as minutes since midnight. */
export function minuteOf(timeOfDay: string): number {
  const [hour = 0, minute = 0] = timeOfDay.split(':').map(Number)
  return hour * 60 + minute
}
