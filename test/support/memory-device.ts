// A device of a server in memory, moved by steps: it takes an order, goes through its update, ends it well or badly.
import type { DeviceFacts } from '../../src/ota/ota.ts'
import type { MemoryServer } from './memory-server.ts'

/** What it does with an update. */
export type StepBehaviour =
  | 'success'
  | 'fails'
  /** installs it and runs it, and its word of success gets lost: it asks again later */
  | 'succeeds silently'
  /** says success and goes on with what it had */
  | 'lies'
  /** goes back to what it had, and takes the same order up again */
  | 'goes back'
  /** stays in the middle of installing */
  | 'hangs'
  /** asks for nothing */
  | 'never asks'

export class MemoryDevice {
  readonly id: string
  readonly deviceType: string
  behaviour: StepBehaviour = 'success'
  /** The fingerprint of its configuration. */
  configuration: string | undefined
  /** The order it is at, and how many steps it has taken in it. */
  update: { deployment: string; release: string; steps: number } | undefined
  /** Releases that it began to install, in order, with the deployments. */
  readonly begun: { deployment: string; release: string }[] = []
  readonly #server: MemoryServer
  #release: string
  /** What it installed last. */
  #artifact: string

  constructor(server: MemoryServer, id: string, deviceType: string, release: string) {
    this.#server = server
    this.id = id
    this.deviceType = deviceType
    this.#release = release
    this.#artifact = release
  }

  get release(): string {
    return this.#release
  }

  /** From here on it runs this, however it came there. */
  set release(release: string) {
    this.#release = release
    this.#artifact = release
  }

  /** Reports what it runs. Facts given beside are reported in their place. */
  report(facts: Partial<DeviceFacts> = {}): boolean {
    const attributes = {
      'rootfs-image.version': facts.release ?? this.release,
      configuration: this.configuration ?? 'none',
      ...facts.attributes,
    }
    const own = { deviceType: this.deviceType, release: this.release }
    return this.#server.report(this.id, { ...own, ...facts, attributes })
  }

  /** One step: asks for an update, or goes on with the one that it has. */
  step(): void {
    if (!this.update) return this.#ask()
    const { deployment, steps } = this.update
    const word = (['downloading', 'installing', 'rebooting'] as const)[steps]
    if (steps === 2 && this.behaviour === 'hangs') return
    if (steps === 2 && this.behaviour === 'fails') return this.#end('failure')
    if (word === undefined) return this.#afterReboot()
    this.update.steps += 1
    // it is told that the order has ended: it goes back
    if (!this.#server.say(this.id, deployment, word)) this.update = undefined
  }

  #ask(): void {
    if (this.behaviour === 'never asks') return
    const offered = this.#server.next(this.id, this.release, this.deviceType, this.#artifact)
    if (!offered) return
    this.update = { deployment: offered.id, release: offered.release, steps: 0 }
    this.begun.push({ deployment: offered.id, release: offered.release })
    this.step()
  }

  #afterReboot(): void {
    if (!this.update) return
    const { release } = this.update
    switch (this.behaviour) {
      case 'goes back':
        this.update = undefined
        return
      case 'succeeds silently':
        this.#run(release)
        this.update = undefined
        return
      case 'lies':
        return this.#end('success')
      default:
        // where the order has ended meanwhile it goes back instead
        if (this.#server.say(this.id, this.update.deployment, 'success')) this.#run(release)
        this.update = undefined
    }
  }

  /** What it has after an artifact: a configuration leaves its system as it is, and outlasts an update of that. */
  #run(release: string): void {
    const [artifact] = this.#server.releases.get(release)?.artifacts ?? []
    const configuration = artifact?.provides?.['data-partition.mender-configure.version']
    if (configuration === undefined) this.release = release
    else this.configuration = configuration
    this.#artifact = release
  }

  #end(state: 'success' | 'failure'): void {
    if (!this.update) return
    const { deployment } = this.update
    this.update = undefined
    this.#server.say(this.id, deployment, state)
    if (state === 'failure')
      this.#server.logs.set(`${deployment} ${this.id}`, 'error: no space left on device\n')
  }
}
