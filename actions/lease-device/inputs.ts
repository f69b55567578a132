import { randomUUID } from 'node:crypto'
import type { Action, Inputs } from '../../src/action/action.ts'
import { endedRuns, runLink } from '../../src/github/github.ts'
import { type LeaseRequest, type ServerAddress, serverTypes } from '../../src/ota/ota.ts'

/** What is asked of it. */
export function requestOf(action: Action<'lease-device'>): LeaseRequest {
  const { input } = action
  return {
    device: input.required('device'),
    timeoutMs: input.durationMs('timeout') ?? 3_600_000,
    lease: input.optional('lease'),
    // a link, so that who waits can look at what they wait for
    holder: runLink() ?? `command ${randomUUID()}`,
    isGone: endedRuns(input.secret('github-token'), action),
  }
}

/** The server that the inputs name. */
export function serverOf(input: Inputs<'lease-device'>): ServerAddress & { token: string } {
  return {
    type: input.choice('server-type', serverTypes),
    url: input.required('server'),
    token: input.secret('token') ?? input.required('token'),
  }
}
