import { runPost } from '../../src/action/action.ts'
import { stopLaunched } from '../../src/server/server.ts'

await runPost('serve-ota', async (post) => {
  const identity = { pid: Number(post.state('pid')) || 0, startTime: post.state('start-time') }
  const wasRunning = await stopLaunched(identity, post)
  post.log.info(
    wasRunning
      ? `the OTA server has ended; its data stays in ${post.state('data-dir')}`
      : 'the OTA server was not running any more',
  )
})
