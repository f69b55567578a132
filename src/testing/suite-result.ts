import { Failure, type RunResult, lastWords } from '../platform/platform.ts'
import type { Measure } from './measure.ts'
import type { TestCase } from './test-run.ts'

/** What came of one suite. */
export interface SuiteResult {
  cases: TestCase[]
  /** Why no verdict can be made of the cases; undefined where it can. */
  problem: Failure | undefined
  /** Numbers that belong to no single test. */
  measures?: readonly Measure[]
}

/**
 * Checks a report against the exit status of the program that wrote it: a program that fails without a test that did, or has
 * no test at all, says nothing about the device. `what` names the program, `said` are its words.
 */
export function judged(
  cases: TestCase[],
  ended: RunResult,
  what: string,
  said = wordsOf(ended),
): SuiteResult {
  const notRun = (message: string): SuiteResult => ({ cases, problem: new Failure('tests-not-run', message) })
  if (cases.length === 0) return notRun(`${what} ran no test (exit status ${ended.code}): ${said}`)
  if (ended.code !== 0 && !cases.some((one) => one.result === 'failed'))
    return notRun(`${what} says that the run failed, and no test did: ${said}`)
  if (cases.every((one) => one.result === 'skipped')) return notRun(`all ${cases.length} tests were skipped`)
  return { cases, problem: undefined }
}

/** The last words of a program that ended. */
export function wordsOf({ code, stdout, stderr }: RunResult): string {
  return lastWords(stderr.trim() || stdout, 'it', code)
}
