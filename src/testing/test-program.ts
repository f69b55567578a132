// Runs a test program beside the connection: ends it when the device is lost or the time is over, and quotes its lines.
import type { Connection } from '../device/device.ts'
import { type Context, Failure, type RunResult, seconds, start } from '../platform/platform.ts'

/** A program with its arguments, and where it runs. */
export interface TestProgram {
  words: readonly string[]
  cwd: string
  env: Record<string, string>
  limitMs: number
}

/** A longer one ends at once: timers count milliseconds in 31 bits. */
const maxTimerMs = 2 ** 31 - 1

/**
 * Runs it to its end, or gives why it can't be believed: `device-unreachable` where the connection broke meanwhile,
 * `tests-not-run` where it took too long. Throws `missing-tool`.
 */
export async function runTestProgram(
  connection: Connection,
  { words, cwd, env, limitMs }: TestProgram,
  context: Context,
): Promise<RunResult | Failure> {
  const [program = '', ...args] = words
  const running = start(program, args, {
    cwd,
    env,
    signal: context.signal,
    onLine: (line) => context.log.info(quotedLine(line)),
  })
  const timer = new AbortController()
  const late = context.clock.sleep(Math.min(limitMs, maxTimerMs), timer.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  )
  try {
    const ended = await Promise.race([running.done, connection.lost.then(() => 'lost' as const), late])
    if (typeof ended === 'object') return ended
    await running.stop()
    context.signal.throwIfAborted()
    if (ended === 'lost')
      return new Failure(
        'device-unreachable',
        `the connection to ${connection.name} broke while the tests ran`,
      )
    return new Failure(
      'tests-not-run',
      `${program} did not end within ${seconds(limitMs)}: its tests hang, or need a longer timeout`,
    )
  } finally {
    timer.abort()
  }
}

// what a test prints must not become a command to the runner
const quotedLine = (line: string) => `| ${line.replaceAll('##[', '## [')}`
