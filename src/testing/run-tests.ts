import { join, resolve } from 'node:path'
import type { Connection } from '../device/device.ts'
import { type Context, Failure, type FailureReason, isDigest, writeAtomically } from '../platform/platform.ts'
import { writeJunit } from './junit.ts'
import { runPytest } from './pytest.ts'
import type { TestCase, TestRun, Verdict } from './test-run.ts'

export interface TestOptions {
  /** Folder or file with pytest-testinfra tests. */
  tests: string
  /** Folder for the report. */
  output: string
  /** Release that the device must run, `name` or `name@sha256:…`. Its name is EXPECTED_RELEASE in the tests' environment. */
  expectRelease?: string | undefined
  env?: Record<string, string>
}

/**
 * Tests a device: first that it runs the expected release, then with the given tests, last that it is still the same start
 * of the same device. What keeps the device from being judged is an `infra` result; what is wrong with the call is thrown:
 * `bad-input`, `file-missing`, `disk-full`.
 */
export async function runTests(
  connection: Connection,
  options: TestOptions,
  context: Context,
): Promise<TestRun> {
  const startedAt = performance.now()
  const expected = expectedName(options.expectRelease)
  let release: string | undefined
  let cases: TestCase[] = []
  let verdict: Verdict
  try {
    release = await connection.release()
    checkRelease(connection, release, expected)
    const bootId = await connection.bootId()
    const env = { ...options.env, ...(expected === undefined ? {} : { EXPECTED_RELEASE: expected }) }
    const result = await runPytest(connection, { tests: options.tests, env }, context)
    cases = result.cases
    if (result.problem) throw result.problem
    await checkBoot(connection, bootId)
    verdict = { result: cases.some((one) => one.result === 'failed') ? 'fail' : 'pass' }
  } catch (error) {
    verdict = infraVerdict(error)
  }
  const seconds = (performance.now() - startedAt) / 1000
  const run: TestRun = {
    ...verdict,
    ...counts(cases),
    device: connection.name,
    release,
    cases,
    seconds,
    junit: undefined,
  }
  if (cases.length === 0) return run
  const junit = join(resolve(options.output), 'junit.xml')
  await writeAtomically(junit, writeJunit(run, context.clock.now()))
  return { ...run, junit }
}

/** The run of a device that could not even be spoken to. Throws `error` again where it is of another kind. */
export function runWithoutDevice(device: string, error: unknown): TestRun {
  return {
    ...infraVerdict(error),
    ...counts([]),
    device,
    release: undefined,
    cases: [],
    seconds: 0,
    junit: undefined,
  }
}

const infraReasons: readonly FailureReason[] = [
  'device-unreachable',
  'host-key-mismatch',
  'wrong-release',
  'no-release-fact',
  'tests-not-run',
  'missing-tool',
]

function infraVerdict(error: unknown): Verdict {
  if (!(error instanceof Failure) || !infraReasons.includes(error.reason)) throw error
  return { result: 'infra', reason: error.reason, message: error.message }
}

function expectedName(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const [name = '', digest] = text.split('@')
  // a device can't tell its release's content digest: the order has been placed by it, and the name holds a part of it
  if (name !== '' && (digest === undefined || isDigest(digest))) return name
  throw new Failure('bad-input', `expect-release is "${text}": write name or name@sha256:…`)
}

function checkRelease(
  connection: Connection,
  release: string | undefined,
  expected: string | undefined,
): void {
  if (expected === undefined || release === expected) return
  if (release === undefined) {
    throw new Failure(
      'no-release-fact',
      `${connection.name} doesn't say which release it runs: its /etc/os-release needs an IMAGE_VERSION; ${expected} was expected`,
    )
  }
  throw new Failure(
    'wrong-release',
    `${connection.name} runs ${release}, not ${expected}: nothing was tested. Did the update arrive, or did the device go back?`,
  )
}

async function checkBoot(connection: Connection, before: string): Promise<void> {
  if ((await connection.bootId()) === before) return
  throw new Failure('device-unreachable', `${connection.name} started anew by itself while the tests ran`)
}

function counts(cases: readonly TestCase[]) {
  const count = (result: TestCase['result']) => cases.filter((one) => one.result === result).length
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') }
}
