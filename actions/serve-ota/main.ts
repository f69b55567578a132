import { join } from 'node:path'
import { runAction } from '../../src/action/action.ts'
import { escapeMarkdown } from '../../src/platform/platform.ts'
import { launchServer } from '../../src/server/server.ts'
import { serveOptions } from './options.ts'

await runAction('serve-ota', async (action) => {
  const options = serveOptions(action.input)
  const launch = {
    ...options,
    script: join(import.meta.dirname, 'ota-server.mjs'),
    isVerbose: process.env['RUNNER_DEBUG'] === '1',
    onStarted: ({ pid, startTime }: { pid: number; startTime: string }) => {
      action.saveState('pid', String(pid))
      action.saveState('start-time', startTime)
      action.saveState('data-dir', options.dataDir)
    },
  }
  const server = await action.log.group('Starting the OTA server', () => launchServer(launch, action))
  action.mask(server.token)
  action.log.info(`the OTA server answers at ${server.url}; its log is ${server.logFile}`)
  await action.summary(
    `### OTA server\n\nRan at ${server.url} with its data in ${escapeMarkdown(options.dataDir)}.\n`,
  )
  return { url: server.url, token: server.token, changed: true }
})
