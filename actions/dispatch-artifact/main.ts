import { randomUUID } from 'node:crypto'
import { runAction } from '../../src/action/action.ts'
import { dispatch, openServer, serverTypes } from '../../src/ota/ota.ts'
import { escapeMarkdown } from '../../src/platform/platform.ts'

await runAction('dispatch-artifact', async (action) => {
  const { input } = action
  const { GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_REPOSITORY, RUNNER_TEMP } = process.env
  const server = openServer(
    {
      type: input.choice('server-type', serverTypes),
      url: input.required('server'),
      token: input.secret('token') ?? input.required('token'),
    },
    action,
  )
  const release = input.required('release')
  const { changed, device, result } = await dispatch(
    server,
    {
      release,
      device: input.required('device'),
      timeoutMs: input.durationMs('timeout') ?? 30 * 60_000,
      lease: input.optional('lease'),
      runId: GITHUB_RUN_ID
        ? `${GITHUB_REPOSITORY} run ${GITHUB_RUN_ID} attempt ${GITHUB_RUN_ATTEMPT}`
        : `command ${randomUUID()}`,
      logFolder: RUNNER_TEMP || process.cwd(),
      tell: (known) => action.output(known),
    },
    action,
  )
  await action.summary(`**${escapeMarkdown(device)}** itself reports **${escapeMarkdown(release)}**.\n`)
  return { device, result, changed }
})
