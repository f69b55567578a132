import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from '../../src/device/device.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { type TestRun, runTests } from '../../src/testing/testing.ts'
import { temporaryFolder } from '../support/temporary.ts'

const context = plainContext()

test('of two tests of one name that failed, one that passes when tried again does not excuse the other', async (t) => {
  const run = await tried(t, [
    { exit: 1, outcomes: [false, false] },
    { exit: 1, outcomes: [false, true] },
  ])
  assert.deepEqual([run.result, run.passed, run.failed], ['fail', 0, 2], JSON.stringify(run.cases))
  const both = await tried(t, [
    { exit: 1, outcomes: [false, true] },
    { exit: 0, outcomes: [true, true] },
  ])
  assert.deepEqual([both.result, both.passed, both.flaky], ['pass', 2, 1], JSON.stringify(both.cases))
})

test('a failed test stays failed where the program that tries it again fails itself', async (t) => {
  const run = await tried(t, [
    { exit: 1, outcomes: [false, true] },
    { exit: 3, outcomes: [true, true] },
  ])
  assert.deepEqual([run.result, run.passed, run.failed], ['fail', 1, 1], JSON.stringify(run.cases))
  const [only] = (
    await tried(t, [
      { exit: 1, outcomes: [false] },
      { exit: 0, outcomes: [] },
    ])
  ).cases
  assert.equal(only?.result, 'failed')
})

interface Try {
  exit: number
  /** Whether each of its tests passes; all have the same name. */
  outcomes: readonly boolean[]
}

/** Runs a program that comes out as told, once and then again. */
async function tried(t: TestContext, tries: readonly Try[]): Promise<TestRun> {
  const folder = await temporaryFolder(t)
  for (const [index, { exit, outcomes }] of tries.entries()) {
    const cases = outcomes.map(
      (isPassed) =>
        `<testcase classname="s" name="x">${isPassed ? '' : '<failure message="broken"/>'}</testcase>`,
    )
    await writeFile(join(folder, `report-${index}`), `<testsuite>${cases.join('')}</testsuite>`)
    await writeFile(join(folder, `exit-${index}`), String(exit))
  }
  const script =
    'n=$(ls ran-* 2>/dev/null | wc -l); touch "ran-$n"; cp "report-$n" out.xml; exit "$(cat "exit-$n")"'
  const tests = `retries: ${tries.length - 1}\nsuites:\n  - command: [sh, -c, ${JSON.stringify(script)}]\n    junit: out.xml\n`
  await writeFile(join(folder, 'tests.yml'), tests)
  const connection = await connect('local:', { context })
  try {
    return await runTests(connection, { tests: folder, output: join(folder, 'results') }, context)
  } finally {
    await connection.close()
  }
}
