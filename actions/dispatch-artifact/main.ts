import { runAction } from '../../src/action/action.ts'
import { dispatch, openServer } from '../../src/ota/ota.ts'
import { escapeMarkdown } from '../../src/platform/platform.ts'
import { requestOf, serverOf } from './inputs.ts'

await runAction('dispatch-artifact', async (action) => {
  const server = openServer(serverOf(action.input), action)
  const request = requestOf(action)
  const { changed, device, result } = await dispatch(server, request, action)
  const { release } = request
  await action.summary(`**${escapeMarkdown(device)}** itself reports **${escapeMarkdown(release)}**.\n`)
  return { device, result, changed }
})
