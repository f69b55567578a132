import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type * as v from 'valibot'
import { Failure, type Problem, failOn } from '../platform/platform.ts'
import type { measurementRules } from './checks-schema.ts'
import { type Measurements, readMeasurements } from './measurements.ts'
import { fileInReports } from './workspace.ts'

type RulesGiven = v.InferOutput<typeof measurementRules>

/** How bad a number may become. */
export interface MeasureLimit {
  name: string
  atMost: number | undefined
  atLeast: number | undefined
  /** How much worse than before: a share (`0.1`) of what it was, or a number in its unit. */
  worseBy: { kind: 'share' | 'number'; value: number; text: string } | undefined
  better: 'lower' | 'higher'
  /** Whether it is a failed test. */
  fails: boolean
  /** Where it stands. */
  line: number
}

/** What measurements are held to. */
export interface MeasureRules {
  file: string
  limits: readonly MeasureLimit[]
  /** An earlier release's; undefined where none is named, or there is none yet. */
  baseline: Measurements | undefined
  /** The path that was named. */
  baselinePath: string | undefined
}

/** A file that rules stand in. */
export interface RulesSource {
  path: string
  locate(place: readonly (string | number)[]): { line: number }
}

/** Reads the rules of a file, and the baseline that they name. Throws `invalid-file`. */
export async function rulesOf(given: RulesGiven, source: RulesSource): Promise<MeasureRules | undefined> {
  if (given === undefined) return undefined
  const problems: Problem[] = []
  const limits = Object.entries(given.limits ?? {}).map(([name, limit]): MeasureLimit => {
    const { line } = source.locate(['measurements', 'limits', name])
    const { 'at-most': atMost, 'at-least': atLeast, 'worse-by': text, better = 'lower', result } = limit
    const wrong = (message: string) =>
      problems.push({
        file: fileInReports(source.path),
        line,
        message: `measurements.limits.${name}: ${message}`,
      })
    if (atMost === undefined && atLeast === undefined && text === undefined)
      wrong('it limits nothing: give at-most, at-least or worse-by')
    if (text !== undefined && given.baseline === undefined)
      wrong('worse-by compares with an earlier release: name its measurements as baseline')
    return { name, atMost, atLeast, worseBy: worseBy(text), better, fails: result === 'fail', line }
  })
  failOn(problems)
  const baselinePath =
    given.baseline === undefined ? undefined : resolve(dirname(source.path), given.baseline)
  return { file: source.path, limits, baselinePath, baseline: await readBaseline(baselinePath) }
}

function worseBy(text: string | undefined): MeasureLimit['worseBy'] {
  if (text === undefined) return undefined
  const number = Number.parseFloat(text)
  return text.endsWith('%')
    ? { kind: 'share', value: number / 100, text: text.replace('%', ' %') }
    : { kind: 'number', value: number, text }
}

async function readBaseline(path: string | undefined): Promise<Measurements | undefined> {
  if (path === undefined || !existsSync(path)) return undefined
  try {
    return await readMeasurements(path)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const advice = 'remove it to begin anew'
    throw new Failure(error.reason, `${error.message}; it is the baseline of measurements: ${advice}`, {
      cause: error,
      problems: error.problems,
    })
  }
}
