// The numbers that a release's tests measured: measurements.json, and how it compares with an earlier one.
import * as v from 'valibot'
import { readYaml, shorten } from '../platform/platform.ts'
import { type Measure, measureText } from './measure.ts'
import type { MeasureLimit, MeasureRules } from './measure-rules.ts'
import type { TestCase } from './test-run.ts'
import { fileInReports } from './workspace.ts'

const text = (limit: number) => v.pipe(v.string(), v.nonEmpty(), v.maxLength(limit))

/** The form of measurements.json: schemas/measurements.json is it, published. */
export const measurementsFile = v.strictObject({
  version: v.literal(1),
  release: v.pipe(v.nullable(text(256)), v.description('The release that the device said it runs.')),
  deviceType: v.nullable(text(256)),
  measuredAt: v.pipe(v.string(), v.isoTimestamp()),
  measurements: v.pipe(
    v.record(text(100), v.strictObject({ value: v.number(), unit: v.pipe(v.string(), v.maxLength(16)) })),
    v.description('What was measured, by name.'),
  ),
})

/** What stands in measurements.json. */
export type Measurements = v.InferOutput<typeof measurementsFile>

/** A number of this run beside that of an earlier release. */
export interface ComparedMeasure extends Measure {
  before: number | undefined
  /** What is wrong with it, with both numbers; undefined where nothing is. */
  problem: string | undefined
  /** Whether that is a failed test. */
  fails: boolean
  /** The limit's place. */
  place: { file: string; line: number } | undefined
}

/** Reads measurements.json. Throws `file-missing` and `invalid-file`. */
export async function readMeasurements(path: string): Promise<Measurements> {
  return (await readYaml(path, measurementsFile, fileInReports(path))).value
}

/** The text of measurements.json. */
export function writeMeasurements(
  measures: readonly Measure[],
  about: { release: string | undefined; deviceType: string | undefined; at: Date },
): string {
  const sorted = measures.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const file: Measurements = {
    version: 1,
    release: about.release ?? null,
    deviceType: about.deviceType ?? null,
    measuredAt: about.at.toISOString(),
    measurements: Object.fromEntries(sorted.map(({ name, value, unit }) => [name, { value, unit }])),
  }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

/** All measures of `cases` and `others`, each name once; where several tests recorded one, the last counts. */
export function measuresOf(cases: readonly TestCase[], others: readonly Measure[]): Measure[] {
  const all = [...cases.flatMap(({ measures = [] }) => measures), ...others]
  return [...new Map(all.map((measure) => [measure.name, measure])).values()]
}

/**
 * Compares what was measured with the limits and, where it is of the same device type, with the earlier release. A limited
 * number that nobody measured is a problem too.
 */
export function compareMeasures(
  measures: readonly Measure[],
  rules: MeasureRules | undefined,
  deviceType: string | undefined,
): ComparedMeasure[] {
  const { limits = [], baseline, file = '' } = rules ?? {}
  const isComparable = baseline !== undefined && baseline.deviceType === (deviceType ?? null)
  const compared = measures.map((measure): ComparedMeasure => {
    const earlier = isComparable ? baseline.measurements[measure.name] : undefined
    const before = earlier?.unit === measure.unit ? earlier.value : undefined
    const limit = limits.find(({ name }) => name === measure.name)
    const problem = limit && problemOf(measure, before, limit, baseline?.release ?? 'before')
    const place = limit && { file, line: limit.line }
    return { ...measure, before, problem, fails: limit?.fails === true, place }
  })
  const missing = limits.filter(({ name }) => !measures.some((measure) => measure.name === name))
  return [
    ...compared,
    ...missing.map(({ name, fails, line }) => ({
      name,
      value: NaN,
      unit: '',
      before: undefined,
      fails,
      problem: `${name} has a limit, and no test measured it`,
      place: { file, line },
    })),
  ]
}

function problemOf(
  measure: Measure,
  before: number | undefined,
  { atMost, atLeast, worseBy, better }: MeasureLimit,
  release: string,
): string | undefined {
  const { name, value, unit } = measure
  const shown = (number: number) => measureText({ value: number, unit })
  if (atMost !== undefined && value > atMost)
    return `${name} is ${shown(value)}; at most ${shown(atMost)} was allowed`
  if (atLeast !== undefined && value < atLeast)
    return `${name} is ${shown(value)}; at least ${shown(atLeast)} was asked for`
  if (worseBy === undefined || before === undefined) return undefined
  const worse = better === 'lower' ? value - before : before - value
  const allowed = worseBy.kind === 'share' ? Math.abs(before) * worseBy.value : worseBy.value
  if (worse <= allowed) return undefined
  const allowance = worseBy.kind === 'share' ? worseBy.text : shown(worseBy.value)
  return `${name} is ${shown(value)}; it was ${shown(before)} in ${shorten(release, 100)}, and at most ${allowance} worse was allowed`
}
