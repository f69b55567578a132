// `drover simulate-fleet` in a terminal: simulates until it is interrupted, and tells every event with --debug.
import { once } from 'node:events'
import { resolve } from 'node:path'
import { runAction } from '../../src/action/action.ts'
import { writeAtomically } from '../../src/platform/platform.ts'
import { reportLines, startCrowd } from '../../src/simulator/simulator.ts'
import { crowdOptions, folderName } from './inputs.ts'

const tellEveryMs = 10_000

await runAction('simulate-fleet', async (action) => {
  const { log, signal } = action
  const options = await crowdOptions(action.input)
  const onEvent = ({ device, event, detail = '' }: { device: string; event: string; detail?: string }) =>
    log.debug(`${device} ${event} ${detail}`.trimEnd())
  const crowd = startCrowd({ ...options, onEvent }, { ...action, signal: new AbortController().signal })
  const report = resolve(folderName, 'report.json')
  log.info(`the devices are on their way to ${options.url} until this is interrupted`)
  await action.ready({ report, changed: true })
  const tell = () => reportLines(crowd.report()).forEach((line) => log.info(line))
  const timer = setInterval(tell, tellEveryMs)
  if (!signal.aborted) await once(signal, 'abort')
  clearInterval(timer)
  await crowd.stop()
  tell()
  await writeAtomically(report, `${JSON.stringify(crowd.report(), undefined, 2)}\n`)
  return {}
})
