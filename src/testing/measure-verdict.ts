import { fileInReports } from './workspace.ts'
import type { MeasureRules } from './measure-rules.ts'
import type { ComparedMeasure } from './measurements.ts'
import type { TestCase } from './test-run.ts'

/** The test that a number beyond its limit is where that is no mere flag. */
export function asFailedTest({ name, problem, fails, place }: ComparedMeasure): TestCase[] {
  if (problem === undefined || !fails) return []
  const where = { file: place?.file, line: place?.line }
  return [
    {
      suite: 'measurements',
      name,
      result: 'failed',
      message: problem,
      details: problem,
      seconds: 0,
      ...where,
    },
  ]
}

/** Why there is nothing to compare measurements with, where a baseline was asked for. */
export function baselineNote(
  rules: MeasureRules | undefined,
  deviceType: string | undefined,
): string | undefined {
  if (rules?.baselinePath === undefined) return undefined
  const path = fileInReports(rules.baselinePath)
  if (rules.baseline === undefined) return `There are no earlier measurements at ${path} yet to compare with.`
  const other = rules.baseline.deviceType
  if (other === (deviceType ?? null)) return undefined
  return `The earlier measurements at ${path} are of ${other ?? 'an unknown device type'}: they were not compared.`
}
