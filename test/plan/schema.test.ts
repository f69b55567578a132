import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ConversionConfig, toJsonSchema } from '@valibot/to-json-schema'
import { policySchema } from '../../src/fleet/fleet.ts'
import { planFile } from '../../src/plan/plan.ts'

/** Checks that a JSON Schema can't say, or says by the pattern before them. */
const config: ConversionConfig = { typeMode: 'input', ignoreActions: ['guard', 'check', 'trim'] }

const published: [string, object][] = [
  ['fleet.json', { title: 'Policy of a fleet (fleet.yml)', ...toJsonSchema(policySchema, config) }],
  ['plan.json', { title: 'Plan of a stage', ...toJsonSchema(planFile, config) }],
]

for (const [name, schema] of published) {
  test(`the published schema ${name} is the one that files are checked by`, async () => {
    const file = join(import.meta.dirname, '../../schemas', name)
    const text = `${JSON.stringify(schema, undefined, 2)}\n`
    // with DROVER_UPDATE=1 the file is written instead
    if (process.env['DROVER_UPDATE'] === '1') await writeFile(file, text)
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), JSON.parse(text))
  })
}
