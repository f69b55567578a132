// The form of `tests.yml`; schemas/tests.json is made of it.
import * as v from 'valibot'
import { measurementRules, retries } from './checks-schema.ts'

const path = v.pipe(v.string(), v.nonEmpty('write a path, from this file on'))
const word = v.pipe(v.string(), v.regex(/^[^\0]*$/, 'no zero bytes'))

const suite = v.strictObject({
  pytest: v.pipe(v.optional(path), v.description('A folder or file with pytest-testinfra tests.')),
  checks: v.pipe(v.optional(path), v.description('A file of checks.')),
  command: v.pipe(
    v.optional(v.pipe(v.array(word), v.minLength(1, 'write the program and its arguments, each on its own'))),
    v.description('A program and its arguments that leaves JUnit XML; it runs in the folder of this file.'),
  ),
  junit: v.pipe(
    v.optional(v.union([path, v.pipe(v.array(path), v.minLength(1))], 'write a path, or a list of paths')),
    v.description('Where the command leaves its reports: paths or patterns; $JUNIT_OUTPUT where not given.'),
  ),
  timeout: v.pipe(
    v.optional(
      v.pipe(v.string(), v.regex(/^[1-9]\d{0,5}(s|m|h)$/, 'write a duration such as 90s, 15m or 2h')),
    ),
    v.description('How long pytest or the command may take: 1h unless given.'),
  ),
})

/** The form of `tests.yml`. */
export const testsSchema = v.strictObject({
  suites: v.pipe(v.array(suite), v.minLength(1, 'there is no suite in it')),
  retries,
  measurements: measurementRules,
})

/** What stands in `tests.yml`. */
export type TestsFile = v.InferOutput<typeof testsSchema>
