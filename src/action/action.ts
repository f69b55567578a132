// Runs one action: checks its inputs, hands it what it needs, and turns whatever comes out into outputs, a summary, one
// error annotation and an exit status. Hides whether that happens on GitHub's runner or in a terminal.
import {
  type Context,
  Failure,
  type FailureReason,
  type Problem,
  endingSignal,
  escapeMarkdown,
  messageOf,
  systemClock,
  untilRepeatsAreOver,
} from '../platform/platform.ts'
import { type Host, currentHost } from './host.ts'
import { Inputs } from './inputs.ts'
import { type ActionName, type OutputName, manifest } from './manifest.ts'

export { type Host, setHost } from './host.ts'
export { workflowCache } from './workflow-cache.ts'
export { terminalHost } from './terminal-host.ts'
export type { Inputs } from './inputs.ts'
export { type ActionName, manifest } from './manifest.ts'

type OutputValue = string | number | boolean | undefined
export type Outputs<N extends ActionName> = Partial<Record<OutputName<N>, OutputValue>>

/** What an action's main is handed. */
export interface Action<N extends ActionName> extends Context {
  input: Inputs<N>
  /** Sets outputs at once, so that they are there even where the action fails later. */
  output(values: Outputs<N>): Promise<void>
  /**
   * For an action that serves until it is ended: sets its outputs and hands all of them over now, as the end of the action
   * would. What is set later is not shown.
   */
  ready(values: Outputs<N>): Promise<void>
  /** Adds Markdown to the job's summary; the caller has escaped what comes from outside. */
  summary(markdown: string): Promise<void>
  /** Hides a value in everything that is logged from here on. */
  mask(secret: string): void
  /** Puts a warning on a line of a file. */
  annotate(problem: Problem): void
  /** What `post` will need to undo. */
  saveState(name: string, value: string): void
}

/**
 * Runs an action to its end. What `main` returns become its outputs; a `Failure` becomes a red step with its
 * `failure-reason`; anything else that is thrown is reported as a bug of ours. SIGINT, SIGTERM, SIGHUP and an output that
 * nobody reads any more abort the signal that `main` was handed. Ends the process: with 0, or with 1 after a failure.
 */
export async function runAction<N extends ActionName>(
  name: N,
  main: (action: Action<N>) => Promise<Outputs<N>>,
): Promise<void> {
  const host = await currentHost()
  const signal = endingSignal((line) => host.log.info(line))
  const given: Record<string, string> = {}
  const output = async (values: Record<string, OutputValue>) => {
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined || given[key] === String(value)) continue
      given[key] = String(value)
      await host.output(key, String(value))
    }
  }
  let exitStatus = 0
  let isFinished = false
  const finish = () => {
    if (!isFinished) host.finish(given)
    isFinished = true
  }
  try {
    host.log.info(`drover ${name}`)
    const input = new Inputs(name, host)
    input.check()
    const work = main({
      log: host.log,
      signal,
      clock: systemClock,
      input,
      output,
      ready: async (values) => {
        await output({ changed: false, ...values, 'failure-reason': '' })
        finish()
      },
      summary: (markdown) => host.summary(markdown),
      mask: (secret) => host.mask(secret),
      annotate: (problem) => host.warning(problem),
      saveState: (key, value) => host.saveState(key, value),
    })
    const values = await Promise.race([work, crash()])
    if (!isFinished) await output({ changed: false, ...given, ...values, 'failure-reason': '' })
  } catch (error) {
    exitStatus = 1
    const failure = asFailure(error, signal)
    await output({ changed: false, ...given, 'failure-reason': failure.reason })
    await tell(host, name, failure)
  }
  finish()
  await exit(exitStatus)
}

/** Runs an action's clean-up. A clean-up that fails only warns: it must not hide the job's real result. */
export async function runPost<N extends ActionName>(
  name: N,
  undo: (post: Context & { input: Inputs<N>; state(name: string): string }) => Promise<void>,
): Promise<void> {
  const host = await currentHost()
  try {
    await undo({
      input: new Inputs(name, host),
      log: host.log,
      signal: endingSignal((line) => host.log.info(line)),
      clock: systemClock,
      state: (key) => host.state(key),
    })
  } catch (error) {
    host.log.warn(`cleaning up failed: ${messageOf(error)}`)
  }
  await exit(0)
}

/** Rejects with what was thrown where nobody waits for it, so that such a bug too ends in a failure with its reason. */
async function crash(): Promise<never> {
  return await new Promise((_resolve, reject) => {
    process.once('uncaughtException', reject)
    process.once('unhandledRejection', reject)
  })
}

/**
 * Ends the process although a connection may still be open. Node can hang for ever in its exit while V8 compiles in the
 * background and waits for the main thread (nodejs/node#54918): a moment of idleness lets such work end.
 */
async function exit(status: number): Promise<void> {
  await untilRepeatsAreOver()
  await new Promise((resolve) => setTimeout(resolve, 20))
  process.exit(status)
}

function asFailure(error: unknown, signal: AbortSignal): Failure {
  // a terminal's Ctrl-C also ends the programs that we wait for: no bug of ours
  const isForeseen = error instanceof Failure && error.reason !== 'internal'
  if (signal.aborted && signal.reason instanceof Failure && !isForeseen) return signal.reason
  if (error instanceof Failure) return error
  return new Failure(
    'internal',
    `this is a bug in drover: ${messageOf(error)}. Please report it with this log.`,
    {
      cause: error,
    },
  )
}

// The runner shows ten annotations of a kind in a step: one for the failure itself and nine for problems in files.
const maxAnnotations = 9

async function tell(host: Host, name: ActionName, failure: Failure): Promise<void> {
  for (const problem of failure.problems.slice(0, maxAnnotations)) host.error(problem)
  for (const problem of failure.problems.slice(maxAnnotations))
    host.log.info(`error: ${where(problem)}${problem.message}`)
  host.error({ message: `${failure.reason}: ${failure.message}`, title: `drover ${name}` })
  if (failure.reason === 'internal' && failure.cause instanceof Error) {
    host.log.info(failure.cause.stack ?? '')
  } else if (failure.cause !== undefined) {
    host.log.debug(failure.cause instanceof Error ? (failure.cause.stack ?? '') : messageOf(failure.cause))
  }
  await host.summary(failureSummary(name, failure.reason, failure)).catch(() => {})
}

function failureSummary(name: ActionName, reason: FailureReason, failure: Failure): string {
  const lines = [`### ❌ ${name}: \`${reason}\``, '', escapeMarkdown(failure.message), '']
  for (const problem of failure.problems.slice(0, 200)) {
    lines.push(`- ${escapeMarkdown(where(problem))}${escapeMarkdown(problem.message)}`)
  }
  return `${lines.join('\n')}\n`
}

function where({ file, line, column }: Problem): string {
  return `${[file, line, column].filter((part) => part !== undefined).join(':')}: `
}

/** The outputs that every action has. */
export const commonOutputs = ['failure-reason', 'changed'] as const
export const actionNames = Object.keys(manifest) as ActionName[]
