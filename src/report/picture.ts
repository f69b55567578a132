// What a picture of a stage's waves shows, whoever draws it. Names are cleaned and shortened here, and escaped by the one
// who draws.
import { type GroupProgress, type Plan, type Tick, type WaveProgress, progressOf } from '../plan/plan.ts'
import { counted, oneLine, shorten } from '../platform/platform.ts'

/** How devices can stand, in the order in which they are drawn. */
export const standings = ['there', 'pending', 'failed', 'toCome', 'blocked'] as const
export type Standing = (typeof standings)[number]

/** The words for them. */
export const standingWords: Readonly<Record<Standing, string>> = {
  there: 'there',
  pending: 'on the way',
  failed: 'failed',
  toCome: 'to come',
  blocked: 'blocked',
}

export type Numbers = Readonly<Record<Standing, number>>

export interface PictureRow {
  /** A device type and a site, or how many more of them there are. */
  name: string
  numbers: Numbers
}

export interface PictureWave {
  wave: number
  share: string
  numbers: Numbers
  rows: readonly PictureRow[]
  /** What it waits for; empty where nothing. */
  gate: string
}

export interface Picture {
  title: string
  waves: readonly PictureWave[]
  /** Why devices are blocked, and how many. */
  blocked: readonly { by: string; devices: number }[]
  /** How many join and leave, in words of the plan. */
  members: readonly { by: string; devices: number }[]
}

/** More rows in a wave, and more waves, are drawn as one. */
const [maxRows, maxWaves] = [6, 12]

/** What a plan would do: who is there, who moves in which wave, and when that could begin. */
export function planPicture(plan: Plan): Picture {
  const begins = new Map(plan.waves.map(({ wave, begins }) => [wave, begins ?? '']))
  return picture(plan.stage, plan, progressOf(plan), (wave) => begins.get(wave) ?? '')
}

/** How a stage stands after a tick; undefined where the tick read nothing. */
export function tickPicture({
  stage,
  plan,
  progress,
  waiting,
}: Pick<Tick, 'stage' | 'plan' | 'progress' | 'waiting'>): Picture | undefined {
  if (!plan || !progress) return undefined
  const gate = (wave: number) => {
    const held = waiting.filter(({ waves = [] }) => waves.includes(wave))
    const next = held.flatMap(({ nextDue }) => (nextDue ? [nextDue.getTime()] : []))
    const until = next.length > 0 ? `; not before ${minute(Math.min(...next))} UTC` : ''
    const [first, ...others] = held
    // most reasons that end by time alone name that time themselves
    if (!first) return ''
    const more = others.length > 0 ? `, and ${counted(others.length, 'other reason')}` : ''
    return `${first.why}${more}${first.nextDue ? '' : until}`
  }
  return picture(stage, plan, progress, gate)
}

const isoTime = /(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z/g
const minute = (at: number) => new Date(at).toISOString().slice(0, 16).replace('T', ' ')

function picture(
  stage: string,
  plan: Plan,
  progress: readonly WaveProgress[],
  gate: (wave: number) => string,
): Picture {
  const waves = progress.filter(({ groups }) => groups.length > 0)
  const shown = waves.length > maxWaves ? waves.slice(0, maxWaves - 1) : waves
  const blocked = plan.changes.flatMap((change) => (change.kind === 'blocked' ? [change.by] : []))
  const { enrolls, retires } = plan.counts
  const members = [
    { by: 'to enroll', devices: enrolls },
    { by: 'to retire', devices: retires },
  ]
  const drawn = shown.map(({ wave, share, groups }) => ({
    wave,
    share: clean(share),
    numbers: total(groups),
    rows: rowsOf(groups),
    gate: clean(gate(wave).replace(isoTime, '$1 $2 UTC'), 120),
  }))
  return {
    title: `Waves of ${clean(stage)}`,
    waves: [...drawn, ...rest(waves.slice(shown.length))],
    blocked: [...Map.groupBy(blocked, (by) => by)].map(([by, all]) => ({ by, devices: all.length })),
    members: members.filter(({ devices }) => devices > 0),
  }
}

function rest(waves: readonly WaveProgress[]): PictureWave[] {
  const [first] = waves
  if (!first) return []
  const groups = waves.flatMap((wave) => wave.groups)
  const share = `and ${counted(waves.length - 1, 'more wave')}`
  return [{ wave: first.wave, share, numbers: total(groups), rows: rowsOf(groups), gate: '' }]
}

/** By type and site where these are few; by type alone where they aren't, the largest first. */
function rowsOf(groups: readonly GroupProgress[]): PictureRow[] {
  const named = (group: GroupProgress) =>
    clean(group.site === undefined ? group.deviceType : `${group.deviceType}, ${group.site}`)
  const byPlace = byName(groups, named)
  const rows = byPlace.length <= maxRows ? byPlace : byName(groups, (group) => clean(group.deviceType))
  if (rows.length <= maxRows) return rows
  const others = rows.slice(maxRows - 1)
  return [
    ...rows.slice(0, maxRows - 1),
    { name: `${others.length} more types`, numbers: total(others.map(({ numbers }) => numbers)) },
  ]
}

function byName(groups: readonly GroupProgress[], name: (group: GroupProgress) => string): PictureRow[] {
  return [...Map.groupBy(groups, name)]
    .map(([label, members]) => ({ name: label, numbers: total(members) }))
    .sort((a, b) => count(b.numbers) - count(a.numbers))
}

function total(groups: readonly Numbers[]): Numbers {
  const sum = (key: Standing) => groups.reduce((all, group) => all + group[key], 0)
  return {
    there: sum('there'),
    pending: sum('pending'),
    failed: sum('failed'),
    toCome: sum('toCome'),
    blocked: sum('blocked'),
  }
}

/** All devices that some numbers count. */
export const count = (numbers: Numbers) => standings.reduce((all, key) => all + numbers[key], 0)

/** Numbers in words, without those that are 0: `12 there, 3 on the way`. */
export function inWords(numbers: Numbers): string {
  return standings
    .filter((key) => numbers[key] > 0)
    .map((key) => `${numbers[key]} ${standingWords[key]}`)
    .join(', ')
}

/** How all waves of a picture stand together, its worst first: what colours a box. */
export function worst(numbers: Numbers): Standing {
  if (numbers.failed > 0) return 'failed'
  if (numbers.pending > 0) return 'pending'
  if (numbers.toCome > 0) return 'toCome'
  return numbers.blocked > 0 ? 'blocked' : 'there'
}

const clean = (text: string, limit = 48) => shorten(oneLine(text.slice(0, 1000)), limit)
