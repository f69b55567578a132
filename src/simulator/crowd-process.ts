// A crowd as a process of its own, `crowd.mjs <folder>`: it reads crowd.json there, writes report.json, tells every event in
// a line of its output, and ends on SIGTERM or SIGINT. It outlives who started it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  Failure,
  messageOf,
  onClosedOutput,
  onEndSignal,
  plainContext,
  startTimeOf,
} from '../platform/platform.ts'
import { crowdFile, keepReport } from './launch-crowd.ts'
import { startCrowd } from './crowd.ts'

const reportEveryMs = 2000
const [folder = ''] = process.argv.slice(2)

process.umask(0o077)
process.on('SIGHUP', () => {})
onClosedOutput(() => {})
try {
  const options = crowdFile.parse(await readFile(join(folder, crowdFile.name), 'utf8'))
  const crowd = startCrowd({ ...options, onEvent: tell }, plainContext())
  const self = { pid: process.pid, startTime: startTimeOf(process.pid) ?? '' }
  const keep = () => keepReport(folder, self, crowd.report())
  const timer = setInterval(() => void keep().catch(fail), reportEveryMs)
  const end = () => {
    clearInterval(timer)
    void crowd
      .stop()
      .then(keep)
      .then(() => process.exit(0), fail)
  }
  onEndSignal(['SIGTERM', 'SIGINT'], end, (line) => process.stdout.write(`${line}\n`))
  await keep()
} catch (error) {
  fail(error)
}

function tell(event: { at: string; device: string; event: string; detail?: string }): void {
  process.stdout.write(
    `${event.at} ${event.device} ${event.event}${event.detail ? `: ${event.detail}` : ''}\n`,
  )
}

function fail(error: unknown): never {
  const failure =
    error instanceof Failure ? error : new Failure('internal', messageOf(error), { cause: error })
  // the last line: who started us reads the reason from it
  process.stderr.write(`error: ${failure.reason}: ${failure.message.replaceAll('\n', ' ')}\n`)
  process.exit(1)
}
