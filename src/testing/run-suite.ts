// Runs one suite, and what failed in it again as often as it is allowed.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connection } from '../device/device.ts'
import { type Context, temporaryFolder } from '../platform/platform.ts'
import { runChecks } from './checks.ts'
import { runCommand } from './command.ts'
import { readMeasured } from './measured-file.ts'
import { withPlaces } from './places.ts'
import { folderOf, runPytest } from './pytest.ts'
import type { SuiteResult } from './suite-result.ts'
import type { Suite } from './test-plan.ts'
import type { TestCase } from './test-run.ts'

/** Something that passes only on a second look often needs a moment. */
const pauseMs = 1000

/** How a suite is run. */
export interface SuiteOptions {
  env: Record<string, string>
  retries: number
}

/**
 * Runs a suite. A test that failed is tried again up to `retries` times, and one that passes then is flaky. Throws
 * `device-unreachable`, `missing-tool`, `tests-not-run`.
 */
export async function runSuite(
  connection: Connection,
  suite: Suite,
  { env, retries }: SuiteOptions,
  context: Context,
): Promise<SuiteResult> {
  const scratch = await temporaryFolder('tests', context)
  try {
    const tryOnce = (failed?: readonly TestCase[]) =>
      runOnce(connection, suite, { env, scratch, failed }, context)
    let result = await tryOnce()
    for (let retry = 1; retry <= retries && !result.problem; retry++) {
      const failed = result.cases.filter((one) => one.result === 'failed')
      if (failed.length === 0) break
      context.log.info(`trying ${failed.length} failed tests again (${retry} of ${retries})`)
      await context.clock.sleep(pauseMs, context.signal)
      const again = await tryOnce(failed)
      // what could not be tried again stays what it was, but a device that is gone is gone
      if (again.problem) {
        if (again.problem.reason !== 'tests-not-run') return { ...result, problem: again.problem }
        context.log.warn(`what failed stays failed, trying it again told nothing: ${again.problem.message}`)
        continue
      }
      // tried again, a program may leave only the numbers of what ran again
      const measures = [...(result.measures ?? []), ...(again.measures ?? [])]
      result = { cases: merged(result.cases, again.cases), problem: undefined, measures }
    }
    return result
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Try {
  env: Record<string, string>
  scratch: string
  /** What failed the last time; undefined at first. */
  failed: readonly TestCase[] | undefined
}

async function runOnce(
  connection: Connection,
  suite: Suite,
  { env, scratch, failed }: Try,
  context: Context,
): Promise<SuiteResult> {
  const measured = join(scratch, 'measured.json')
  const given = { ...env, MEASUREMENTS_OUTPUT: measured }
  switch (suite.kind) {
    case 'checks': {
      const { path, checks } = suite.checks
      const isWanted = (line: number) => failed === undefined || failed.some((one) => one.line === line)
      const wanted = checks.filter(({ line }) => isWanted(line))
      return { cases: await runChecks(connection, path, wanted), problem: undefined }
    }
    case 'pytest': {
      const { path: tests, limitMs } = suite
      const options = { tests, env: given, limitMs, scratch, isRetry: failed !== undefined }
      return finished(await runPytest(connection, options, context), await folderOf(tests), measured)
    }
    case 'command':
      return finished(await runCommand(connection, suite, given, context), suite.folder, measured)
  }
}

async function finished(result: SuiteResult, folder: string, measured: string): Promise<SuiteResult> {
  return { ...result, cases: withPlaces(result.cases, folder), measures: await readMeasured(measured) }
}

/**
 * What came out in the end: a test that failed first and passes now is flaky, and so is one that passed first and fails now, as a
 * program that runs as a whole may tell. Which of several tests of one name is which nobody tells, so they pass together.
 */
function merged(before: readonly TestCase[], after: readonly TestCase[]): TestCase[] {
  const key = ({ suite, name }: TestCase) => JSON.stringify([suite, name])
  const failed = Map.groupBy(
    before.filter(({ result }) => result === 'failed'),
    key,
  )
  const now = Map.groupBy(after, key)
  return before.map((one) => {
    const failing = (now.get(key(one)) ?? []).filter(({ result }) => result === 'failed')
    const [newly] = failing.slice(failed.get(key(one))?.length ?? 0)
    if (one.result === 'passed' && !one.flaky && newly)
      return { ...one, flaky: { message: newly.message, details: newly.details } }
    const tried = one.result === 'failed' ? (now.get(key(one)) ?? []) : []
    const isWhole = tried.length >= (failed.get(key(one))?.length ?? 0)
    const [next] = tried
    if (!next || !isWhole || tried.some(({ result }) => result !== 'passed')) return one
    return { ...next, flaky: { message: one.message, details: one.details } }
  })
}
