// Programs that outlive who started them, for steps that serve the rest of a job.
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Context } from './context.ts'
import { Failure, type FailureReason, failureReasons, hasCode, messageOf } from './failure.ts'
import { storageFailure } from './files.ts'
import { type ProcessIdentity, isRunning, startTimeOf } from './process.ts'

const readyWithinMs = 30_000
const stopWithinMs = 15_000
const maxLogBytes = 10 << 20

export interface BackgroundOptions<T> {
  /** What messages call it: "the OTA server". */
  what: string
  /** The program, as it is bundled, and its arguments; nothing secret may be among them. */
  script: string
  args: readonly string[]
  cwd: string
  /** Added to this process's environment, of which inputs and tokens are not handed on. */
  env?: Readonly<Record<string, string>> | undefined
  /** What it tells goes there, behind what is there already; its folder is made. No link. */
  logFile: string
  /** Called as soon as there is a process, so that it can be stopped whatever happens next. */
  onStarted?: ((identity: ProcessIdentity) => void) | undefined
  /** Asked again and again until it gives something: then the program is ready. */
  ready: (identity: ProcessIdentity) => Promise<T | undefined>
}

/**
 * Starts a program of ours as a process of its own and resolves when it is ready. It says why it fails in its last line,
 * `error: <reason>: <message>`: that failure is thrown here. Throws also `missing-rights` and `disk-full` for the log; on
 * an abort the process is gone before this throws.
 */
export async function launch<T>(
  options: BackgroundOptions<T>,
  context: Context,
): Promise<ProcessIdentity & { ready: T }> {
  const { script, args, cwd, logFile, onStarted, what } = options
  const { offset, handle } = await openLog(logFile)
  // not run or start: it has to live on without anybody who reads its output
  const child = spawn(process.execPath, [script, ...args], {
    detached: true,
    stdio: ['ignore', handle.fd, handle.fd],
    cwd,
    env: { ...environment(), ...options.env },
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
    return { ...identity, ready: await untilReady(options, identity, () => ended, context) }
  } catch (error) {
    await stopProcess(identity, what, { ...context, signal: new AbortController().signal })
    throw ended && !(error instanceof Failure && error.reason === 'cancelled')
      ? await lastFailure(what, logFile, offset, error)
      : error
  }
}

/**
 * Stops exactly the process that was launched, and no later one with its number. Resolves when it is gone: true where it
 * ran. May be repeated.
 */
export async function stopProcess(
  identity: ProcessIdentity,
  what: string,
  { clock, signal }: Context,
): Promise<boolean> {
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
  throw new Failure('internal', `${what} (process ${identity.pid}) does not end`)
}

async function untilReady<T>(
  { ready, what }: BackgroundOptions<T>,
  identity: ProcessIdentity,
  ended: () => Error | undefined,
  { clock, signal }: Context,
): Promise<T> {
  for (const deadline = Date.now() + readyWithinMs; Date.now() < deadline;) {
    const said = await ready(identity)
    if (said !== undefined) return said
    const error = ended()
    if (error) throw new Failure('internal', `${what} did not start: ${error.message}`, { cause: error })
    await clock.sleep(10, signal)
  }
  throw new Failure('internal', `${what} was not ready within ${readyWithinMs / 1000} s`)
}

async function openLog(path: string) {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants
    const handle = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
    const { size } = await handle.stat()
    if (size > maxLogBytes) await handle.truncate(0)
    return { handle, offset: size > maxLogBytes ? 0 : size }
  } catch (error) {
    // a pull request can commit a link to any file of the machine that runs it
    if (hasCode(error, 'ELOOP'))
      throw new Failure('bad-input', `${path} is a link, and a log is not written through one: remove it`)
    const isForbidden = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].some((code) => hasCode(error, code))
    if (!isForbidden) throw storageFailure(error, path)
    throw new Failure('missing-rights', `can't write to ${dirname(path)}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** The program's own failure, from the last line that it wrote. */
async function lastFailure(what: string, logFile: string, offset: number, cause: unknown): Promise<unknown> {
  const { size } = await stat(logFile)
  await using handle = await open(logFile)
  const { buffer, bytesRead } = await handle.read({
    position: Math.max(offset, size - 16_384),
    length: 16_384,
  })
  const last = buffer.subarray(0, bytesRead).toString('utf8').trim().split('\n').at(-1) ?? ''
  const match = /^error: ([a-z-]+): (.*)$/.exec(last)
  if (match && isReason(match[1])) return new Failure(match[1], match[2] ?? '', { cause })
  return new Failure('internal', `${what} did not start; its log is ${logFile}: ${last}`, { cause })
}

function isReason(text: string | undefined): text is FailureReason {
  return failureReasons.some((reason) => reason === text)
}

/** The runner's bookkeeping stays (it ends what a job leaves behind); inputs and tokens are none of the program's business. */
function environment(): NodeJS.ProcessEnv {
  const secret = /^(INPUT_|STATE_|DROVER_|ACTIONS_|GITHUB_TOKEN|GH_TOKEN)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secret.test(name)))
}
