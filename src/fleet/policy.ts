// fleet.yml: who updates when, checked and in the domain's own units. Hides the file's spelling and its defaults.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, failOn, parseDuration, parseYaml, readText } from '../platform/platform.ts'
import type { FleetWarning } from './model.ts'
import { type PolicyFile, type StageFile, dayNames, policySchema } from './policy-schema.ts'
import { type Limit, type WaveStep, limitOf, minuteOf, shareOf, waveStepOf } from './policy-values.ts'
import { problemsOf, warningsOf } from './policy-problems.ts'
import { displayName } from './display-name.ts'
import { leadsOut } from './inside.ts'
import type { Place } from './source.ts'

export type { Limit, WaveStep }

export interface Gate {
  soakMs: number
  maxFailures: Limit
  /** Share (0–1) of the devices that reported an outcome. */
  minSuccess: number
  maxPending: Limit | undefined
  factsYoungerThanMs: number
}

/** When orders may be placed: from `from` to `to` (minutes since midnight, past midnight where `to` is not later). */
export interface Window {
  /** Days on which it opens, 0 is Sunday. */
  days: readonly number[]
  fromMinute: number
  toMinute: number
  /** An IANA name, or `device` for each device's own. */
  timeZone: string
}

export interface Budget {
  devices: number | undefined
  /** Share (0–1) of a site's devices that may be in the middle of an update at once. */
  perSite: number | undefined
  deviceTypes: number | undefined
  missing: Limit | undefined
  /** How many devices one plan may remove from the server. */
  retire: number
}

export interface Stage {
  name: string
  branch: string
  after: string | undefined
  needsReview: boolean
  /** Whether a device that waits to be let in is, because Git names it. */
  isEnrolling: boolean
  /** Whether it goes to the release of an emergency: then nobody joins and nobody is removed. */
  isInEmergency?: true
  waves: readonly WaveStep[]
  gate: Gate
  window: Window | undefined
  budget: Budget
  mayBeEmpty: boolean
  /** Where fleet.yml names it; missing where the branch alone does. */
  at?: Place
}

/** What holds at once for every stage; a tick reads these from the default branch. */
export interface Switches {
  freeze: { reason: string; until: Date | undefined } | undefined
  /** Release names and content digests that nothing may be ordered of. */
  knownBad: ReadonlySet<string>
  /** Rollout (`stage/digest/commit`) → attempt, 1 where not named. */
  retry: ReadonlyMap<string, number>
  /** Brings a stage to a release, whatever its branch says, until then. */
  emergency: { stage: string; release: string; reason: string; until: Date } | undefined
}

export interface FleetServer {
  type: 'mender' | 'hawkbit'
  url: string
}

/** What fleet.yml says. `stages` is undefined where the file names none: then every branch is a stage. */
export interface FleetPolicy {
  server: FleetServer | undefined
  stages: ReadonlyMap<string, Stage> | undefined
  switches: Switches
  /** What the file asks for that is not acted on to the full, for people to see. */
  warnings: readonly FleetWarning[]
  /** Where a key stands; the file's first line where there is no file. */
  at(path: readonly (string | number)[]): Place
}

export const policyFileName = 'fleet.yml'

/**
 * Reads fleet.yml in `folder`; without that file the policy has no server and no stages. Throws `file-missing` where
 * the folder isn't there, `invalid-file` with every problem.
 */
export async function readFleetPolicy(folder: string): Promise<FleetPolicy> {
  const path = join(folder, policyFileName)
  const name = displayName(path)
  if (!existsSync(folder))
    throw new Failure(
      'file-missing',
      `there is no folder ${folder}: give the fleet repository's as \`fleet\``,
    )
  const problem = await leadsOut(folder, path)
  failOn(problem ? [problem] : [])
  return existsSync(path) ? parseFleetPolicy(await readText(path, 4 << 20, name), name) : noPolicy(name)
}

