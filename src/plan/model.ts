import type { DeviceFacts } from '../ota/ota.ts'
import type { Digest } from '../platform/platform.ts'

/** Why a device gets nothing although Git wants something of it. */
export const blockers = [
  'not-on-server',
  'not-accepted',
  'no-release-fact',
  'other-content',
  'no-image',
  'wrong-device-type',
  'release-missing',
  'known-bad',
  'lab-artifact',
  'busy',
  'leased',
  'frozen',
  'retired',
] as const
export type Blocker = (typeof blockers)[number]

/** The line in Git that a change comes from. */
export interface Cause {
  file: string
  line: number
}

interface About {
  /** The device's id on the server. */
  device: string
  /** Its name in the inventory. */
  host: string
  cause: Cause
}

/** What a device is to be configured with once it runs its release. */
export interface WantedConfiguration {
  /** The template that it is made of. */
  template: string
  /** Its fingerprint: equal exactly where the configuration is. */
  to: string
}

export interface PlannedConfiguration extends WantedConfiguration {
  /** From 1: the waves of a template are cut of the devices that have it, so each of them has one to begin with. */
  wave: number
}

/** What a plan does to one device. */
export type Change =
  | (About & {
      kind: 'update'
      deviceType: string
      site: string | undefined
      from: string
      to: string
      /** From 1. */
      wave: number
      /** What follows at a later tick, where it doesn't report that by then. */
      configuration?: PlannedConfiguration | undefined
      /** The earliest time at which it could begin, on the clocks of its place; undefined where no zone is known. */
      notBefore?: string | undefined
    })
  /** It runs its release, and gets another configuration on it. */
  | (About & {
      kind: 'configure'
      deviceType: string
      site: string | undefined
      template: string
      /** What it reports to have: a fingerprint, or a word; undefined where it reports nothing of it. */
      from: string | undefined
      /** The fingerprint of what it gets. */
      to: string
      /** The release that this was planned for. */
      on: string
      /** Among the devices with this template. */
      wave: number
      /** Among all that are to run the release. */
      releaseWave: number
      notBefore?: string | undefined
    })
  /** The server lets it in; it is ordered for later, when it has reported. */
  | (About & {
      kind: 'enroll'
      deviceType?: string | undefined
      site?: string | undefined
      /** What it is to run then, where Git alone tells. */
      to?: string | undefined
    })
  /** The server forgets it and its keys. */
  | (About & { kind: 'retire'; deviceType?: string | undefined; from?: string | undefined })
  | (About & {
      kind: 'no-op'
      deviceType: string
      site: string | undefined
      to: string
      why: 'already-there' | 'already-pending'
      wave: number
      configuration?: PlannedConfiguration | undefined
    })
  /** The server doesn't have it any more, or doesn't let it in. */
  | (About & { kind: 'no-op'; why: 'already-retired' })
  | (About & {
      kind: 'blocked'
      from: string | undefined
      to: string | undefined
      by: Blocker
      /** In words, with what to do. */
      why: string
      until: string | undefined
      /** Where it is blocked for now alone: its place in the waves, which it keeps. */
      wave?: number | undefined
      deviceType?: string | undefined
      site?: string | undefined
      configuration?: PlannedConfiguration | undefined
    })

/** A change of a device that has its place in the waves, and isn't blocked. */
export type Turn = Extract<Change, { wave: number }>

export function hasTurn(change: Change): change is Turn {
  return change.kind !== 'blocked' && 'wave' in change
}

/** A change of a device that has its place in the waves, also one that is blocked for now. */
export type Moving =
  Turn | (Extract<Change, { kind: 'blocked' }> & { to: string; wave: number; deviceType: string })

/** Whether a device has its place in the waves. */
export function isMoving(change: Change): change is Moving {
  if (change.kind !== 'blocked') return hasTurn(change)
  return change.wave !== undefined && change.to !== undefined && change.deviceType !== undefined
}

/** The release that a device with a place in the waves is to run. */
export function releaseOf(change: Moving): string {
  return change.kind === 'configure' ? change.on : change.to
}

/** The wave in which a device gets its release. */
export function releaseWaveOf(change: Moving): number {
  return change.kind === 'configure' ? change.releaseWave : change.wave
}

/** What a device with a place in the waves is to be configured with; undefined where Git says nothing, or nothing new. */
export function configurationOf(change: Change): PlannedConfiguration | undefined {
  if (change.kind === 'configure') return { template: change.template, to: change.to, wave: change.wave }
  return 'configuration' in change ? change.configuration : undefined
}

/** A wave of a plan; `share` is how much of the stage has its turn by its end, in words. */
export interface PlannedWave {
  wave: number
  share: string
  /** Devices in it, also those that are there already. */
  devices: number
  /** Those that something is to be ordered for now: a release, or a configuration. */
  updates: number
  /** When it begins, in words; undefined where nobody in it updates. */
  begins?: string | undefined
  /** The earliest time at which it could (UTC), if all goes well. */
  notBefore?: string | undefined
}

/** Every device of the stage in Git is in exactly one of these. */
export interface Counts {
  inGit: number
  updates: number
  configures: number
  enrolls: number
  retires: number
  alreadyPending: number
  alreadyThere: number
  alreadyRetired: number
  blocked: number
}

/** A device on the server that is in no stage of the fleet: it is named, and never touched. */
export interface Stranger {
  device: string
  status: DeviceFacts['status']
  deviceType?: string | undefined
}

/** All changes of a stage. Pure data: it is the same after it was written to a file and read. */
export interface Plan {
  schema: 'drover/plan/v1'
  stage: string
  branch: string
  server: string
  createdAt: string
  factsAt: string
  /** Over the stage's desired state alone: what a review approves. */
  digest: Digest
  counts: Counts
  waves: readonly PlannedWave[]
  changes: readonly Change[]
  /** Devices on the server that no stage has, in the server's order. */
  notInGit: readonly Stranger[]
}
