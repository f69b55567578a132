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

test('a test that passed and fails when its whole program runs again is flaky', async (t) => {
  const names = ['x', 'y']
  const run = await tried(t, [
    { exit: 1, outcomes: [false, true], names },
    { exit: 1, outcomes: [true, false], names },
  ])
  assert.deepEqual([run.result, run.passed, run.flaky], ['pass', 2, 2], JSON.stringify(run.cases))
  assert.deepEqual(
    run.cases.map(({ name, flaky }) => [name, flaky?.message]),
    [
      ['x', 'broken'],
      ['y', 'broken'],
    ],
  )
  // of one name, as many failed as before: nobody can say that it was another
  const same = await tried(t, [
    { exit: 1, outcomes: [false, true] },
    { exit: 1, outcomes: [true, false] },
  ])
  assert.deepEqual([same.result, same.passed, same.failed, same.flaky], ['fail', 1, 1, 0])
})

interface Try {
  exit: number
  /** Whether each of its tests passes. */
  outcomes: readonly boolean[]
  /** Their names; all the same unless given. */
  names?: readonly string[]
}

/** Runs a program that comes out as told, once and then again. */
async function tried(t: TestContext, tries: readonly Try[]): Promise<TestRun> {
  const folder = await temporaryFolder(t)
  for (const [index, { exit, outcomes, names }] of tries.entries()) {
    const cases = outcomes.map(
      (isPassed, at) =>
        `<testcase classname="s" name="${names?.[at] ?? 'x'}">${isPassed ? '' : '<failure message="broken"/>'}</testcase>`,
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
