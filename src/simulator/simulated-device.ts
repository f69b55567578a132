// One device of a crowd: what it has, what it does in its own time, and what goes wrong with it.
import type { Standing } from './crowd-report.ts'
import type { DeviceApi, Offer } from './device-api.ts'
import type { Downloads, Update } from './downloads.ts'
import type { Fault } from './faults.ts'
import type { Random } from './random.ts'

const minute = 60_000
const hour = 60 * minute

export interface DeviceSetup {
  name: string
  deviceType: string
  release: string
  attributes: Readonly<Record<string, string>>
  /** Between two polls, in its own time. */
  pollMs: number
  fault: Fault | undefined
  random: Random
  connection: DeviceApi
  downloads: Downloads
  /** Waits for so long in the devices' time; rejects when the crowd ends. */
  wait: (ms: number) => Promise<void>
  /** The device's own clock, which may go wrong. */
  now: () => Date
  tell: (event: string, detail?: string) => void
  signal: AbortSignal
}

/** Runs until the signal aborts; a server that is away or answers nonsense is met again at the next poll. */
export class SimulatedDevice {
  standing: Standing = 'starting'
  /** The server's id of it, once it was let in. */
  id = ''
  /** What it really runs; with the fault `old-facts` it reports another. */
  release: string
  /** How its updates ended, oldest first. */
  readonly outcomes: ('success' | 'failure' | 'aborted' | 'lost')[] = []
  /** Calls that broke. */
  errors = 0
  readonly setup: DeviceSetup
  #provides: Record<string, string>
  #reported = ''
  #isFaultSpent = false
  #isDeaf = false

  constructor(setup: DeviceSetup) {
    this.setup = setup
    this.release = setup.release
    this.#provides = provided(setup.release)
  }

