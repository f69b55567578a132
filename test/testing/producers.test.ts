// Reports in the forms of many producers, and of two that are run here. Where the fixtures come from: reports/README.md.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from '../../src/device/device.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { type TestCase, type TestRun, readJunit, runTests } from '../../src/testing/testing.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const reports = join(import.meta.dirname, 'reports')
const read = async (name: string) => readJunit(await readFile(join(reports, `${name}.xml`), 'utf8'))
const short = (cases: readonly TestCase[]) => cases.map(({ suite, name, result }) => [suite, name, result])

test("pytest's report: parameters without the host, numbers, a clean-up that failed", async () => {
  const cases = await read('pytest')
  assert.deepEqual(short(cases), [
    ['test_boot', 'test_boot_time', 'passed'],
    ['test_boot', 'test_kiosk[chromium]', 'failed'],
    ['test_boot', 'test_modem', 'skipped'],
    ['test_boot', 'test_clean', 'failed'],
  ])
  assert.deepEqual(cases[0]?.measures, [{ name: 'boot-time', value: 12.3, unit: 's' }])
  assert.deepEqual(cases.at(-1)?.measures, [{ name: 'suite-memory', value: 81.5, unit: 'MiB' }])
  assert.match(cases[1]?.message ?? '', /^AssertionError: assert False\n \+ {2}where/)
  assert.equal(cases[0]?.line, 5)
})

test("GoogleTest's report: several failures of one test, disabled and skipped ones, numbers", async () => {
  const cases = await read('gtest')
  assert.deepEqual(short(cases), [
    ['Valve', 'Opens', 'passed'],
    ['Valve', 'Closes', 'failed'],
    ['Valve', 'Leaks', 'skipped'],
    ['Valve', 'DISABLED_Old', 'skipped'],
  ])
  assert.deepEqual(cases[0]?.measures, [{ name: 'open', value: 18.5, unit: '' }])
  assert.match(cases[1]?.details ?? '', /valve_test\.cc:17[\s\S]*valve_test\.cc:19\nFailed/)
  assert.deepEqual([cases[0]?.file, cases[0]?.line], ['src/valve_test.cc', 7])
})

test("Maven's report: a root of its own, seconds with commas, flaky tests", async () => {
  const cases = await read('surefire')
  assert.deepEqual(short(cases), [
    ['org.example.PumpTest', 'starts', 'passed'],
    ['org.example.PumpTest', 'stops', 'failed'],
    ['org.example.PumpTest', 'leaks', 'skipped'],
    ['org.example.PumpTest', 'primes', 'passed'],
  ])
  assert.equal(cases[0]?.seconds, 1200.25)
  assert.equal(cases[3]?.flaky?.message, 'expected: <7> but was: <5>')
  assert.equal(cases[1]?.flaky, undefined)
})

test("Jest's report: no message but a text with colours, two tests of one name", async () => {
  const cases = await read('jest')
  assert.deepEqual(
    cases.map(({ result }) => result),
    ['passed', 'passed', 'failed', 'skipped'],
  )
  assert.match(cases[2]?.message ?? '', /^Error: expect\(received\)\.toBe\(expected\)/)
})

