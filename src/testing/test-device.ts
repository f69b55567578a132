import { connect } from '../device/device.ts'
import { type Context, Failure, type Problem, seconds } from '../platform/platform.ts'
import { relative } from 'node:path'
import { folderOf } from './pytest.ts'
import { type ReceiptOptions, draftReceipt } from './receipt.ts'
import { type TestOptions, runTests, runWithoutDevice } from './run-tests.ts'
import type { TestRun } from './test-run.ts'

export interface TestDeviceOptions extends TestOptions, ReceiptOptions {
  /** The device's URL, as `connect` takes it. */
  device: string
  sshKey?: string | undefined
  hostKey?: string | undefined
}

/**
 * Connects to the device, tests it, writes a receipt where a key was given and all passed, and ends the connection. A
 * device that can't be reached is an `infra` result.
 * Throws `bad-input`, `file-missing`, `bad-key` and the like, which a person has to correct.
 */
export async function testDevice(options: TestDeviceOptions, context: Context): Promise<TestRun> {
  const draft = draftReceipt(options, context)
  await folderOf(options.tests) // before anything is started
  let connection
  try {
    connection = await context.log.group(`Connecting to ${options.device}`, () =>
      connect(options.device, { context, sshKey: options.sshKey, hostKey: options.hostKey }),
    )
  } catch (error) {
    return runWithoutDevice(options.device, error)
  }
  try {
    const opened = connection
    const writeReceipt = await draft(opened)
    const run = await context.log.group(`Testing ${opened.name}`, () => runTests(opened, options, context))
    context.log.info(`${run.result}: ${tally(run)} on ${run.device} in ${seconds(run.seconds * 1000)}`)
    return { ...run, receipt: await writeReceipt(run) }
  } catch (error) {
    return runWithoutDevice(connection.name, error)
  } finally {
    await connection.close()
  }
}

/**
 * Throws what makes a run red: `tests-failed` with a problem for each failed test, or the reason why there is no verdict.
 * `tests` is the path that was tested; files are named from the current folder on.
 */
export async function requirePass(run: TestRun, tests: string): Promise<void> {
  if (run.result === 'pass') return
  if (run.result === 'infra') throw new Failure(run.reason, run.message)
  const folder = await folderOf(tests)
  const failed = run.cases.filter((one) => one.result === 'failed')
  const problems = failed.map(({ suite, name, message, file, line }): Problem => {
    const path = file === undefined ? tests : `${folder}/${file}`
    return {
      file: relative(process.env['GITHUB_WORKSPACE'] ?? process.cwd(), path),
      ...(line === undefined ? {} : { line }),
      message: `${suite}::${name}: ${message}`,
    }
  })
  const names = failed.slice(0, 5).map(({ name }) => name)
  const more = failed.length > names.length ? ` and ${failed.length - names.length} more` : ''
  throw new Failure(
    'tests-failed',
    `${failed.length} of ${run.cases.length} tests failed on ${run.device}: ${names.join(', ')}${more}`,
    { problems },
  )
}

/** `5 passed, 1 failed, 0 skipped`. */
export function tally({ passed, failed, skipped }: TestRun): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
