// `drover serve-ota` in a terminal: serves until it is interrupted.
import { once } from 'node:events'
import { runAction } from '../../src/action/action.ts'
import { startServer, tokenFile } from '../../src/server/server.ts'
import { serveOptions } from './options.ts'

await runAction('serve-ota', async (action) => {
  const { log, signal } = action
  const options = serveOptions(action.input)
  const server = await startServer({ ...options, log })
  action.mask(server.token)
  log.info(
    `the OTA server answers at ${server.url} until it is interrupted; its token: ${tokenFile(options.dataDir)}`,
  )
  await action.ready({ url: server.url, token: server.token, changed: true })
  if (!signal.aborted) await once(signal, 'abort')
  log.info('ending')
  await server.close()
  return {}
})
