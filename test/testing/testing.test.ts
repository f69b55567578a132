import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from '../../src/device/device.ts'
import { type Failure, plainContext, silentLog } from '../../src/platform/platform.ts'
import { requirePass, runTests, testDevice, testSummary } from '../../src/testing/testing.ts'
import { baseImage, cannotBoot } from '../support/base-image.ts'
import { bootDevice } from '../support/devices.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const skip = cannotBoot || needs('pytest-3')
const context = plainContext()

test('a device whose tests all pass is a pass, with a report in its name', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const release = (await connection.release()) ?? ''
  const given = await suite(
    t,
    `
import os, pytest
def test_root(host):
    assert host.mount_point("/").filesystem == "ext4"
@pytest.mark.parametrize("port", [22])
def test_port(host, port):
    assert host.socket(f"tcp://0.0.0.0:{port}").is_listening
def test_release(host):
    assert os.environ["EXPECTED_RELEASE"] in host.file("/etc/os-release").content_string
@pytest.mark.skip(reason="not today")
def test_skipped(host):
    pass
`,
  )
  const run = await runTests(connection, { ...given, expectRelease: release }, context)
  assert.equal(run.result, 'pass')
  assert.deepEqual([run.passed, run.failed, run.skipped], [3, 0, 1])
  assert.deepEqual(
    run.cases.map(({ name }) => name),
    ['test_root', 'test_port[22]', 'test_release', 'test_skipped'],
  )
  const report = await readFile(run.junit ?? '', 'utf8')
  assert.match(report, new RegExp(`<testsuite name="device" hostname="${connection.name}" tests="4"`))
  assert.deepEqual(await readdir(given.tests), ['test_device.py'])
  requirePass(run, given.tests)
})

test('a failed assertion is a fail that names test, file and line', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const given = await suite(
    t,
    `
def test_good(host):
    pass
def test_bad(host):
    name = "<b>&|[x](y)"
    assert host.file("/etc/" + name).exists
`,
  )
  const run = await runTests(connection, given, context)
  assert.equal(run.result, 'fail')
  assert.deepEqual([run.passed, run.failed, run.skipped], [1, 1, 0])
  assert.match(testSummary(run), /❌ 1 passed, 1 failed, 0 skipped/)
  assert.doesNotMatch(testSummary(run), /<b>|\]\(y\)/)
  assert.throws(
    () => requirePass(run, given.tests),
    (error: Failure) => {
      assert.equal(error.reason, 'tests-failed')
      const [problem] = error.problems
      assert.equal(problem?.line, 6)
      assert.match(problem?.file ?? '', /test_device\.py$/)
      assert.match(problem?.message ?? '', /test_device::test_bad: AssertionError/)
      return true
    },
  )
})

test('no tests, only skipped ones and tests that do not even load are no verdict', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const sources = [
    'def no_test(host):\n    pass\n',
    'import pytest\n@pytest.mark.skip\ndef test_x(host):\n    pass\n',
    'import nowhere\n',
    'def test_x(:\n',
  ]
  for (const source of sources) {
    const given = await suite(t, source)
    const run = await runTests(connection, given, context)
    assert.equal(run.result, 'infra', source)
    assert.throws(() => requirePass(run, given.tests), { reason: 'tests-not-run' }, source)
  }
})

test('a device that runs another release is not tested', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const given = await suite(t, 'def test_x(host):\n    assert False\n')
  const run = await runTests(connection, { ...given, expectRelease: 'other-1' }, context)
  assert.equal(run.result, 'infra')
  assert.equal(run.cases.length, 0)
  assert.throws(() => requirePass(run, given.tests), { reason: 'wrong-release', message: /not other-1/ })
  await connection.run('sh', ['-c', 'sed -i /IMAGE_VERSION/d /usr/lib/os-release'])
  const silent = await runTests(connection, { ...given, expectRelease: 'other-1' }, context)
  assert.throws(() => requirePass(silent, given.tests), { reason: 'no-release-fact' })
  await assert.rejects(runTests(connection, { ...given, expectRelease: 'a@b' }, context), {
    reason: 'bad-input',
  })
})

test(
  'a power cut while tests run is no verdict, and does not wait for all the others',
  { skip },
  async (t) => {
    const { connection, device } = await bootDevice(t)
    const given = await suite(
      t,
      `
import pytest
@pytest.mark.parametrize("n", range(50))
def test_slow(host, n):
    assert host.run("sleep 0.3").rc == 0
`,
    )
    const lines: string[] = []
    const log = {
      ...silentLog,
      info: (line: string) => void (lines.push(line), line.includes('PASSED') && device.powerCut()),
    }
    const startedAt = performance.now()
    const run = await runTests(connection, given, plainContext({ log }))
    assert.ok(performance.now() - startedAt < 10_000)
    assert.equal(run.result, 'infra')
    assert.throws(() => requirePass(run, given.tests), { reason: 'device-unreachable' })
  },
)

