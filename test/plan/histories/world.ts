// A stage with its history, a server and devices, all in memory and made from a number; what happens to them is in moves.ts.
import {
  type Configuration,
  type Fleet,
  type FleetDevice,
  type Stage,
  parseFleetPolicy,
} from '../../../src/fleet/fleet.ts'
import type { Switches } from '../../../src/fleet/fleet.ts'
import type { Facts } from '../../../src/ota/ota.ts'
import { type Commit, type Tips, makePlan } from '../../../src/plan/plan.ts'
import type { Clock } from '../../../src/platform/platform.ts'
import { type Digest, digestOf } from '../../../src/platform/platform.ts'
import { configurationContent, configurationName } from '../../../src/ota/ota.ts'
import { Chance } from '../../support/chance.ts'
import { configurationWith } from '../../support/configurations.ts'
import { MemoryDevice } from '../../support/memory-device.ts'
import { MemoryServer } from '../../support/memory-server.ts'

export const minuteMs = 60_000
const begin = Date.UTC(2026, 2, 2, 3)
const types = ['board', 'virtual'] as const
export const releases = ['a', 'b', 'c'] as const
export const settings = ['x', 'y', 'z'] as const

/** What Git says at a commit of the stage's branch. */
export interface Said {
  commit: Commit
  /** By device type, as group_vars have it. */
  images: Readonly<Record<string, string>>
  /** By device, as host_vars have it. */
  overrides: Readonly<Record<string, string>>
  /** Devices that are not in the inventory, and those that are retired. */
  absent: ReadonlySet<string>
  retired: ReadonlySet<string>
  /** The text of the template of all configurations; undefined where there are none. */
  template: string | undefined
  /** A setting of all devices, and what single ones have instead. */
  setting: string
  settings: Readonly<Record<string, string>>
}

/** What a world is made of. */
export interface Plot {
  /** What fleet.yml says of the stage canary, after its branch. */
  stage: string
  /** The type of each device of canary; development has one of each. */
  types: readonly string[]
  /** Which of them fail every update until their behaviour changes, by index. */
  failing?: readonly number[]
  /** Whether the devices have configurations, and whether the server has their artifacts from the start. */
  configurations?: 'none' | 'there' | 'to upload'
  /** Devices without one all the same, by index. */
  plain?: readonly number[]
  /** Whether the stage asks for a reviewed plan. */
  needsReview?: boolean
}

/** A plot by chance. */
export function plotBy(seed: number): Plot {
  const chance = new Chance(seed)
  const after = chance.is(40) ? 'after: development\n    ' : ''
  const waves = chance.of([
    '[1 per device type, 100%]',
    '[20%, 60%, 100%]',
    '[1 per device type, 50%, 100%]',
    '[100%]',
  ])
  const pending = chance.is(20) ? ', max-pending: 1' : ''
  const soak = chance.of(['0s', '1h', '2h'])
  const limits = `max-failures: ${chance.of(['0', '1', '50%', '100%'])}, min-success: ${chance.of(['100%', '50%', '1%'])}`
  const to = chance.of(['05:00', '14:00'])
  const window = chance.is(12) ? `\n    window: { from: "02:00", to: "${to}", time-zone: UTC }` : ''
  const retire = chance.is(90) ? 100 : 0
  const budget = `\n    budget: { retire: ${retire}${chance.is(15) ? ', per-site: 50%' : ''} }`
  const enroll = chance.is(70) ? '\n    enroll: in-git' : ''
  const typeCount = chance.is(30) ? 2 : 1
  const count = 2 + chance.below(6)
  const configurations = chance.is(50) ? 'there' : chance.is(4) ? 'to upload' : 'none'
  const needsReview = chance.is(30)
  return {
    needsReview,
    failing: Array.from({ length: count }, (_, index) => index).filter(() => chance.is(12)),
    stage: `${after}waves: ${waves}\n    gate: { soak: ${soak}, ${limits}${pending} }${window}${budget}${enroll}`,
    types: Array.from({ length: count }, (_, index) => types[index % typeCount] ?? 'board'),
    configurations,
    plain: Array.from({ length: count }, (_, index) => index).filter(() => chance.is(20)),
  }
}

