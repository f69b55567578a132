import { connect } from '../device/device.ts'
import { type Context, Failure, type Problem, seconds } from '../platform/platform.ts'
import { runWithoutDevice } from './infra.ts'
import { type ReceiptOptions, draftReceipt } from './receipt.ts'
import { keepCollected } from './collected.ts'
import { fileInReports } from './workspace.ts'
import { type TestOptions, runTests } from './run-tests.ts'
import { readTestPlan } from './test-plan.ts'
import type { TestRun } from './test-run.ts'

/** A device, and what it is tested with. */
export interface TestDeviceOptions extends TestOptions, ReceiptOptions {
  /** The device's URL, as `connect` takes it. */
  device: string
  sshKey?: string | undefined
  hostKey?: string | undefined
  /** How long the device may take until it answers, in ms; as `connect` has it unless given. */
  bootTimeoutMs?: number | undefined
}

/**
 * Connects to the device, tests it, writes a receipt where a key was given and all passed, and ends the connection. A
 * device that can't be reached is an `infra` result.
 * Throws `bad-input`, `file-missing`, `bad-key` and the like, which a person has to correct.
 */
export async function testDevice(options: TestDeviceOptions, context: Context): Promise<TestRun> {
  const writeReceipt = draftReceipt(options, context)
  const plan = await readTestPlan(options.tests) // before anything is started
  let connection
  try {
    connection = await context.log.group(`Connecting to ${options.device}`, () =>
      connect(options.device, {
        context,
        sshKey: options.sshKey,
        hostKey: options.hostKey,
        ...(options.bootTimeoutMs === undefined ? {} : { limitMs: options.bootTimeoutMs }),
      }),
    )
  } catch (error) {
    return runWithoutDevice(options.device, error)
  }
  try {
    const opened = connection
    const run = await context.log.group(`Testing ${opened.name}`, () =>
      runTests(opened, options, context, plan),
    )
    const collected = await keepCollected(opened, options.output, context)
    context.log.info(`${run.result}: ${tally(run)} on ${run.device} in ${seconds(run.seconds * 1000)}`)
    return { ...run, collected, receipt: await writeReceipt(run) }
  } catch (error) {
    return runWithoutDevice(connection.name, error)
  } finally {
    await connection.close()
  }
}

/**
 * Throws what makes a run red: `tests-failed` with a problem for each failed test, or the reason why there is no verdict.
 * `tests` is the path that was tested: what failed nobody knows where stands there.
 */
export function requirePass(run: TestRun, tests: string): void {
  if (run.result === 'pass') return
  if (run.result === 'infra') throw new Failure(run.reason, run.message)
  const failed = run.cases.filter((one) => one.result === 'failed')
  const problems = failed.map(({ suite, name, message, file, line }): Problem => {
    const place = { file: fileInReports(file ?? tests), ...(line === undefined ? {} : { line }) }
    return { ...place, message: `${suite}::${name}: ${message}` }
  })
  const names = failed.slice(0, 5).map(({ name }) => name)
  const more = failed.length > names.length ? ` and ${failed.length - names.length} more` : ''
  throw new Failure(
    'tests-failed',
    `${failed.length} of ${run.cases.length} tests failed on ${run.device}: ${names.join(', ')}${more}`,
    { problems },
  )
}

/** `5 passed, 1 failed, 0 skipped`, and how many of those that passed are flaky. */
export function tally({ passed, failed, skipped, flaky }: TestRun): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped${flaky > 0 ? `, ${flaky} flaky` : ''}`
}
