// The server as a process of its own: `ota-server.mjs <data dir> <[address:]port> <none|all> [debug]`. It says that it is ready by writing
// server.json in the data dir, logs to standard output, and ends on SIGTERM or SIGINT. It outlives who started it: a terminal
// that closes and a log that can't be written don't end it.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  Failure,
  type Log,
  messageOf,
  onClosedOutput,
  onEndSignal,
  startTimeOf,
  writeAtomically,
} from '../platform/platform.ts'
import { parseEndpoint } from './endpoint.ts'
import { serverFileName } from './server-file.ts'
import { startServer } from './start-server.ts'

const [dataDir = '', endpoint = '0', accept = 'none', verbosity = ''] = process.argv.slice(2)

process.umask(0o077)
process.on('SIGHUP', () => {})
onClosedOutput(() => {})
try {
  const listenAt = parseEndpoint(endpoint)
  if (!dataDir || listenAt === undefined)
    throw new Failure('bad-input', 'give a data dir, a port and none or all')
  const log = lines(verbosity === 'debug')
  const server = await startServer({
    dataDir,
    ...listenAt,
    accept: accept === 'all' ? 'all' : 'none',
    log,
  })
  const path = join(dataDir, serverFileName)
  const self = { url: server.url, pid: process.pid, startTime: startTimeOf(process.pid) ?? '' }
  const end = () => {
    void rm(path, { force: true })
      .then(() => server.close())
      .then(() => process.exit(0))
  }
  onEndSignal(['SIGTERM', 'SIGINT'], end, (line) => log.info(line))
  await writeAtomically(path, `${JSON.stringify(self)}\n`, 0o600)
} catch (error) {
  const failure =
    error instanceof Failure ? error : new Failure('internal', messageOf(error), { cause: error })
  // the last line: who started us reads the reason from it
  process.stderr.write(`error: ${failure.reason}: ${failure.message.replaceAll('\n', ' ')}\n`)
  process.exit(1)
}

function lines(isVerbose: boolean): Log {
  const say = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`)
  return {
    info: say,
    warn: (line) => say(`warning: ${line}`),
    debug: (line) => {
      if (isVerbose) say(line)
    },
    group: (_title, work) => work(),
  }
}
