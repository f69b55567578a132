// Ticks of the fleet's stages, as cron would start them, and what each found and did.
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, messageOf } from '../src/platform/platform.ts'
import { DemoFailure, type Outputs, drover } from './drover.ts'
import type { Fleet, StageName } from './fleet.ts'
import type { GitHub } from './github.ts'
import type { Keys, Scene, Server } from './scene.ts'

/** One tick, for the log and the summary page. */
export interface TickSeen {
  stage: StageName
  /** Seconds since the first one. */
  at: number
  /** A state, or why the tick was refused. */
  state: string
  /** Devices that were ordered to update. */
  ordered: number
  wave: string
  /** What is held back, and why. */
  waits: readonly string[]
  /** How the stage stands, as its commit's status says it. */
  standing: string
  /** The rule that halted it; empty where none did. */
  haltedBy: string
  failure: DemoFailure | undefined
}

export interface TickOptions {
  /** The reviewed plan. */
  plan?: string | undefined
}

export interface SchedulePlace {
  server: Server
  fleet: Fleet
  gitHub: GitHub
  keys: Keys
}

/** A demonstration's schedule. */
export class Schedule {
  readonly #scene: Scene
  readonly #server: Server
  readonly #fleet: Fleet
  readonly #gitHub: GitHub
  readonly #signingKey: string
  #startedAt: number | undefined

  constructor(scene: Scene, { server, fleet, gitHub, keys }: SchedulePlace) {
    this.#scene = scene
    this.#server = server
    this.#fleet = fleet
    this.#gitHub = gitHub
    this.#signingKey = keys.signing
  }

  /** One tick of a stage. What it refuses and where it halts is told, not thrown; all else that fails is thrown. */
  async tick(stage: StageName, options: TickOptions, say: (line: string) => void): Promise<TickSeen> {
    const startedAt = (this.#startedAt ??= performance.now())
    const at = (performance.now() - startedAt) / 1000
    const lines: string[] = []
    const { outputs, failure } = await this.#run(stage, options, (line) => {
      lines.push(line.trim())
      say(line)
    })
    const seen: TickSeen = {
      stage,
      at,
      state: outputs['state'] || (failure?.reason ?? 'unknown'),
      ordered: Number(outputs['scheduled'] ?? 0),
      wave: outputs['wave'] ? `${outputs['wave']} of ${outputs['waves']}` : '',
      waits: lines.flatMap((line) => (line.startsWith(waitsFor) ? [line.slice(waitsFor.length)] : [])),
      standing: this.#gitHub.statuses.get(`drover/${stage}`)?.description ?? '',
      haltedBy: outputs['halted-by'] ?? '',
      failure,
    }
    this.#show(seen)
    return seen
  }

  /** Tick after tick until one ends as wanted; throws where the stage halts or is refused instead, or nothing comes of it. */
  async until(
    stage: StageName,
    isReached: (tick: TickSeen) => boolean,
    options: TickOptions,
    say: (line: string) => void,
  ): Promise<TickSeen> {
    const { patience, lookMs } = this.#scene.target
    const minutes = 3 * patience
    for (const end = performance.now() + minutes * 60_000; performance.now() < end;) {
      const tick = await this.tick(stage, options, say)
      if (isReached(tick)) return tick
      if (tick.failure) throw tick.failure
      // no device is done sooner, and on two cores every look costs it time
      await sleep(tick.ordered > 0 ? 3 * lookMs : lookMs)
    }
    throw new Failure('update-timeout', `nothing more came of the stage ${stage} within ${minutes} minutes`)
  }

  async #run(
    stage: StageName,
    { plan }: TickOptions,
    say: (line: string) => void,
  ): Promise<{ outputs: Outputs; failure: DemoFailure | undefined }> {
    const folder = this.#fleet.stageFolder(stage)
    const { run, signal } = this.#scene
    const inputs = { fleet: folder, stage, ...(plan === undefined ? {} : { plan }) }
    const { token } = this.#server
    // configurations are signed too: the devices install nothing else
    const env = { DROVER_TOKEN: token, DROVER_SIGNING_KEY: this.#signingKey, ...this.#gitHub.environment }
    try {
      const outputs = await drover(run, 'schedule-updates', { inputs, env, cwd: folder, say, signal })
      return { outputs, failure: undefined }
    } catch (error) {
      const isToldOf = error instanceof DemoFailure && ['halted', 'not-reviewed'].includes(error.reason)
      if (!isToldOf) throw error
      say(messageOf(error))
      return { outputs: error.outputs, failure: error }
    }
  }

  /** A line that stays for each tick that says something new. */
  #show(tick: TickSeen): void {
    const { told, progress } = this.#scene
    const last = told.ticks.findLast(({ stage }) => stage === tick.stage)
    if (last && inWords(last) === inWords(tick)) return
    told.ticks.push(tick)
    progress.note(inWords(tick))
  }
}

const waitsFor = 'waits: '

/** A tick in one line. */
export function inWords(tick: TickSeen): string {
  return `${tick.stage.padEnd(11)} ${tick.state}: ${details(tick)}`
}

/** What a tick did, or why it did nothing. */
export function details({ ordered, wave, waits, standing, haltedBy, failure }: TickSeen): string {
  if (haltedBy) return `${standing}; ${haltedBy}`
  // what comes behind the colon says what to do about it
  if (failure) return failure.message.split(': ')[0] ?? ''
  if (ordered > 0) return `${ordered} ordered, wave ${wave}`
  return waits.length > 0 ? waits.join('; ') : standing
}
