// The tables of a plan, for Markdown and HTML alike: each device has a row of its own, or equal changes share one.
import type { Change, Plan } from '../plan/plan.ts'
import { someOf } from './markdown.ts'

export interface Rows {
  head: readonly string[]
  rows: readonly (readonly string[])[]
}

export type Update = Extract<Change, { kind: 'update' | 'configure' }>

/** What is to be ordered for devices: their release, or a configuration on it. */
export function updatesOf({ changes }: Plan): Update[] {
  return changes.filter((change) => change.kind === 'update' || change.kind === 'configure')
}

/** From and to: a release, then its configuration, or a configuration alone, by template and the start of its fingerprint. */
function movesOf(change: Update): [from: string, to: string] {
  if (change.kind === 'configure')
    return [
      shortFingerprint(change.from),
      `${change.template} (${shortFingerprint(change.to)}) on ${change.on}`,
    ]
  const { from, to, configuration } = change
  return [from, configuration ? `${to}, then ${configuration.template}` : to]
}

const shortFingerprint = (fingerprint = 'no configuration') =>
  fingerprint.replace(/^(?:hmac-)?sha256:([0-9a-f]{12})[0-9a-f]*$/, '$1')

export function blockedOf({ changes }: Plan) {
  return changes.filter((change) => change.kind === 'blocked')
}

/** What moves, device by device or, with `isGrouped`, change by change. */
export function updateRows(plan: Plan, isGrouped: boolean): Rows {
  const updates = updatesOf(plan)
  if (!isGrouped)
    return {
      head: ['device', 'from', 'to', 'device type', 'wave'],
      rows: updates.map((change) => [
        change.host,
        ...movesOf(change),
        change.deviceType,
        String(change.wave),
      ]),
    }
  const groups = Map.groupBy(updates, (change) =>
    JSON.stringify([...movesOf(change), change.deviceType, change.wave]),
  )
  return {
    head: ['devices', 'from', 'to', 'device type', 'wave', 'such as'],
    rows: [...groups.values()].flatMap((group) => {
      const [first] = group
      if (!first) return []
      const hosts = someOf(group.map(({ host }) => host))
      return [[String(group.length), ...movesOf(first), first.deviceType, String(first.wave), hosts]]
    }),
  }
}

/** What lets devices in and removes them. */
export function membersOf({ changes }: Plan) {
  return changes.filter((change) => change.kind === 'enroll' || change.kind === 'retire')
}

/** Who is let in and who is removed, device by device or, with `isGrouped`, all alike in one row. */
export function memberRows(plan: Plan, isGrouped: boolean): Rows {
  const members = membersOf(plan)
  if (!isGrouped)
    return {
      head: ['device', 'change', 'device type', 'runs', 'is to run', 'line'],
      rows: members.map((change) => [
        change.host,
        change.kind,
        change.deviceType ?? '',
        change.kind === 'retire' ? (change.from ?? '') : '',
        change.kind === 'enroll' ? (change.to ?? '') : '',
        `${change.cause.file}:${change.cause.line}`,
      ]),
    }
  return {
    head: ['devices', 'change', 'such as'],
    rows: [...Map.groupBy(members, ({ kind }) => kind)].map(([kind, group]) => [
      String(group.length),
      kind,
      someOf(group.map(({ host }) => host)),
    ]),
  }
}

/** The first `limit` devices that the server has and no stage. */
export function strangerRows({ notInGit }: Plan, limit: number): Rows {
  return {
    head: ['device', 'on the server', 'device type'],
    rows: notInGit.slice(0, limit).map(({ device, status, deviceType = '' }) => [device, status, deviceType]),
  }
}

/** What is blocked and why, device by device or, with `isGrouped`, reason by reason. */
export function blockedRows(plan: Plan, isGrouped: boolean): Rows {
  const blocked = blockedOf(plan)
  if (!isGrouped)
    return {
      head: ['device', 'wanted', 'blocked by', 'why', 'until', 'line'],
      rows: blocked.map(({ host, to, by, why, until, cause }) => [
        host,
        to ?? '',
        by,
        why,
        until ?? '',
        `${cause.file}:${cause.line}`,
      ]),
    }
  return {
    head: ['devices', 'blocked by', 'such as'],
    rows: [...Map.groupBy(blocked, ({ by }) => by)].map(([by, group]) => [
      String(group.length),
      by,
      someOf(group.map(({ host }) => host)),
    ]),
  }
}

/** The waves that somebody updates in, and when each could begin. */
export function waveRows({ waves }: Plan): Rows {
  return {
    head: ['wave', 'share', 'devices', 'to change', 'begins'],
    rows: waves
      .filter(({ updates }) => updates > 0)
      .map(({ wave, share, devices, updates, begins }) => [
        String(wave),
        share,
        String(devices),
        String(updates),
        begins ?? '',
      ]),
  }
}
