import type { Digest } from '../platform/platform.ts'
import type { Counts, Plan } from './model.ts'
import type { WaveProgress } from './progress.ts'

/** An order that a tick placed, or would have placed in a dry run. */
export interface TickOrder {
  name: string
  release: string
  wave: number
  devices: readonly string[]
  /** Where it is one of a configuration: the template, the release that it is for, and the type of its devices. */
  configuration?: { template: string; on: string; deviceType: string }
}

export interface FailedDevice {
  device: string
  host: string
  why: string
  /** What `retry` in fleet.yml says to order again: the rollout, and its next attempt. */
  retry?: { rollout: string; attempt: number }
  /** The last lines of the device's log, where the server has one. */
  log: string | undefined
  /** What of that log tells why, in one short line. */
  said?: string | undefined
  /** What it was to run, by content: what `known-bad` can name. */
  content?: Digest
  /** What it was to run, and what it reports, by name. */
  release?: string
  from?: string | undefined
}

/** Something that is held back, and until when as far as time alone decides. */
export interface Waiting {
  why: string
  devices: number
  nextDue: Date | undefined
  /** The waves that it holds back, from 1; none where it holds single devices. */
  waves?: readonly number[]
}

/** What one tick found and did. */
export interface Tick {
  stage: string
  /** The commit that it acted on. */
  commit: string
  state: 'done' | 'in-progress' | 'waiting' | 'halted' | 'superseded'
  isDryRun: boolean
  /** Undefined where a newer commit superseded this one. */
  plan: Plan | undefined
  counts: Counts | undefined
  /** How the devices stand, wave by wave, those just ordered as pending. */
  progress?: readonly WaveProgress[]
  orders: readonly TickOrder[]
  /** Names of older orders that were taken back where no device had begun. */
  withdrawn: readonly string[]
  /** Ids of devices that were let in, and of those that were removed from the server; in a dry run, that would have been. */
  enrolled: readonly string[]
  retired: readonly string[]
  /** Devices on their way. */
  pending: number
  /** The furthest wave that has begun, from 1; 0 where none has. */
  wave: number
  waves: number
  haltedBy: string | undefined
  /** When the window closes and orders that no device has begun are taken back, as far as there are any. */
  windowEnd?: Date | undefined
  failures: readonly FailedDevice[]
  waiting: readonly Waiting[]
}

/** Why a device failed, in its own words where it had some. */
export function whyFailed({ why, said }: Pick<FailedDevice, 'why' | 'said'>): string {
  return said === undefined ? why : `${why}; its log says: ${said}`
}

/** When the next thing is due, as far as time alone decides. */
export function nextDue(tick: Tick): Date | undefined {
  const held = tick.waiting.map(({ nextDue }) => nextDue)
  const times = [tick.windowEnd, ...held].flatMap((time) => (time ? [time.getTime()] : []))
  return times.length > 0 ? new Date(Math.min(...times)) : undefined
}

/** A tick that did nothing because the branch has moved on. */
export function supersededTick(stage: string, commit: string, isDryRun: boolean): Tick {
  return {
    stage,
    commit,
    state: 'superseded',
    isDryRun,
    plan: undefined,
    counts: undefined,
    orders: [],
    withdrawn: [],
    enrolled: [],
    retired: [],
    pending: 0,
    wave: 0,
    waves: 0,
    haltedBy: undefined,
    failures: [],
    waiting: [],
  }
}
