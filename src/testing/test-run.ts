import type { FailureReason } from '../platform/platform.ts'

/** One test. */
export interface TestCase {
  /** The module that it stands in. */
  suite: string
  /** Its name, without the device. */
  name: string
  result: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped, in short; empty where it passed. */
  message: string
  /** All that the test program says about it. */
  details: string
  seconds: number
  /** Where it stands, relative to the tests' folder; for a failed test the line that failed where that is known. */
  file: string | undefined
  line: number | undefined
}

/**
 * `infra` says that the device was not judged: it could not be reached, was another one than expected, or no test ran.
 * That is neither a pass nor a fail, and never green.
 */
export type Verdict =
  { result: 'pass' } | { result: 'fail' } | { result: 'infra'; reason: FailureReason; message: string }

/** What came out of testing a device. */
export type TestRun = Verdict & {
  /** The device's name: its address. */
  device: string
  /** The release that it said it runs. */
  release: string | undefined
  passed: number
  failed: number
  skipped: number
  cases: readonly TestCase[]
  /** Path of the report; undefined where no test ran. */
  junit: string | undefined
  /** Path of the signed receipt; undefined where none was asked for, or the run is no pass. */
  receipt?: string | undefined
  seconds: number
}