test('a device that starts anew by itself while tests run is no verdict', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  // what tells one start from another is all that is checked; here it changes and the connection stays
  const given = await suite(
    t,
    'def test_x(host):\n    assert host.run("cat /proc/sys/kernel/random/uuid > /run/boot-id").rc == 0\n',
  )
  const run = await runTests(connection, given, context)
  assert.deepEqual([run.result, run.passed], ['infra', 1])
  assert.throws(() => requirePass(run, given.tests), { reason: 'device-unreachable' })
})

test('a test that says what a command to the runner looks like gives none', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const given = await suite(
    t,
    'def test_x(host):\n    print("\\n::error::x\\n##[error]y")\n    assert False\n',
  )
  const lines: string[] = []
  const log = { ...silentLog, info: (line: string) => void lines.push(line) }
  await runTests(connection, given, plainContext({ log }))
  assert.ok(lines.some((line) => line.includes('::error::x')))
  assert.deepEqual(
    lines.filter((line) => /^\s*::|##\[/.test(line)),
    [],
  )
})

test('an abort ends the tests', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const given = await suite(t, 'def test_x(host):\n    host.run("sleep 30")\n')
  const abort = new AbortController()
  const why = new Error('enough')
  const log = { ...silentLog, info: () => abort.abort(why) }
  await assert.rejects(runTests(connection, given, plainContext({ log, signal: abort.signal })), why)
})

test('a throwaway device is booted, tested and gone', { skip }, async (t) => {
  const given = await suite(t, 'def test_x(host):\n    assert host.user().name == "root"\n')
  const run = await testDevice({ ...given, device: `namespace:${await baseImage()}` }, context)
  assert.equal(run.result, 'pass')
})

test('what the device tells is kept, whether the tests passed or failed', { skip }, async (t) => {
  for (const word of ['True', 'False']) {
    const given = await suite(t, `def test_x(host):\n    assert ${word}\n`)
    await mkdir(join(given.output, 'device'), { recursive: true })
    await writeFile(join(given.output, 'device/journal.txt'), 'of an earlier run')
    const run = await testDevice({ ...given, device: `namespace:${await baseImage()}` }, context)
    assert.equal(run.result, word === 'True' ? 'pass' : 'fail')
    assert.match(await readFile(join(given.output, 'device/boot-id.txt'), 'utf8'), /^[0-9a-f-]{36}\n$/)
    assert.match(await readFile(join(given.output, 'device/logs.txt'), 'utf8'), /^== \/data\/log/m)
    // it has no journal, so none is left that could be taken for its own
    assert.match(run.collected?.missing['journal'] ?? '', /journal/)
    assert.ok(!existsSync(join(given.output, 'device/journal.txt')))
    assert.match(testSummary(run), /own words after the tests/)
  }
})

test('this machine can be tested too', { skip: needs('pytest-3') }, async (t) => {
  const given = await suite(t, 'def test_x(host):\n    assert host.file("/etc/os-release").exists\n')
  const run = await testDevice({ ...given, device: 'local:' }, context)
  assert.deepEqual(
    run.cases.map(({ name, result }) => [name, result]),
    [['test_x', 'passed']],
  )
})

test(
  'a device that nobody can reach is no verdict; a wrong call is thrown',
  { skip: needs('ssh') },
  async (t) => {
    const given = await suite(t, 'def test_x(host):\n    pass\n')
    const device = 'namespace:/nowhere'
    await assert.rejects(testDevice({ ...given, device }, context), { reason: 'file-missing' })
    await assert.rejects(testDevice({ ...given, device: 'local:', tests: '/nowhere' }, context), {
      reason: 'file-missing',
    })
    await assert.rejects(testDevice({ ...given, device: 'local:', signingKey: 'x' }, context), {
      reason: 'bad-key',
    })
  },
)

/** A folder with one test file, and one for the report. */
async function suite(t: TestContext, source: string) {
  const tests = await temporaryFolder(t)
  await writeFile(join(tests, 'test_device.py'), source)
  return { tests, output: join(await temporaryFolder(t), 'results') }
}

test(
  'a run that pytest calls failed is no pass, whatever its tests say',
  { skip: needs('pytest-3') },
  async (t) => {
    const given = await suite(t, 'def test_good(host):\n    pass\n')
    const plugin = 'def pytest_sessionfinish(session):\n    session.exitstatus = 1\n'
    await writeFile(join(given.tests, 'conftest.py'), plugin)
    const connection = await connect('local:', { context })
    const run = await runTests(connection, given, context)
    assert.equal(run.result, 'infra')
    assert.throws(() => requirePass(run, given.tests), {
      reason: 'tests-not-run',
      message: /pytest says that the run failed, and no test did/,
    })
  },
)
