// What enrolling needs of GitHub, in words of its own: this folder doesn't know GitHub's API.
import type { Context } from '../platform/platform.ts'

/** A runner that is registered, whether it runs or not. */
export interface RegisteredRunner {
  id: number
  name: string
  isOnline: boolean
  /** Whether it has a job. */
  isBusy: boolean
  labels: readonly string[]
}

/** Where runners are registered: one repository. */
export interface RunnerRegistry {
  /** What to call it in messages. */
  readonly where: string
  within(context: Context): RunnerRegistry
  list(): Promise<readonly RegisteredRunner[]>
  find(id: number): Promise<RegisteredRunner | undefined>
  /** Registers a runner for one job. `configuration` is a secret. */
  register(runner: {
    name: string
    group: number
    labels: readonly string[]
  }): Promise<{ runner: RegisteredRunner; configuration: string }>
  /** Removes a registration; one that is gone already is no failure. */
  remove(id: number): Promise<void>
}
