import { runPost } from '../../src/action/action.ts'
import { endCrowd, reportLines } from '../../src/simulator/simulator.ts'

await runPost('simulate-fleet', async (post) => {
  const identity = { pid: Number(post.state('pid')) || 0, startTime: post.state('start-time') }
  const folder = post.state('folder')
  const report = folder === '' ? undefined : await endCrowd(identity, folder, post)
  if (report === undefined) return post.log.info('there was no crowd of devices')
  for (const line of reportLines(report)) post.log.info(line)
})
