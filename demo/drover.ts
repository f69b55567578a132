// Calls drover the way a shell does: the bundled command, outputs as JSON on standard output, everything else on
// standard error.
import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import { Failure, type FailureReason, failureReasons } from '../src/platform/platform.ts'
import type { RunFolder } from './run-folder.ts'

/** The bundles: dist/, unless a developer builds elsewhere. */
const dist = process.env['DROVER_DIST'] ?? join(import.meta.dirname, '..', 'dist')
const program = join(dist, 'drover.mjs')
const outputsSchema = v.record(v.string(), v.string())
/** Files of steps that are running, for the summary page. */
export type Outputs = Record<string, string>

export interface CallOptions {
  inputs: Record<string, string>
  /** Secrets go by the environment, never by the argument list. */
  env?: Record<string, string>
  cwd?: string
  say: (line: string) => void
  signal: AbortSignal
}

/** Runs `drover <action>` to its end and returns its outputs; an action that failed is thrown as its failure. */
export async function drover(run: RunFolder, action: string, options: CallOptions): Promise<Outputs> {
  options.signal.throwIfAborted()
  const args = Object.entries(options.inputs).flatMap(([key, value]) => [`--${key}`, value])
  const child = spawn(process.execPath, [program, action, ...args, '--json'], {
    cwd: options.cwd ?? run.path,
    env: { ...surroundings(), ...run.environment, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = () => child.kill('SIGTERM')
  options.signal.addEventListener('abort', stop, { once: true })
  let stdout = ''
  let lastError = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  createInterface(child.stderr).on('line', (line) => {
    if (line.startsWith('error: ')) lastError = line.slice('error: '.length)
    options.say(line)
  })
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve(status ?? 1))
  })
  options.signal.removeEventListener('abort', stop)
  options.signal.throwIfAborted()
  const outputs = parseOutputs(stdout)
  if (code === 0) return outputs
  const reason = outputs['failure-reason'] ?? ''
  throw new DemoFailure(isReason(reason) ? reason : 'internal', lastError.replace(`${reason}: `, ''), outputs)
}

/** A failed action, with what it still put out. */
export class DemoFailure extends Failure {
  readonly outputs: Outputs
  constructor(reason: FailureReason, message: string, outputs: Outputs) {
    super(reason, message)
    this.outputs = outputs
  }
}

export interface Service {
  pid: number
  /** What it said when it was ready. */
  outputs: Outputs
  logFile: string
}

/**
 * Starts a `drover` command that goes on running, apart from this process, and waits for the JSON line with which it says
 * that it is ready. Throws with the end of its log where it ends or stays silent.
 */
export async function startService(
  run: RunFolder,
  name: string,
  args: readonly string[],
  options: { env?: Record<string, string>; signal: AbortSignal; timeoutMs: number },
): Promise<Service> {
  const [outFile, logFile] = [join(run.path, `${name}.json`), join(run.path, `${name}.log`)]
  const child = spawn(process.execPath, [program, ...args, '--json'], {
    cwd: run.path,
    env: { ...surroundings(), ...run.environment, ...options.env },
    stdio: ['ignore', openSync(outFile, 'w'), openSync(logFile, 'w')],
    detached: true,
  })
  child.unref()
  const until = Date.now() + options.timeoutMs
  while (Date.now() < until && child.exitCode === null) {
    const [line] = readFileSync(outFile, 'utf8').split('\n')
    if (line?.endsWith('}')) return { pid: child.pid ?? 0, outputs: parseOutputs(line), logFile }
    await sleep(30)
    options.signal.throwIfAborted()
  }
  const log = readFileSync(logFile, 'utf8')
  const own = /^error: ([a-z-]+): (.*)$/m.exec(log)
  if (own?.[1] && own[2] && isReason(own[1])) throw new Failure(own[1], own[2])
  const said = log.trim().split('\n').slice(-4).join(' / ')
  throw new Failure(
    'internal',
    `${args[0]} did not get ready${child.exitCode === null ? '' : ': it ended'}: ${said} (all of it: ${logFile})`,
  )
}

/** In a job of GitHub's, that job and its pull request are none of the demonstration's business. */
function surroundings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GITHUB_')))
}

function parseOutputs(text: string): Outputs {
  try {
    const values = JSON.parse(text.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>
    return v.parse(
      outputsSchema,
      Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)])),
    )
  } catch {
    return {}
  }
}

function isReason(text: string): text is FailureReason {
  return (failureReasons as readonly string[]).includes(text)
}
