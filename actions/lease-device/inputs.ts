import { randomUUID } from 'node:crypto'
import type { Inputs } from '../../src/action/action.ts'
import { type LeaseRequest, type ServerAddress, serverTypes } from '../../src/ota/ota.ts'

/** What is asked of it. */
export function requestOf(input: Inputs<'lease-device'>): LeaseRequest {
  const { GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_REPOSITORY, GITHUB_SERVER_URL } = process.env
  return {
    device: input.required('device'),
    timeoutMs: input.durationMs('timeout') ?? 3_600_000,
    lease: input.optional('lease'),
    // a link, so that who waits can look at what they wait for
    holder: GITHUB_RUN_ID
      ? `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID} attempt ${GITHUB_RUN_ATTEMPT}`
      : `command ${randomUUID()}`,
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
