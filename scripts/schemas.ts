// The files with a published form, as JSON Schema: made of the very schemas by which they are checked.
import { type ConversionConfig, toJsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema } from 'valibot'
import { artifactOptionsSchema } from '../src/artifact/artifact.ts'
import { policySchema } from '../src/fleet/fleet.ts'
import { recipeSchema } from '../src/image/image.ts'
import { factsFile } from '../src/ota/ota.ts'
import { planFile } from '../src/plan/plan.ts'
import { crowdSchema } from '../src/simulator/simulator.ts'
import { receiptFile, statementFile } from '../src/receipt/receipt.ts'
import { checksSchema, measurementsFile, testsSchema } from '../src/testing/testing.ts'

const published: readonly [name: string, title: string, schema: GenericSchema][] = [
  ['artifact-options', 'Options of package-artifact', artifactOptionsSchema],
  ['checks', 'Checks of a device (checks.yml)', checksSchema],
  ['crowd', 'A crowd of simulated devices', crowdSchema],
  ['facts', 'Facts of a fleet (facts.json)', factsFile],
  ['fleet', 'Policy of a fleet (fleet.yml)', policySchema],
  ['image', 'Recipe of an OS image (image.yml)', recipeSchema],
  ['measurements', 'What tests measured (measurements.json)', measurementsFile],
  ['plan', 'Plan of a stage (plan.json)', planFile],
  ['receipt', 'Receipt of tests (receipt.json)', receiptFile],
  ['receipt-statement', 'What a receipt states (the payload of receipt.json)', statementFile],
  ['tests', 'What test-device runs (tests.yml)', testsSchema],
]

/** Checks that a JSON Schema can't say, or says by the pattern before them. */
const config: ConversionConfig = { typeMode: 'input', ignoreActions: ['guard', 'check', 'trim'] }

/** Path and JSON text of every published schema. */
export function publishedSchemas(): [path: string, text: string][] {
  return published.map(([name, title, schema]) => {
    const { $schema, ...rest } = toJsonSchema(schema, config)
    return [`schemas/${name}.json`, JSON.stringify({ $schema, title, ...rest }, undefined, 2)]
  })
}