const policies = new Map<string, ReadonlyMap<string, Stage>>()

function stagesOf({ stage, needsReview = false }: Plot): ReadonlyMap<string, Stage> {
  const review = needsReview ? 'required' : 'none'
  const before = policies.get(`${review} ${stage}`)
  if (before) return before
  const text = `stages:\n  development: { branch: main }\n  canary:\n    branch: canary\n    review: ${review}\n    ${stage}\n`
  const stages = parseFleetPolicy(text, 'fleet.yml').stages ?? new Map<string, Stage>()
  policies.set(`${review} ${stage}`, stages)
  return stages
}

export class World {
  readonly server: MemoryServer
  readonly devices: readonly MemoryDevice[]
  readonly lab: readonly MemoryDevice[]
  readonly asleep = new Set<string>()
  readonly stages: ReadonlyMap<string, Stage>
  /** The stage's branch, oldest first. */
  readonly branch: Said[] = []
  switches: Switches = { freeze: undefined, knownBad: new Set(), retry: new Map(), emergency: undefined }
  /** What was merged at a commit without the plan that it has, by its id: no plan, or another one. */
  readonly reviews = new Map<string, 'none' | 'other'>()
  /** Orders that were placed on a commit after another one had been merged, in the one moment that nobody can close. */
  readonly overtaken = new Set<string>()
  nowMs = begin
  readonly #plain: ReadonlySet<string>

