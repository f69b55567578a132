// What the steps of the demonstration hand on to one another.
import { Failure } from '../src/platform/platform.ts'
import type { Outputs } from './drover.ts'
import type { PullRequest } from './github.ts'
import type { Progress } from './progress.ts'
import type { RunFolder } from './run-folder.ts'
import type { Target } from './target.ts'
import type { TickSeen } from './ticks.ts'

/** What the next release is like: `good`, bad on every device, or bad on the canary device alone. */
export type Story = 'good' | 'break' | 'break-canary'

/** What the summary page tells besides the steps. */
export interface Told {
  ticks: TickSeen[]
  pullRequests: PullRequest[]
}

/** What every step is handed. */
export interface Scene {
  run: RunFolder
  told: Told
  progress: Progress
  signal: AbortSignal
  story: Story
  target: Target
}

export interface Server {
  url: string
  token: string
  tokenFile: string
}

export interface Images {
  base: Outputs
  next: Outputs
  repository: string
}

export interface Keys {
  signing: string
  verify: string
  ssh: string
  sshPublicFile: string
}

/** An output that the step can't go on without. */
export function need(outputs: Outputs, name: string): string {
  const value = outputs[name]
  if (value) return value
  throw new Failure('internal', `the output ${name} is missing: got ${Object.keys(outputs).join(', ')}`)
}
