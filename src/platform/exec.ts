import { type ChildProcess, spawn } from 'node:child_process'
import { StringDecoder } from 'node:string_decoder'
import { Failure, messageOf } from './failure.ts'
import { environment, pathOf } from './programs.ts'

/** Output beyond this is dropped: a program that runs wild must not fill our memory. */
const maxCapturedBytes = 16 << 20

export interface RunOptions {
  cwd?: string
  /** Added to the environment of this process. */
  env?: Record<string, string>
  /** Written to the program's standard input. Without it the program must not read from there. */
  input?: string
}

export interface RunResult {
  code: number
  stdout: string
  stderr: string
}

/**
 * Runs a short-lived program to its end with an argument list (never a shell) and returns what it said, whatever its
 * exit status. Throws `missing-tool`, naming the Debian package, where the program isn't installed.
 * It can't be cancelled: for anything that may take more than seconds use `start`.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  // @actions/exec lets the whole process die of EPIPE where a program ends without reading its input
  if (options.input !== undefined) return await start(program, args, options).done
  const path = pathOf(program)
  const { exec } = await import('@actions/exec')
  const [stdout, stderr] = [collector(), collector()]
  const code = await exec(quoted(path), [...args], {
    silent: true,
    ignoreReturnCode: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...environment(), ...options.env },
    listeners: { stdout: stdout.add, stderr: stderr.add },
  })
  return { code, stdout: stdout.text(), stderr: stderr.text() }
}

/**
 * `run` for a program that has to succeed: returns its standard output, and throws `what` failed with the program's own
 * last words where its exit status isn't 0. `reason` says whose fault that is (`internal` unless given).
 */
export async function runOk(
  program: string,
  args: readonly string[],
  options: RunOptions & { what: string; reason?: Failure['reason'] },
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options)
  if (code === 0) return stdout
  throw new Failure(
    options.reason ?? 'internal',
    `${options.what} failed: ${lastWords(stderr || stdout, program, code)}`,
  )
}

export interface StartOptions {
  cwd?: string
  env?: Record<string, string>
  /** What it reads on standard input, or the number of an open file: only that can be opened as /dev/stdin, too. */
  input?: string | number
  /** Called with standard output as it comes, for a program that writes bytes: what the result has of it is text. */
  onData?: (chunk: Buffer) => void
  /** Called with each complete line of standard output and standard error. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** On abort the whole process group gets SIGTERM and, `graceMs` later, SIGKILL. */
  signal?: AbortSignal
  graceMs?: number
}

/** A program that lives beside us. */
export interface Started {
  readonly pid: number
  /** Resolves when it has ended (a signal counts as 128 + its number); never rejects for the exit status. */
  readonly done: Promise<RunResult>
  /** Ends its process group: SIGTERM, then SIGKILL after the grace time. Resolves when it is gone; may be repeated. */
  stop(): Promise<void>
}

/**
 * Starts a program with an argument list in a process group of its own, so that it can be ended with all its children.
 * Throws `missing-tool` as `run` does. `done` rejects with the signal's reason after an abort.
 */
export function start(program: string, args: readonly string[], options: StartOptions = {}): Started {
  options.signal?.throwIfAborted()
  const { input } = options
  const child = spawn(pathOf(program), args, {
    cwd: options.cwd,
    env: { ...environment(), ...options.env },
    stdio: [typeof input === 'string' ? 'pipe' : (input ?? 'ignore'), 'pipe', 'pipe'],
    detached: true,
  })
  child.stdin?.on('error', () => {}) // the program may end without reading all of it
  if (typeof input === 'string') child.stdin?.end(input)
  const stdout = collector(options.onLine && ((line) => options.onLine?.(line, 'stdout')))
  const stderr = collector(options.onLine && ((line) => options.onLine?.(line, 'stderr')))
  child.stdout?.on('data', stdout.add)
  if (options.onData) child.stdout?.on('data', options.onData)
  child.stderr?.on('data', stderr.add)
  const ended = new Promise<RunResult>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Failure('missing-tool', `can't start ${program}: ${messageOf(error)}`, { cause: error })),
    )
    child.once('close', (code, signal) => {
      resolve({
        code: code ?? 128 + (signalNumber[signal ?? ''] ?? 0),
        stdout: stdout.text(),
        stderr: stderr.text(),
      })
    })
  })
  // a program may end and leave one of its children with its output: then it isn't over yet
  let isOver = false
  const over = () => (isOver = true)
  ended.then(over, over)
  const stop = async () => (isOver ? undefined : endGroup(child, ended, options.graceMs ?? 5000))
  const done = ended.then((result) => {
    options.signal?.removeEventListener('abort', onAbort)
    options.signal?.throwIfAborted()
    return result
  })
  done.catch(() => {}) // a caller may only ever stop() it
  const onAbort = () => void stop()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  return { pid: child.pid ?? 0, done, stop }
}

/** The last lines a program said, in one line, for a message. */
export function lastWords(output: string, program: string, code: number): string {
  const lines = output.trim().split('\n').filter(Boolean).slice(-5)
  return lines.length > 0 ? lines.join(' / ') : `${program} ended with ${code} and said nothing`
}

const signalNumber: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 }

async function endGroup(child: ChildProcess, ended: Promise<unknown>, graceMs: number): Promise<void> {
  const { pid } = child
  if (pid === undefined) return
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-pid, name)
    } catch {
      // it is gone already
    }
  }
  signal('SIGTERM')
  const kill = setTimeout(() => {
    signal('SIGKILL')
    // whoever has left the group may keep our pipes open for ever
    for (const stream of [child.stdout, child.stderr]) stream?.destroy()
  }, graceMs)
  await ended.catch(() => {})
  clearTimeout(kill)
}

function collector(onLine?: (line: string) => void) {
  const decoder = new StringDecoder('utf8')
  let text = ''
  let partial = ''
  return {
    add: (chunk: Buffer) => {
      const piece = decoder.write(chunk)
      if (text.length < maxCapturedBytes) text += piece
      if (!onLine) return
      const lines = (partial + piece).split(/\r?\n/)
      partial = (lines.pop() ?? '').slice(-65_536)
      for (const line of lines) onLine(line)
    },
    text: () => {
      if (onLine && partial) onLine(partial)
      partial = ''
      return text
    },
  }
}

// @actions/exec takes the program as the first word of a command line
function quoted(path: string): string {
  return `"${path.replaceAll('"', '\\"')}"`
}