  constructor(plot: Plot) {
    this.server = new MemoryServer(() => this.now())
    this.#plain = new Set(plot.plain?.map((index) => `device-${index}`))
    this.stages = stagesOf(plot)
    for (const name of releases) {
      const artifact = (type: string) => ({
        id: `${name} ${type}`,
        deviceTypes: [type],
        sizeBytes: 1,
        isSigned: false,
        contentDigest: digestOf(`${name} ${type}`),
      })
      this.server.releases.set(name, { name, artifacts: types.map(artifact) })
    }
    this.devices = plot.types.map((type, index) => this.#device(`device-${index}`, type))
    for (const index of plot.failing ?? []) {
      const device = this.devices[index]
      if (device) device.behaviour = 'fails'
    }
    this.lab = [...new Set(plot.types)].map((type, index) => this.#device(`lab-${index}`, type))
    const images = Object.fromEntries(types.map((type) => [type, 'a']))
    const { configurations = 'none' } = plot
    const template = configurations === 'none' ? undefined : 't'
    this.merge({ images, overrides: {}, absent: new Set(), retired: new Set(), template })
    if (configurations === 'there') this.storeConfigurations(settings)
  }

  /** What a device is to be configured with; undefined where Git says nothing of it. */
  configurationOf({ template, setting, settings }: Said, device: string): Configuration | undefined {
    return template === undefined || this.#plain.has(device)
      ? undefined
      : configurationWith({ setting: settings[device] ?? setting }, { text: template })
  }

  /** Names on the server of what brings a device to what Git wants: its release, and its configuration on that. */
  wantedNames(
    said: Said,
    device: MemoryDevice,
  ): { release: string | undefined; configuration: string | undefined } {
    const release = this.wanted(said, device)
    const { template, fingerprint } = this.configurationOf(said, device.id) ?? {}
    if (release === undefined || template === undefined || fingerprint === undefined)
      return { release, configuration: undefined }
    return { release, configuration: configurationName(template, fingerprint, release) }
  }

  /** The commit that brought the template's text, in the history up to `said`. */
  templateCommit(said: Said): Commit {
    return this.#since(said, ({ template }) => template)
  }

  /** Puts the artifacts of configurations onto the server, as ticks would one by one. */
  storeConfigurations(all: readonly string[]): void {
    for (const setting of all) {
      const configuration = configurationWith({ setting })
      const provides = { 'data-partition.mender-configure.version': configuration.digest }
      for (const on of releases) {
        const name = configurationName(configuration.template, configuration.digest, on)
        const artifacts = types.map((type) => {
          const id = `${name} ${type}`
          const contentDigest = configurationContent(configuration, type)
          this.server.depends.set(id, { 'rootfs-image.version': on })
          return { id, deviceTypes: [type], sizeBytes: 1, isSigned: false, contentDigest, provides }
        })
        this.server.releases.set(name, { name, artifacts })
      }
    }
  }

  #device(id: string, type: string): MemoryDevice {
    this.server.join(id, { identity: { serial: id } }, true)
    const device = new MemoryDevice(this.server, id, type, 'a')
    device.report()
    return device
  }

  now(): Date {
    return new Date(this.nowMs)
  }

  get clock(): Clock {
    return { now: () => this.now(), sleep: async (ms) => void (this.nowMs += ms) }
  }

  get stage(): Stage {
    const stage = this.stages.get('canary')
    if (!stage) throw new Error('no stage')
    return stage
  }

  get tip(): Said {
    const tip = this.branch.at(-1)
    if (!tip) throw new Error('no commit')
    return tip
  }

  merge(change: Partial<Omit<Said, 'commit'>>): void {
    const before = this.branch.at(-1)
    const nobody = { absent: new Set<string>(), retired: new Set<string>() }
    const unset = { template: undefined, setting: 'x', settings: {} }
    const empty = { images: {}, overrides: {}, ...nobody, ...unset }
    const id = digestOf(`commit ${this.branch.length}`).slice(7, 47)
    const commit = { id, at: this.now() }
    this.branch.push({ ...empty, ...before, ...change, commit })
  }

  /** The digest that a person approved by merging a commit. */
  reviewed(said: Said): Digest | undefined {
    const review = this.reviews.get(said.commit.id)
    if (review !== undefined) return review === 'none' ? undefined : digestOf('another plan')
    const [devices, releases] = [this.server.devices.values(), this.server.releases.values()]
    const facts: Facts = {
      server: '',
      gatheredAt: this.now().toISOString(),
      devices: [...devices].map((stored) => stored.facts),
      releases: [...releases],
      openDeployments: [],
    }
    return makePlan(this.fleet(said), 'canary', facts, this.now()).digest
  }

  tips(): Tips {
    const byBranch = new Map([
      ['canary', this.tip.commit.id],
      ['main', '0'.repeat(40)],
    ])
    return { byBranch, defaultBranch: 'main' }
  }

  /** What Git wants on a device; undefined where it wants nothing. */
  wanted({ images, overrides, absent, retired }: Said, { id, deviceType }: MemoryDevice): string | undefined {
    if (absent.has(id) || retired.has(id)) return undefined
    return overrides[id] ?? images[deviceType]
  }

  /** The commit since which a device's line names the release, in the history up to `said`. */
  introduced(said: Said, device: string, type: string): Commit {
    const line = ({ images, overrides }: Said) =>
      said.overrides[device] === undefined ? images[type] : overrides[device]
    return this.#since(said, line)
  }

  #since(said: Said, line: (said: Said) => string | undefined): Commit {
    let found = said
    for (let at = this.branch.indexOf(said); at >= 0; at--) {
      const earlier = this.branch[at]
      if (!earlier || line(earlier) !== line(said)) break
      found = earlier
    }
    return found.commit
  }

  fleet(said: Said): Fleet {
    const device = (one: MemoryDevice, stage: string): FleetDevice[] => {
      const { id } = one
      if (said.absent.has(id)) return []
      const own = said.overrides[id]
      const images =
        own === undefined
          ? Object.entries(said.images).map(([deviceType, release]) => ({ deviceType, release }))
          : [{ deviceType: undefined, release: own }]
      const fixed = { host: id, id, stage, images, deviceType: undefined, isLab: false, timeZone: 'UTC' }
      const at = () => ({ file: 'group_vars/all.yml', line: 1, column: 1 })
      const site = Number(id.at(-1)) % 2 === 0 ? 'shop' : undefined
      const imageSource = { file: 'group_vars/all.yml', path: [] }
      const configuration = this.configurationOf(said, id)
      return [{ ...fixed, imageSource, site, isRetired: said.retired.has(id), configuration, at }]
    }
    return {
      folder: '/nowhere',
      server: undefined,
      stages: this.stages,
      devices: [
        ...this.lab.flatMap((one) => device(one, 'development')),
        ...this.devices.flatMap((one) => device(one, 'canary')),
      ],
      switches: this.switches,
      warnings: [],
    }
  }
}