/** `readFleetPolicy` for a text that is not in the folder, such as another branch's. Throws `invalid-file`. */
export function parseFleetPolicy(text: string, file: string): FleetPolicy {
  // a file of comments alone is empty, and that is a policy without a word
  const isEmpty = text.split('\n').every((line) => /^\s*(#.*|---\s*)?$/.test(line))
  const parsed = parseYaml(isEmpty ? '{}' : text, file, policySchema)
  const { value } = parsed
  const problems = problemsOf(parsed, file)
  failOn(problems)
  return {
    server: value.server && {
      type: value.server.type ?? 'mender',
      url: value.server.url.replace(/\/+$/, ''),
    },
    stages:
      value.stages &&
      new Map(
        Object.entries(value.stages).map(([name, stage]) => {
          const at = { file, ...parsed.locate(['stages', name]) }
          return [name, { ...stageOf(name, stage), at }]
        }),
      ),
    switches: switchesOf(value),
    warnings: warningsOf(parsed, file),
    at: (path) => ({ file, ...parsed.locate(path) }),
  }
}

/** The stage that a branch is where fleet.yml names none: one device per type first, 24 h soak, then the rest. */
export function defaultStage(branch: string): Stage {
  return { ...stageOf(branch, { branch }), mayBeEmpty: false }
}

function noPolicy(file: string): FleetPolicy {
  return {
    server: undefined,
    stages: undefined,
    switches: { freeze: undefined, knownBad: new Set(), retry: new Map(), emergency: undefined },
    warnings: [],
    at: () => ({ file, line: 1, column: 1 }),
  }
}

function stageOf(name: string, file: StageFile): Stage {
  const gate = file.gate ?? {}
  const budget = file.budget ?? {}
  return {
    name,
    branch: file.branch,
    after: file.after,
    needsReview: file.review === undefined ? file.after !== undefined : file.review === 'required',
    isEnrolling: file.enroll === 'in-git',
    waves: (file.waves ?? ['1 per device type', '100%']).map(waveStepOf),
    gate: {
      soakMs: parseDuration(gate.soak ?? '24h') ?? 0,
      maxFailures: limitOf(gate['max-failures'] ?? 0),
      minSuccess: shareOf(gate['min-success'] ?? '100%'),
      maxPending: gate['max-pending'] === undefined ? undefined : limitOf(gate['max-pending']),
      factsYoungerThanMs: parseDuration(gate['facts-younger-than'] ?? '9h') ?? 0,
    },
    window: file.window && {
      days: (file.window.days ?? dayNames).map((day) => dayNames.indexOf(day)),
      fromMinute: minuteOf(file.window.from),
      toMinute: minuteOf(file.window.to),
      timeZone: file.window['time-zone'],
    },
    budget: {
      devices: budget.devices,
      perSite: budget['per-site'] === undefined ? undefined : shareOf(budget['per-site']),
      deviceTypes: budget['device-types'],
      missing: budget.missing === undefined ? undefined : limitOf(budget.missing),
      retire: budget.retire ?? 0,
    },
    mayBeEmpty: file['allow-empty'] === true,
  }
}

/** A digest as it is compared, however somebody copied it: in capitals, or without what comes before its 64 digits. */
function inOurSpelling(entry: string): string {
  const digits = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(entry)?.[1]
  return digits === undefined ? entry : `sha256:${digits.toLowerCase()}`
}

function switchesOf(value: PolicyFile): Switches {
  return {
    freeze: value.freeze
      ? { reason: value.freeze.reason, until: value.freeze.until ? new Date(value.freeze.until) : undefined }
      : undefined,
    knownBad: new Set((value['known-bad'] ?? []).map(inOurSpelling)),
    retry: new Map(Object.entries(value.retry ?? {})),
    emergency: value.emergency ? { ...value.emergency, until: new Date(value.emergency.until) } : undefined,
  }
}
