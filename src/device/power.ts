// A virtual device's power supply: starts the slot that the boot variables name, sees how it ends, starts the next. What a
// device is made of is a Board's business.
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Context, Failure, messageOf, seconds } from '../platform/platform.ts'
import { lastLines } from './console-tail.ts'
import { type Boot, type BootVariables, type Slot, isUnconfirmed, nextBoot } from './boot-loader.ts'

/** Why a start came to its end. */
export type EndOfBoot = 'reboot' | 'power-off' | 'crash' | 'power-cut' | 'watchdog'

export type DeviceEvent = { at: Date } & (
  | { kind: 'boot'; slot: Slot; isTrial: boolean; isFallback: boolean }
  | { kind: 'down'; slot: Slot; why: EndOfBoot; exitStatus: number; afterMs: number }
)

/** One start, from power-on to its end. */
export interface PowerOn {
  /** Resolves when the device is down; what it asked for by that. */
  done: Promise<{ meaning: 'reboot' | 'power-off' | 'crash'; exitStatus: number }>
  /** Asks the system to power itself off. Without it the plug is pulled. */
  askToPowerOff?: () => Promise<void>
  /** Takes the power away at once. */
  cut(): void
}

/** What a virtual device is made of. */
export interface Board {
  /** The boot loader's variables, also while the device runs. */
  variables(): Promise<BootVariables | undefined>
  /** Only while the device is off. */
  setVariables(variables: BootVariables): Promise<void>
  /** Waits until the device can be started and turns the power on. */
  powerOn(slot: Slot): Promise<PowerOn>
  /** What its console says, or the end of it. */
  console(): Promise<string>
  /** So many crashes in a row, each within `withinMs`, with no update to go back from, are a device that can't boot. */
  falseStarts: { max: number; withinMs: number }
}

export interface PowerOptions {
  /** The device's folder: its file `events` gets a line for each start and end. */
  folder: string
  serial: string
  /** How long a started update may stay unconfirmed before the power is cut, in ms. */
  bootTimeoutMs: number
}

/** Keeps a device running until it powers itself off or is stopped. */
export class Power {
  readonly #options: PowerOptions
  readonly #board: Board
  readonly #context: Context
  readonly #events: DeviceEvent[] = []
  #running: { start: PowerOn; cut: EndOfBoot | undefined } | undefined
  #isOff = false
  #written: Promise<void> = Promise.resolve()

  constructor(options: PowerOptions, board: Board, context: Context) {
    this.#options = options
    this.#board = board
    this.#context = context
  }

  /** What happened so far, oldest first. */
  get events(): readonly DeviceEvent[] {
    return [...this.#events]
  }

  /**
   * Starts the device again and again. Resolves when it is off and `resources` are gone; rejects with `device-unreachable`
   * where it can't be kept running. An abort of the context powers it off.
   */
  async run(resources: AsyncDisposableStack): Promise<void> {
    const onAbort = () => void this.off().catch(() => {})
    this.#context.signal.addEventListener('abort', onAbort, { once: true })
    if (this.#context.signal.aborted) onAbort()
    await using _all = resources
    try {
      for (let falseStarts = 0; !this.#isOff;) {
        const boot = await this.#nextBoot()
        const end = await this.#boot(boot)
        if (end.why === 'power-off') return
        const { max, withinMs } = this.#board.falseStarts
        falseStarts = end.why === 'crash' && end.afterMs < withinMs && !boot.isTrial ? falseStarts + 1 : 0
        if (falseStarts >= max) throw await this.#cannotBoot(boot.slot)
      }
    } finally {
      this.#context.signal.removeEventListener('abort', onAbort)
      await this.#written
    }
  }

  /** Takes the power away for a moment; the next start begins at once. Nothing where the device is off. */
  cut(why: EndOfBoot = 'power-cut'): void {
    if (!this.#running) return
    this.#running.cut ??= why
    this.#running.start.cut()
  }

  /** Asks the system to power off and cuts the power where it doesn't within some seconds. May be repeated. */
  async off(): Promise<void> {
    if (this.#isOff) return
    this.#isOff = true
    const running = this.#running
    if (!running) return
    const { askToPowerOff } = running.start
    if (askToPowerOff) {
      await askToPowerOff()
      for (let waitedMs = 0; this.#running === running && waitedMs < 3000; waitedMs += 20)
        await this.#context.clock.sleep(20)
    }
    this.cut('power-off')
  }

  async #nextBoot(): Promise<Boot> {
    const boot = nextBoot((await this.#board.variables()) ?? {})
    // counted before the start: a power cut at any later moment finds it
    if (boot.isTrial || boot.isFallback) await this.#board.setVariables(boot.variables)
    return boot
  }

  async #boot({ slot, isTrial, isFallback }: Boot): Promise<{ why: EndOfBoot; afterMs: number }> {
    const startedAt = performance.now()
    const start = await this.#board.powerOn(slot)
    const running: { start: PowerOn; cut: EndOfBoot | undefined } = { start, cut: undefined }
    this.#running = running
    this.#tell({ at: new Date(), kind: 'boot', slot, isTrial, isFallback })
    const ended = new AbortController()
    if (isTrial) void this.#watch(ended.signal)
    if (this.#isOff) this.cut('power-off') // stopped while there was nothing to stop yet
    const { meaning, exitStatus } = await start.done
    this.#running = undefined
    ended.abort()
    const afterMs = Math.round(performance.now() - startedAt)
    const why = running.cut ?? meaning
    this.#tell({ at: new Date(), kind: 'down', slot, why, exitStatus, afterMs })
    return { why, afterMs }
  }

  /** A system that hangs in its trial never confirms and never reboots: somebody has to pull the plug. */
  async #watch(ended: AbortSignal): Promise<void> {
    try {
      await this.#context.clock.sleep(this.#options.bootTimeoutMs, ended)
      const variables = (await this.#board.variables()) ?? {}
      if (!ended.aborted && isUnconfirmed(variables)) this.cut('watchdog')
    } catch (error) {
      if (!ended.aborted) this.#context.log.warn(`the watchdog failed: ${messageOf(error)}`)
    }
  }

  #tell(event: DeviceEvent): void {
    this.#events.push(event)
    const { folder, serial } = this.#options
    this.#context.log.info(`${serial}: ${lineOf(event)}`)
    this.#written = this.#written
      .then(() => appendFile(join(folder, 'events'), `${JSON.stringify(event)}\n`))
      .catch((error: unknown) =>
        this.#context.log.warn(`can't write the device's events: ${messageOf(error)}`),
      )
  }

  async #cannotBoot(slot: Slot): Promise<Failure> {
    const text = await this.#board.console().catch(() => '')
    return new Failure(
      'device-unreachable',
      `slot ${slot} of the virtual device in ${this.#options.folder} doesn't boot. Its console says: ${lastLines(text, 4)}`,
    )
  }
}

function lineOf(event: DeviceEvent): string {
  if (event.kind === 'down') return `down after ${seconds(event.afterMs)} (${event.why})`
  const how = event.isFallback
    ? ', back from an update that was not confirmed'
    : event.isTrial
      ? ', on trial'
      : ''
  return `boots slot ${event.slot}${how}`
}
