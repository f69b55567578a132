import { spawn } from 'node:child_process'
import { mkdir, open, readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import {
  type Context,
  Failure,
  type FailureReason,
  type ProcessIdentity,
  failureReasons,
  hasCode,
  isRunning,
  messageOf,
  openHttp,
  startTimeOf,
  storageFailure,
} from '../platform/platform.ts'
import { tokenFile } from './secrets.ts'
import { serverFileName, serverFileSchema } from './server-file.ts'

const readyWithinMs = 30_000
const stopWithinMs = 15_000
const maxLogBytes = 10 << 20

export interface LaunchOptions {
  /** The program of the server's own process, as it is bundled. */
  script: string
  dataDir: string
  port: number
  accept: 'none' | 'all'
  /** Whether its log tells of every request. */
  isVerbose?: boolean
  /** Called as soon as there is a process, so that it can be stopped whatever happens next. */
  onStarted?: (identity: ProcessIdentity) => void
}

export interface Launched extends ProcessIdentity {
  url: string
  token: string
  /** What the server tells goes there. */
  logFile: string
}

/**
 * Starts the server as a process that outlives this one, and resolves when it answers. Throws what `startServer` throws;
 * on an abort the process is gone before this throws.
 */
export async function launchServer(options: LaunchOptions, context: Context): Promise<Launched> {
  const { dataDir, onStarted } = options
  const { path: logFile, offset, handle } = await openLog(dataDir)
  const debug = options.isVerbose === true ? ['debug'] : []
  const args = [options.script, dataDir, String(options.port), options.accept, ...debug]
  // not run or start: it has to live on without anybody who reads its output
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', handle.fd, handle.fd],
    cwd: dataDir,
    env: environment(),
  })
  await handle.close()
  let ended: Error | undefined
  child.once('error', (error) => (ended = error))
  child.once('exit', () => (ended ??= new Error('it ended at once')))
  child.unref()
  const pid = child.pid ?? 0
  const identity = { pid, startTime: startTimeOf(pid) ?? '' }
  try {
    if (pid > 0) onStarted?.(identity)
    const url = await readyUrl(dataDir, identity, () => ended, context)
    await openHttp({ baseUrl: url, deadlineMs: 10_000 }, context).send({ method: 'GET', path: '/healthz' })
    const token = (await readFile(tokenFile(dataDir), 'utf8')).trim()
    return { ...identity, url, token, logFile }
  } catch (error) {
    await stopLaunched(identity, { ...context, signal: new AbortController().signal })
    throw ended && !(error instanceof Failure && error.reason === 'cancelled')
      ? await lastFailure(logFile, offset, error)
      : error
  }
}

/**
 * Stops exactly the process that was launched, and no later one with its number. Resolves when it is gone: true where it
 * ran. May be repeated.
 */
export async function stopLaunched(identity: ProcessIdentity, { clock, signal }: Context): Promise<boolean> {
  if (identity.pid <= 0 || !isRunning(identity)) return false
  for (const [name, withinMs] of [
    ['SIGTERM', stopWithinMs],
    ['SIGKILL', 5000],
  ] as const) {
    try {
      process.kill(identity.pid, name)
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error
    }
    for (const deadline = Date.now() + withinMs; Date.now() < deadline;) {
      if (!isRunning(identity)) return true
      await clock.sleep(20, signal)
    }
  }
  throw new Failure('internal', `the OTA server (process ${identity.pid}) does not end`)
}

/** The server's address, once it says that it is ready. */
async function readyUrl(
  dataDir: string,
  identity: ProcessIdentity,
  ended: () => Error | undefined,
  { clock, signal }: Context,
): Promise<string> {
  for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline;) {
    const said = await readServerFile(dataDir)
    if (said?.pid === identity.pid && said.startTime === identity.startTime) return said.url
    const error = ended()
    if (error)
      throw new Failure('internal', `the OTA server did not start: ${error.message}`, { cause: error })
    await clock.sleep(10, signal)
  }
  throw new Failure('internal', `the OTA server was not ready within ${readyWithinMs / 1000} s`)
}

async function readServerFile(dataDir: string) {
  try {
    const text = await readFile(join(dataDir, serverFileName), 'utf8')
    const said = v.safeParse(v.pipe(v.string(), v.parseJson(), serverFileSchema), text)
    return said.success ? said.output : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function openLog(dataDir: string) {
  const path = join(dataDir, 'server.log')
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const handle = await open(path, 'a', 0o600)
    const { size } = await handle.stat()
    if (size > maxLogBytes) await truncate(path, 0)
    return { path, handle, offset: size > maxLogBytes ? 0 : size }
  } catch (error) {
    const isForbidden = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].some((code) => hasCode(error, code))
    if (!isForbidden) throw storageFailure(error, path)
    throw new Failure('missing-rights', `can't write to the data-dir ${dataDir}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** The server's own failure, from the last line that it wrote. */
async function lastFailure(logFile: string, offset: number, cause: unknown): Promise<unknown> {
  const { size } = await stat(logFile)
  const handle = await open(logFile)
  try {
    const { buffer, bytesRead } = await handle.read({
      position: Math.max(offset, size - 16_384),
      length: 16_384,
    })
    const last = buffer.subarray(0, bytesRead).toString('utf8').trim().split('\n').at(-1) ?? ''
    const match = /^error: ([a-z-]+): (.*)$/.exec(last)
    if (match && isReason(match[1])) return new Failure(match[1], match[2] ?? '', { cause })
    return new Failure('internal', `the OTA server did not start; its log is ${logFile}: ${last}`, { cause })
  } finally {
    await handle.close()
  }
}

function isReason(text: string | undefined): text is FailureReason {
  return failureReasons.some((reason) => reason === text)
}

/** The runner's bookkeeping stays (it ends what a job leaves behind); inputs and tokens are none of the server's business. */
function environment(): NodeJS.ProcessEnv {
  const secret = /^(INPUT_|STATE_|DROVER_|ACTIONS_|GITHUB_TOKEN|GH_TOKEN)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secret.test(name)))
}