  async run(): Promise<void> {
    const { signal, random, pollMs, wait } = this.setup
    try {
      await wait(random.next() * pollMs) // a fleet does not switch on all at once
      while (!signal.aborted) {
        await this.#poll().catch((error: unknown) => {
          signal.throwIfAborted()
          this.errors++
          this.setup.tell('broken', error instanceof Error ? error.message : String(error))
        })
        await this.#rest()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.standing = 'stopped'
    }
  }

  async #rest(): Promise<void> {
    const { fault, pollMs, random, wait } = this.setup
    if (fault === 'asleep' && random.next() < 0.3)
      return this.#away('asleep', random.between(hour, 12 * hour))
    if (fault === 'gone-a-week' && this.id !== '' && this.#spendFault())
      return this.#away('dark', 7 * 24 * hour)
    // the client's own jitter is small; without any, a fleet would poll in step for ever
    await wait(pollMs * random.between(0.9, 1.1))
  }

  async #away(standing: 'asleep' | 'dark', ms: number): Promise<void> {
    const before = this.standing
    this.standing = standing
    this.setup.tell(standing, `for ${(ms / hour).toFixed(1)} h`)
    await this.setup.wait(ms)
    this.standing = before
    this.setup.tell('back')
  }

  async #poll(): Promise<void> {
    if (!(await this.#authorize())) return
    const { connection, deviceType, attributes } = this.setup
    const isNews = await connection.report({ ...attributes, ...this.#provides, device_type: deviceType })
    const reported = this.#provides['rootfs-image.version'] ?? ''
    if (isNews && reported !== this.#reported) this.setup.tell('reports', reported)
    if (isNews) this.#reported = reported
    if (this.#isDeaf) return
    const offer = await connection.next({ ...this.#provides, device_type: deviceType })
    if (offer) await this.#update(offer).finally(() => (this.standing = 'idle'))
  }

  async #authorize(): Promise<boolean> {
    const { connection, tell } = this.setup
    if (connection.isAuthorized) return true
    const id = await connection.authorize()
    if (id === undefined) {
      if (this.standing !== 'waiting') tell('waiting', 'to be accepted')
      this.standing = 'waiting'
      return false
    }
    if (this.id === '') tell('accepted')
    this.id = id
    if (this.standing !== 'updating') this.standing = 'idle'
    return true
  }

  async #update(offer: Offer): Promise<void> {
    const { connection, fault, random, wait } = this.setup
    this.standing = 'updating'
    if (offer.release === this.#provides['artifact_name']) {
      await this.#say(offer, 'already-installed')
      return
    }
    if (!(await this.#say(offer, 'downloading'))) return this.#end('aborted')
    const info = await this.#download(offer)
    if (info === undefined) return
    const refusal = this.#refusal(info)
    if (refusal !== undefined) return this.#fail(offer, refusal)
    if (!(await this.#say(offer, 'installing'))) return this.#end('aborted')
    await wait(random.between(minute, 5 * minute))
    if (fault === 'power-lost@installing' && this.#spendFault()) {
      await this.#away('dark', random.between(5 * minute, hour))
      return this.#fail(offer, 'the device lost power while installing')
    }
    if (fault === 'install-fails') return this.#fail(offer, 'write error: no space left on device')
    if (!(await this.#say(offer, 'rebooting'))) return this.#end('aborted')
    await wait(random.between(minute, 3 * minute))
    connection.forget()
    await this.#afterReboot(offer, info)
  }

  /** Undefined where the power went: the same offer comes again. */
  async #download(offer: Offer): Promise<Update | undefined> {
    const { connection, downloads, fault, random, wait } = this.setup
    if (fault === 'power-lost@downloading' && this.#spendFault()) {
      await downloads.fetch(connection, offer, { cutAfter: 1 })
      await this.#away('dark', random.between(5 * minute, hour))
      return undefined
    }
    let offset = 0
    if (fault === 'download-cut' && this.#spendFault()) {
      const stands = await downloads.fetch(connection, offer, { cutAfter: 1 })
      offset = typeof stands === 'number' ? stands : 0
      this.setup.tell('cut', `after ${offset} bytes`)
      await wait(minute) // the client's shortest pause
    }
    const info = await downloads.fetch(connection, offer, { offset })
    return typeof info === 'number' ? undefined : info
  }

  async #afterReboot(offer: Offer, info: Update): Promise<void> {
    const { fault, random } = this.setup
    if (fault === 'rolls-back-silently') {
      this.#isDeaf = true // its update state is stuck: it reports, and asks for nothing
      return this.#end('lost')
    }
    if (fault === 'power-lost@rebooting' && this.#spendFault()) {
      await this.#away('dark', random.between(5 * minute, hour))
    }
    if (!(await this.#authorize())) return this.#end('lost')
    if (fault === 'rolls-back')
      return this.#fail(offer, 'ArtifactCommit_Enter_00_health-check: exit status 1')
    const has = installed(this.#provides, info)
    this.release = has['rootfs-image.version'] ?? info.name
    if (fault !== 'old-facts') this.#provides = has
    await this.#say(offer, 'success')
    this.#end('success')
  }

  /** What the client refuses before it installs. */
  #refusal(info: Update): string | undefined {
    const { deviceType } = this.setup
    // a file for no device type in particular is for all
    if (info.deviceTypes.length > 0 && !info.deviceTypes.includes(deviceType)) {
      return `image (device types [${info.deviceTypes.join(' ')}]) not compatible with device ${deviceType}`
    }
    const unmet = Object.entries(info.depends).find(
      ([key, values]) => key !== 'device_type' && ![values].flat().includes(this.#provides[key] ?? ''),
    )
    return unmet && `Artifact dependency "${unmet[0]}" not satisfied`
  }

  async #fail(offer: Offer, why: string): Promise<void> {
    const { connection, now, tell } = this.setup
    tell('failing', why)
    await this.#authorize()
    tell('failure', offer.release)
    const message = (level: string, text: string) => ({
      level,
      message: text,
      timestamp: now().toISOString(),
    })
    await connection.fail(offer.id, [message('info', `Updating to ${offer.release}`), message('error', why)])
    this.#end('failure')
  }

  /** False where the server has aborted the deployment. */
  async #say(offer: Offer, status: string): Promise<boolean> {
    this.setup.tell(status, offer.release)
    return this.setup.connection.status(offer.id, status)
  }

  #end(outcome: 'success' | 'failure' | 'aborted' | 'lost'): void {
    this.outcomes.push(outcome)
    this.setup.tell('ended', outcome)
  }

  #spendFault(): boolean {
    const isFresh = !this.#isFaultSpent
    this.#isFaultSpent = true
    return isFresh
  }
}

function provided(release: string): Record<string, string> {
  return { artifact_name: release, 'rootfs-image.version': release }
}

/** What a device has after an artifact: `*` at the end of a pattern stands for anything. */
function installed(before: Readonly<Record<string, string>>, info: Update): Record<string, string> {
  const clears = (key: string) =>
    info.clearsProvides.some((pattern) =>
      pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : key === pattern,
    )
  const kept = Object.entries(before).filter(([key]) => !clears(key))
  return { ...Object.fromEntries(kept), ...info.provides, ...saidByImage(info) }
}

/** What an image says of itself that Mender's format has among the provides, and the others don't. */
function saidByImage({ format, name, provides }: Update): Record<string, string> {
  if (format === 'mender') return {}
  const configuration = provides['mender-configure.version']
  return configuration === undefined ? provided(name) : { configuration }
}
