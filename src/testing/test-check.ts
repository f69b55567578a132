import { fileInReports } from './workspace.ts'
import { tally } from './test-device.ts'
import type { TestRun } from './test-run.ts'

/** A line of a file that a run says something about. */
export interface TestRemark {
  file: string
  line: number
  level: 'warning' | 'failure'
  message: string
}

/** A run as a check of a commit has it. */
export interface TestCheck {
  name: string
  title: string
  /** A run without a verdict is `cancelled`: that is no success, and no failure either. */
  conclusion: 'success' | 'failure' | 'cancelled'
  remarks: TestRemark[]
}

const conclusions = { pass: 'success', fail: 'failure', infra: 'cancelled' } as const

/**
 * What a check says about a run of `tests`: one name for each device type, and a remark for each failed test, flaky test and
 * bad measurement of which the place is known, failures first.
 */
export function testCheck(run: TestRun, tests: string): TestCheck {
  const type = run.about?.deviceType
  const verdict = run.result === 'infra' ? `no verdict (${run.reason}): ${run.message}` : tally(run)
  return {
    name: `drover tests: ${fileInReports(tests)}${type === undefined ? '' : ` on ${type}`}`,
    title: run.release === undefined ? verdict : `${verdict}, release ${run.release}`,
    conclusion: conclusions[run.result],
    remarks: testRemarks(run),
  }
}

function testRemarks({ result: outcome, cases, measures }: TestRun): TestRemark[] {
  // what failed on a device that was not judged is worth a look, and no failure
  const level = outcome === 'infra' ? 'warning' : 'failure'
  const failed = cases.flatMap(({ result, file, line, suite, name, message }) =>
    result === 'failed' && file !== undefined
      ? [remark(file, line, level, `${suite}::${name}: ${message}`)]
      : [],
  )
  return [...failed, ...testWarnings({ cases, measures })]
}

/** What is no failure and should be looked at: flaky tests, and measurements that are only flagged. */
export function testWarnings({ cases, measures }: Pick<TestRun, 'cases' | 'measures'>): TestRemark[] {
  const flaky = cases.flatMap(({ flaky: first, file, line, suite, name }) =>
    first && file !== undefined
      ? [remark(file, line, 'warning', `${suite}::${name} is flaky: it failed once: ${first.message}`)]
      : [],
  )
  const flagged = measures.flatMap(({ problem, fails, place }) =>
    problem !== undefined && !fails && place ? [remark(place.file, place.line, 'warning', problem)] : [],
  )
  return [...flagged, ...flaky]
}

const remark = (file: string, line: number | undefined, level: TestRemark['level'], message: string) => ({
  file: fileInReports(file),
  line: line ?? 1,
  level,
  message,
})
