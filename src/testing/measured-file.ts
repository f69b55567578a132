import { existsSync } from 'node:fs'
import * as v from 'valibot'
import { Failure, readYaml } from '../platform/platform.ts'
import type { Measure } from './measure.ts'

/** A list of numbers with names and units, as benchmarks write them; what else an entry says is not looked at. */
const entries = v.pipe(
  v.array(
    v.object({
      name: v.pipe(v.string(), v.nonEmpty(), v.maxLength(100)),
      value: v.pipe(v.number(), v.finite()),
      unit: v.optional(v.pipe(v.string(), v.maxLength(16)), ''),
    }),
  ),
  v.maxLength(10_000),
)

/** The numbers that a test program left at $MEASUREMENTS_OUTPUT. Throws `tests-not-run` where they can't be read. */
export async function readMeasured(path: string): Promise<Measure[]> {
  if (!existsSync(path)) return []
  try {
    const { value } = await readYaml(path, entries, '$MEASUREMENTS_OUTPUT')
    return value.map(({ name, value: number, unit }) => ({ name, value: number, unit }))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const form = 'it is a JSON list of {"name": …, "value": …, "unit": …}'
    throw new Failure('tests-not-run', `what was measured can't be read: ${error.message}; ${form}`, {
      cause: error,
    })
  }
}
