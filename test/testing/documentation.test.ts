// The files that the documentation shows are read as it says.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import Ajv from 'ajv'
import { parse } from 'yaml'
import { readTestPlan } from '../../src/testing/testing.ts'
import { temporaryFolder } from '../support/temporary.ts'

const root = join(import.meta.dirname, '../..')

test('every checks.yml and tests.yml in the documentation is one, by the code and by the published schema', async (t) => {
  const pages = ['docs/device-tests.md', 'actions/test-device/README.md']
  const found: string[] = []
  for (const page of pages) {
    const text = await readFile(join(root, page), 'utf8')
    for (const [, name = '', body = ''] of text.matchAll(
      /^```yaml\n# ((?:checks|tests)\.yml)\n([\s\S]*?)^```/gm,
    )) {
      const folder = join(await temporaryFolder(t), 'tests')
      await mkdir(join(folder, 'device'), { recursive: true })
      await writeFile(join(folder, 'checks.yml'), 'files: { /etc: }\n')
      await writeFile(join(folder, name), body)
      const plan = await readTestPlan(join(folder, name))
      assert.ok(plan.suites.length > 0)
      const schema: object = JSON.parse(
        await readFile(join(root, 'schemas', name.replace('.yml', '.json')), 'utf8'),
      )
      const validate = new Ajv.default({ strict: false }).compile(schema)
      assert.ok(validate(parse(body)), `${page} ${name}: ${JSON.stringify(validate.errors)}`)
      found.push(name)
    }
  }
  assert.deepEqual([...new Set(found)].sort(), ['checks.yml', 'tests.yml'])
  assert.ok(found.length >= 3)
})
