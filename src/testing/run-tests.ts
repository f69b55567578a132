import { resolve } from 'node:path'
import type { Connection } from '../device/device.ts'
import { type Context, Failure } from '../platform/platform.ts'
import { type AboutDevice, aboutDevice } from './device-facts.ts'
import { checkRelease, expectedName } from './expected-release.ts'
import { fullDisk } from './full-disk.ts'
import { infraVerdict, isInfra } from './infra.ts'
import type { Measure } from './measure.ts'
import { asFailedTest, baselineNote } from './measure-verdict.ts'
import { compareMeasures, measuresOf } from './measurements.ts'
import { withReports } from './reports.ts'
import { runSuite } from './run-suite.ts'
import type { SuiteResult } from './suite-result.ts'
import { type TestPlan, readTestPlan } from './test-plan.ts'
import { type TestCase, type TestRun, type Verdict, countsOf } from './test-run.ts'

/** What is tested with, and for what. */
export interface TestOptions {
  /** What to run: see `readTestPlan`. */
  tests: string
  /** Folder for the reports. */
  output: string
  /** Release that the device must run, `name` or `name@sha256:…`. Its name is EXPECTED_RELEASE in the tests' environment. */
  expectRelease?: string | undefined
  env?: Record<string, string>
}

/**
 * Tests a device: first that it runs the expected release, then with the given tests, last that it is still the same start
 * of the same device. What keeps the device from being judged is an `infra` result; what is wrong with the call is thrown:
 * `bad-input`, `file-missing`, `invalid-file`. `plan` is what `options.tests` stands for, where that was read before.
 */
export async function runTests(
  connection: Connection,
  options: TestOptions,
  context: Context,
  plan?: TestPlan,
): Promise<TestRun> {
  const startedAt = performance.now()
  const expected = expectedName(options.expectRelease)
  const { suites, retries, rules } = plan ?? (await readTestPlan(options.tests))
  const found: Found = { release: undefined, about: undefined, cases: [], measured: [] }
  let verdict: Verdict
  try {
    const env = { ...options.env, ...(expected === undefined ? {} : { EXPECTED_RELEASE: expected }) }
    await findOut(connection, { suites, retries, expected, env }, found, context)
    verdict = { result: 'pass' }
  } catch (error) {
    verdict = infraVerdict(error)
  }
  const { release, about, cases } = found
  const measures = compareMeasures(measuresOf(cases, found.measured), rules, about?.deviceType)
  if (verdict.result === 'pass') cases.push(...measures.flatMap(asFailedTest))
  const counts = countsOf(cases)
  if (verdict.result === 'pass' && counts.failed > 0) verdict = { result: 'fail' }
  const run: TestRun = {
    ...verdict,
    ...counts,
    device: connection.name,
    release,
    about,
    cases,
    measures,
    baselineNote: baselineNote(rules, about?.deviceType),
    seconds: (performance.now() - startedAt) / 1000,
    junit: undefined,
  }
  return await withReports(run, resolve(options.output), context)
}

/** What is known so far, also where the run ends half-way. */
interface Found {
  release: string | undefined
  about: AboutDevice | undefined
  cases: TestCase[]
  measured: Measure[]
}

interface ToDo extends Pick<TestPlan, 'suites' | 'retries'> {
  expected: string | undefined
  env: Record<string, string>
}

/** Asks the device and runs all suites; throws what keeps it from being judged. */
async function findOut(
  connection: Connection,
  { suites, retries, expected, env }: ToDo,
  found: Found,
  context: Context,
): Promise<void> {
  found.release = await connection.release()
  checkRelease(connection, found.release, expected)
  found.about = await aboutDevice(connection)
  const bootId = await connection.bootId()
  const problems: Failure[] = []
  for (const suite of suites) {
    const result = await runSuite(connection, suite, { env, retries }, context).catch(problemOf)
    found.cases.push(...result.cases)
    found.measured.push(...(result.measures ?? []))
    // the others may still tell something, but not without the device
    if (result.problem?.reason === 'device-unreachable') throw result.problem
    if (result.problem) problems.push(result.problem)
  }
  await checkBoot(connection, bootId)
  const problem = (await fullDisk(connection, found.cases)) ?? problems[0]
  if (problem) throw problem
}

async function checkBoot(connection: Connection, before: string): Promise<void> {
  if ((await connection.bootId()) === before) return
  throw new Failure('device-unreachable', `${connection.name} started anew by itself while the tests ran`)
}

function problemOf(error: unknown): SuiteResult {
  if (isInfra(error)) return { cases: [], problem: error }
  throw error
}
