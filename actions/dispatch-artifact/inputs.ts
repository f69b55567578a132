import { randomUUID } from 'node:crypto'
import type { Action, Inputs } from '../../src/action/action.ts'
import { endedRuns, runLink } from '../../src/github/github.ts'
import { type DispatchRequest, type ServerAddress, serverTypes } from '../../src/ota/ota.ts'
import { escapeMarkdown } from '../../src/platform/platform.ts'
import { verbatim } from '../../src/report/report.ts'

/** What is asked of it; what becomes known goes to outputs, the summary and what `post` would undo. */
export function requestOf(action: Action<'dispatch-artifact'>): DispatchRequest {
  const { input } = action
  return {
    release: input.required('release'),
    device: input.required('device'),
    timeoutMs: input.durationMs('timeout') ?? 30 * 60_000,
    lease: input.optional('lease'),
    runId: runLink() ?? `command ${randomUUID()}`,
    logFolder: process.env['RUNNER_TEMP'] || process.cwd(),
    isGone: endedRuns(input.secret('github-token'), action),
    tell: ({ hostKey, ...known }) =>
      action.output({ ...known, ...(hostKey === undefined ? {} : { 'host-key': hostKey }) }),
    showLog: (device, tail) =>
      action.summary(
        [`The end of the log of **${escapeMarkdown(device)}**:`, ...verbatim(tail), ''].join('\n'),
      ),
    remember: (undone) => action.saveState('undone', undone ? JSON.stringify(undone) : ''),
  }
}

/** The server that the inputs name. */
export function serverOf(input: Inputs<'dispatch-artifact'>): ServerAddress & { token: string } {
  return {
    type: input.choice('server-type', serverTypes),
    url: input.required('server'),
    token: input.secret('token') ?? input.required('token'),
  }
}
