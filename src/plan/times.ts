// When the devices of a plan could begin, if all goes well: gates and windows as time alone decides them. A lower bound:
// what devices report can only make it later.
import type { Fleet, Stage } from '../fleet/fleet.ts'
import {
  type Change,
  type PlannedWave,
  type Turn,
  configurationOf,
  hasTurn,
  releaseOf,
  releaseWaveOf,
} from './model.ts'
import { windowAt } from './window.ts'

/** What is to be ordered for a device: its release, or a configuration on it. */
type Update = Extract<Change, { kind: 'update' | 'configure' }>

/** Adds to each update, in its device's time zone, and to each wave the earliest time at which it could begin. */
export function withTimes(
  planned: { changes: readonly Change[]; waves: readonly PlannedWave[] },
  fleet: Fleet,
  stage: Stage,
  now: Date,
): { changes: Change[]; waves: PlannedWave[] } {
  const zones = new Map(fleet.devices.map(({ id, timeZone }) => [id, timeZone]))
  const openings = new Openings(stage, planned.changes, zones, now)
  const changes = planned.changes.map((change) => {
    const notBefore = isUpdate(change) ? openings.of(change)?.local : undefined
    return notBefore === undefined ? change : { ...change, notBefore }
  })
  const waves = planned.waves.map((wave) => {
    const found = openings.earliest(wave.wave)
    const begins = words(wave, planned.waves, stage, found, now)
    return found === undefined ? wave : { ...wave, begins, notBefore: found.at.toISOString() }
  })
  return { changes, waves }
}

interface Opening {
  at: Date
  zone: string
  /** `at` with the zone's offset. */
  local: string
}

/** The times of a stage's devices; those of one release, type, wave and zone begin together. */
class Openings {
  readonly #stage: Stage
  readonly #zones: ReadonlyMap<string, string | undefined>
  readonly #byPlace = new Map<string, Opening | undefined>()
  readonly #gates = new Map<string, readonly Date[]>()

  constructor(
    stage: Stage,
    changes: readonly Change[],
    zones: ReadonlyMap<string, string | undefined>,
    now: Date,
  ) {
    this.#stage = stage
    this.#zones = zones
    const moving = changes.filter(hasTurn)
    for (const [key, members] of Map.groupBy(moving, releaseGroup))
      this.#gates.set(key, this.#gatesOf(members, 'update', now))
    const configured = moving.filter((change) => change.kind !== 'update' && configurationOf(change))
    for (const [key, members] of Map.groupBy(configured, templateGroup))
      this.#gates.set(key, this.#gatesOf(members, 'configure', now))
  }

  /** When a device could begin; undefined where its window opens in its own time zone, and none is known. */
  of(change: Update): Opening | undefined {
    const gate = this.#gates.get(groupOf(change))?.[change.wave - 1]
    return gate && this.#openingAt(change, gate)
  }

  /** The first device of a wave that could begin. */
  earliest(wave: number): Opening | undefined {
    return [...this.#byPlace]
      .flatMap(([key, opening]) => (opening && key.startsWith(`${wave}\0`) ? [opening] : []))
      .reduce<Opening | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined)
  }

  /** When the gate before each wave of one release or template and device type could open. */
  #gatesOf(members: readonly Turn[], kind: Update['kind'], now: Date): Date[] {
    const waveOf = (change: Turn) =>
      (kind === 'update' ? releaseWaveOf(change) : configurationOf(change)?.wave) ?? change.wave
    const byWave = Map.groupBy(members, waveOf)
    let gate = now
    return this.#stage.waves.map((_step, index) => {
      const opens = gate
      const inWave = byWave.get(index + 1) ?? []
      const begins = inWave.flatMap((change) =>
        isUpdate(change) && change.kind === kind
          ? [this.#openingAt(change, opens)?.at.getTime() ?? Infinity]
          : [],
      )
      // a device that is there already may have soaked for long
      const hasMore = begins.length > 0 && begins.length === inWave.length
      const first = hasMore ? begins.reduce((a, b) => Math.min(a, b)) : -Infinity
      if (Number.isFinite(first)) gate = new Date(Math.max(gate.getTime(), first + this.#stage.gate.soakMs))
      return opens
    })
  }

  #openingAt(change: Update, gate: Date): Opening | undefined {
    const { window } = this.#stage
    const own = this.#zones.get(change.device)
    const zone = window && window.timeZone !== 'device' ? window.timeZone : own
    const key = `${change.wave}\0${gate.getTime()}\0${zone}\0${own}`
    if (this.#byPlace.has(key)) return this.#byPlace.get(key)
    const opening = window && zone === undefined ? undefined : this.#open(gate, zone, own)
    this.#byPlace.set(key, opening)
    return opening
  }

  #open(gate: Date, zone: string | undefined, own: string | undefined): Opening {
    const { window } = this.#stage
    const state = window && zone !== undefined ? windowAt(window, zone, gate) : { isOpen: true as const }
    const at = state.isOpen ? gate : state.opensAt
    const shown = own ?? zone ?? 'UTC'
    return { at, zone: shown, local: localTime(at, shown) }
  }
}

const isUpdate = (change: Change): change is Update => change.kind === 'update' || change.kind === 'configure'

const releaseGroup = (change: Turn) => `${change.deviceType}\0release\0${releaseOf(change)}`
const templateGroup = (change: Turn) => `${change.deviceType}\0template\0${configurationOf(change)?.template}`
const groupOf = (change: Update) => (change.kind === 'update' ? releaseGroup(change) : templateGroup(change))

/** When a wave begins, in words that stay the same while the plan does: no time that is only "now" is in them. */
function words(
  { wave }: PlannedWave,
  waves: readonly PlannedWave[],
  stage: Stage,
  found: Opening | undefined,
  now: Date,
): string {
  const before = waves.findLast((other) => other.wave < wave && other.updates > 0)
  const { soakMs } = stage.gate
  const gate = before
    ? `${soakMs > 0 ? `${duration(soakMs)} ` : ''}after wave ${before.wave} runs it`
    : stage.after === undefined
      ? 'after the merge'
      : `after the merge, once ${stage.after} runs it`
  if (!stage.window || !found) return gate
  if (found.at <= now) return `${gate}; the window is open`
  return `${gate}; not before ${found.local.slice(0, 16).replace('T', ' ')} (${found.zone})`
}

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes >= 2880 && minutes % 1440 === 0) return `${minutes / 1440} d`
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`
}

/** A moment as a zone's clocks show it, with its offset: `2026-03-29T03:00:00+02:00`. */
function localTime(at: Date, zone: string): string {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'longOffset',
    })
    formats.set(zone, format)
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  const offset = (part['timeZoneName'] ?? '').replace(/^GMT/, '') || 'Z'
  return `${part['year']}-${part['month']}-${part['day']}T${part['hour']}:${part['minute']}:${part['second']}${offset}`
}

const formats = new Map<string, Intl.DateTimeFormat>()
