import type { FailureReason } from '../platform/platform.ts'
import type { Kept } from './collected.ts'
import type { AboutDevice } from './device-facts.ts'
import type { Measure } from './measure.ts'
import type { ComparedMeasure } from './measurements.ts'

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
  /** Where it stands, an absolute path where the file was found; for a failed test the line that failed, where it is known. */
  file: string | undefined
  line: number | undefined
  /** How it failed the one time, where it passed the other: such a test is flaky. */
  flaky?: { message: string; details: string } | undefined
  /** Numbers that it recorded. */
  measures?: readonly Measure[]
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
  /** What the device said about itself; undefined where it wasn't asked. */
  about: AboutDevice | undefined
  passed: number
  failed: number
  skipped: number
  /** How many of those that passed failed, too, when they ran another time. */
  flaky: number
  cases: readonly TestCase[]
  measures: readonly ComparedMeasure[]
  /** Why there is nothing to compare the measures with, where a baseline was asked for. */
  baselineNote: string | undefined
  /** Path of the report; undefined where no test ran. */
  junit: string | undefined
  /** What the device told after its tests: journal, kernel messages and the like; undefined where it wasn't asked. */
  collected?: Kept | undefined
  /** Path of the signed receipt; undefined where none was asked for, or the run is no pass. */
  receipt?: string | undefined
  seconds: number
}

/** How many tests came out how. */
export function countsOf(cases: readonly TestCase[]) {
  const count = (result: TestCase['result']) => cases.filter((one) => one.result === result).length
  return {
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    flaky: cases.filter((one) => one.result === 'passed' && one.flaky).length,
  }
}