test("bats' report: the text is the message", async () => {
  const cases = await read('bats')
  assert.deepEqual(short(cases), [
    ['net.bats', 'the cable is in', 'passed'],
    ['net.bats', 'the "door" is open', 'failed'],
    ['net.bats', 'no modem', 'skipped'],
  ])
  assert.match(cases[1]?.message ?? '', /^\(from function `knock' in file lib\.bash, line 3/)
  assert.equal(cases[2]?.message, 'there is none')
})

test("go-junit-report's report: subtests, a package that doesn't build", async () => {
  const cases = await read('go-junit-report')
  assert.deepEqual(short(cases), [
    ['example.org/agent/update', 'TestInstall', 'passed'],
    ['example.org/agent/update', 'TestInstall/twice', 'failed'],
    ['example.org/agent/update', 'TestReboot', 'skipped'],
    ['example.org/agent/broken', '[build failed]', 'failed'],
  ])
  assert.equal(cases[1]?.message, 'install_test.go:31: installed 2 times, want 1')
})

test('nested suites are read, and one that fails by itself is a failed test', async () => {
  assert.deepEqual(short(await read('nested')), [
    ['DoorTest', 'opens', 'passed'],
    ['Door::closes', 'closes with data set #0', 'failed'],
    ['Lock', 'locks', 'passed'],
    ['Lock', '(the suite itself)', 'failed'],
    ['Silent', '(the suite itself)', 'failed'],
  ])
})

test('a failed test is told at the line where it failed, whoever wrote the report', async (t) => {
  const folder = await temporaryFolder(t)
  const files = [
    'test_boot.py',
    'src/valve_test.cc',
    'src/test/java/org/example/PumpTest.java',
    'web/kiosk.test.js',
    'net.bats',
    'update/install_test.go',
    'broken/x_test.go',
  ]
  for (const file of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), '')
  }
  const names = ['pytest', 'gtest', 'surefire', 'jest', 'bats', 'go-junit-report']
  const suites = names.map(
    (name) => `  - { command: [cp, ${join(reports, `${name}.xml`)}, ${name}.xml], junit: ${name}.xml }`,
  )
  await writeFile(join(folder, 'tests.yml'), `suites:\n${suites.join('\n')}\n`)
  const run = await runHere(t, folder)
  const places = run.cases
    .filter(({ result }) => result === 'failed')
    .map(({ file, line }) => `${file?.slice(folder.length + 1)}:${line}`)
  assert.deepEqual(places, [
    'test_boot.py:12',
    'test_boot.py:18',
    'src/valve_test.cc:19',
    'src/test/java/org/example/PumpTest.java:21',
    'web/kiosk.test.js:14',
    'net.bats:9',
    'update/install_test.go:31',
    'broken/x_test.go:5',
  ])
  // one that passed stands where its program says
  assert.equal(run.cases.find(({ name }) => name === 'Opens')?.line, 7)
})

test('a report that was made to be slow to read is not', async (t) => {
  const folder = await temporaryFolder(t)
  const texts = ['\n', ' ', 'at ', 'at (', 'in file ', 'a.', 'a:1', '\u001b[', '(a.b:']
  const cases = texts.map(
    (text, index) => `<testcase name="${index}"><failure>${text.repeat(30_000)}</failure></testcase>`,
  )
  await writeFile(join(folder, 'in.xml'), `<testsuite>${cases.join('').replaceAll('\u001b', '')}</testsuite>`)
  await writeFile(
    join(folder, 'tests.yml'),
    'suites:\n  - { command: [cp, in.xml, out.xml], junit: out.xml }\n',
  )
  const startedAt = performance.now()
  assert.equal((await runHere(t, folder)).failed, texts.length)
  assert.ok(performance.now() - startedAt < 5000, `${performance.now() - startedAt} ms`)
})

test('bats itself is read', { skip: needs('bats') }, async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(
    join(folder, 'a.bats'),
    '@test "good & <right>" {\n  true\n}\n\n@test "bad" {\n  echo said\n  false\n}\n\n@test "later" {\n  skip "not yet"\n}\n',
  )
  await writeFile(
    join(folder, 'tests.yml'),
    'suites:\n  - command: [sh, -c, "bats --formatter junit a.bats >out.xml"]\n    junit: out.xml\n',
  )
  const run = await runHere(t, folder)
  assert.equal(run.result, 'fail', JSON.stringify(run))
  assert.deepEqual(
    run.cases.map(({ name, result, line }) => [name, result, line]),
    [
      ['good & <right>', 'passed', undefined],
      ['bad', 'failed', 7],
      ['later', 'skipped', undefined],
    ],
  )
  assert.equal(run.cases[1]?.file, join(folder, 'a.bats'))
})

test(
  'what we write is valid by the schema of our reports, whatever was read',
  { skip: needs('xmllint') },
  async (t) => {
    const folder = await temporaryFolder(t)
    const names = ['pytest', 'gtest', 'surefire', 'jest', 'bats', 'go-junit-report', 'nested']
    const suites = names.map(
      (name) => `  - { command: [cp, ${join(reports, `${name}.xml`)}, ${name}.xml], junit: ${name}.xml }`,
    )
    await writeFile(join(folder, 'tests.yml'), `suites:\n${suites.join('\n')}\n`)
    const { junit, cases } = await runHere(t, folder)
    const { status, stderr } = spawnSync(
      'xmllint',
      ['--noout', '--schema', join(import.meta.dirname, 'junit.xsd'), junit ?? ''],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0, stderr)
    const again = readJunit(await readFile(junit ?? '', 'utf8'))
    assert.deepEqual(short(again), short(cases))
  },
)

async function runHere(t: TestContext, tests: string): Promise<TestRun> {
  const context = plainContext()
  const connection = await connect('local:', { context })
  return await runTests(connection, { tests, output: join(await temporaryFolder(t), 'results') }, context)
}
