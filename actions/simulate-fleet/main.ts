import { join, resolve } from 'node:path'
import { runAction } from '../../src/action/action.ts'
import { launchCrowd } from '../../src/simulator/simulator.ts'
import { crowdOptions, folderName } from './inputs.ts'

await runAction('simulate-fleet', async (action) => {
  const options = await crowdOptions(action.input)
  const folder = resolve(process.env['GITHUB_WORKSPACE'] ?? '.', folderName)
  const place = {
    script: join(import.meta.dirname, 'crowd.mjs'),
    folder,
    onStarted: ({ pid, startTime }: { pid: number; startTime: string }) => {
      action.saveState('pid', String(pid))
      action.saveState('start-time', startTime)
      action.saveState('folder', folder)
    },
  }
  const { report, logFile } = await launchCrowd(options, place, action)
  action.log.info(`the devices are on their way to ${options.url}; what happens to each: ${logFile}`)
  return { report, changed: true }
})
