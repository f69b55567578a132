import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, readdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Connection, connect } from '../../src/device/device.ts'
import { type Failure, plainContext, silentLog } from '../../src/platform/platform.ts'
import {
  type TestRun,
  readTestPlan,
  requirePass,
  runTests,
  testCheck,
  testSummary,
} from '../../src/testing/testing.ts'
import { cannotBoot } from '../support/base-image.ts'
import { bootDevice } from '../support/devices.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const context = plainContext()
const good = '<testsuite name="s"><testcase classname="a" name="good" time="0.1"/></testsuite>'

test(
  'a program gets what it needs to reach the device, and its report is read',
  { skip: cannotBoot },
  async (t) => {
    const { connection, device } = await bootDevice(t)
    const folder = await folderWith(t, {
      'run.sh': `#!/bin/sh
set -e
id=$(ssh -F "$DEVICE_SSH_CONFIG" device cat /proc/sys/kernel/random/boot_id)
again=$(ssh -i "$DEVICE_SSH_KEY" -p "$DEVICE_PORT" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$DEVICE_USER@$DEVICE_ADDRESS" cat /proc/sys/kernel/random/boot_id)
[ "$id" = "$again" ]
cat >"$JUNIT_OUTPUT" <<END
<testsuites><testsuite name="s"><testcase classname="$EXPECTED_RELEASE" name="$DEVICE $DEVICE_USER $DEVICE_ADDRESS $DEVICE_PORT"/></testsuite></testsuites>
END
`,
    })
    const release = (await connection.release()) ?? ''
    const run = await runOn(t, connection, join(folder, 'run.sh'), { expectRelease: release })
    assert.equal(run.result, 'pass', JSON.stringify(run))
    const [one] = run.cases
    assert.deepEqual([one?.suite, one?.name], [release, `${device.address} root ${device.address} 22`])
    assert.equal(run.about?.deviceType, 'virtual')
    assert.match(testSummary(run), /\| device type \| virtual \|/)
  },
)

test("a program's secrets are not ours", async (t) => {
  process.env['DROVER_SSH_KEY'] = 'not for tests'
  const folder = await folderWith(t, {
    'run.sh': `#!/bin/sh\nprintf '<testsuite><testcase name="a%s"/></testsuite>' "$DROVER_SSH_KEY" >"$JUNIT_OUTPUT"\n`,
  })
  const run = await runHere(t, join(folder, 'run.sh')).finally(() => delete process.env['DROVER_SSH_KEY'])
  assert.equal(run.cases[0]?.name, 'a')
})

test('a command without a new report, or one that contradicts it, is no verdict', async (t) => {
  const cases: [script: string, message: RegExp][] = [
    ['exit 0', /there is no new report/],
    ['echo it broke >&2; exit 3', /ended with 3.*there is no new report.*it broke/],
    [`cp good.xml out.xml; echo later; exit 1`, /says that the run failed, and no test did: later/],
    ['echo "<testsuite" >out.xml', /can't be read/],
    ['echo "<testsuite/>" >out.xml', /ran no test/],
    [
      'echo "<testsuite><testcase name=\'a\'><skipped/></testcase></testsuite>" >out.xml',
      /all 1 tests were skipped/,
    ],
    ['no-such-program', /127.*no-such-program/],
    // one that was there before proves nothing
    ['true', /there is no new report at out.xml .*1 of an earlier run/],
    ['sleep 20; cp good.xml out.xml', /did not end within 1\.0s/],
  ]
  for (const [script, message] of cases) {
    const folder = await folderWith(t, {
      'tests.yml': `suites:\n  - command: [sh, -c, ${JSON.stringify(script)}]\n    junit: out.xml\n    timeout: ${script.startsWith('sleep') ? '1s' : '30s'}\n`,
      'good.xml': good,
      ...(script === 'true' ? { 'out.xml': good } : {}),
    })
    const run = await runHere(t, folder)
    assert.equal(run.result, 'infra', script)
    assert.throws(() => requirePass(run, folder), { reason: 'tests-not-run', message }, script)
  }
})

test('an old report that is written anew counts, also with the same bytes and time', async (t) => {
  const folder = await folderWith(t, {
    'tests.yml': `suites:\n  - command: [cp, -p, good.xml, out.xml]\n    junit: "*.xml"\n`,
    'good.xml': good,
    'out.xml': good,
  })
  for (const name of ['good.xml', 'out.xml']) await utimes(join(folder, name), 1, 1)
  const run = await runHere(t, folder)
  assert.equal(run.result, 'pass', JSON.stringify(run))
  assert.equal(run.cases.length, 1)
})

test('a program that is not there is named, and what can still run runs', async (t) => {
  const folder = await folderWith(t, {
    'tests.yml': `suites:\n  - command: [no-such-program]\n  - command: [cp, good.xml, out.xml]\n    junit: out.xml\n`,
    'good.xml': good,
  })
  const run = await runHere(t, folder)
  assert.equal(run.result, 'infra')
  assert.equal(run.passed, 1)
  assert.throws(() => requirePass(run, folder), { reason: 'missing-tool', message: /no-such-program/ })
  assert.equal(testCheck(run, folder).conclusion, 'cancelled')
})

test(
  'pytest without testinfra is named with the packages that have it',
  { skip: needs('pytest-3') },
  async (t) => {
    const bin = await folderWith(t, {
      'pytest-3':
        '#!/bin/sh\necho "ERROR: usage: pytest-3\nerror: unrecognized arguments: --hosts=local://" >&2\nexit 4\n',
    })
    const folder = await folderWith(t, { 'test_x.py': 'def test_x(host):\n    pass\n' })
    const empty = await temporaryFolder(t)
    const before = process.env['PATH']
    for (const folder of [bin, empty]) await symlink('/bin/sh', join(folder, 'sh'))
    process.env['PATH'] = bin
    const run = await runHere(t, folder).finally(() => (process.env['PATH'] = before))
    assert.throws(() => requirePass(run, folder), {
      reason: 'missing-tool',
      message: /python3-testinfra.*pytest-testinfra/,
    })
    process.env['PATH'] = empty
    const none = await runHere(t, folder).finally(() => (process.env['PATH'] = before))
    assert.throws(() => requirePass(none, folder), {
      reason: 'missing-tool',
      message: /pytest-3.*python3-testinfra/,
    })
  },
)

test(
  'several suites are one run, and a folder with checks and tests of pytest runs both',
  { skip: needs('pytest-3') },
  async (t) => {
    const files = {
      'checks.yml': 'files: { /etc/os-release: }\n',
      'sub/test_x.py': 'def test_x(host):\n    assert host.file("/etc/os-release").exists\n',
      'good.xml': good,
    }
    const names = ({ cases }: TestRun) => cases.map(({ suite, name }) => `${suite} ${name}`)
    const both = await runHere(t, await folderWith(t, files))
    assert.deepEqual(names(both), ['checks.files /etc/os-release', 'sub.test_x test_x'])
    const tests = `suites:
  - command: [cp, good.xml, out.xml]
    junit: [out.xml]
  - pytest: sub
  - checks: checks.yml
`
    const all = await runHere(t, await folderWith(t, { ...files, 'tests.yml': tests }))
    assert.deepEqual(names(all), ['a good', 'test_x test_x', 'checks.files /etc/os-release'])
    const { checks: _, ...onlyPytest } = { checks: 0, 'test_x.py': files['sub/test_x.py'] }
    assert.deepEqual(names(await runHere(t, await folderWith(t, onlyPytest))), ['test_x test_x'])
  },
)

test('what is wrong with tests.yml is told at once, each with its line', async (t) => {
  const folder = await folderWith(t, {
    'tests.yml': `suites:
  - pytest: nowhere
  - pytest: .
    checks: checks.yml
  - junit: out.xml
    pytest: .
  - checks: bad/checks.yml
  - {}
  - { checks: good/checks.yml, timeout: 5m }
`,
    'good/checks.yml': 'files: { /etc: }\n',
    'bad/checks.yml': 'ports:\n  tcp/70000:\n',
  })
  const failure = await readTestPlan(folder).then(
    () => assert.fail('it was taken'),
    (error: Failure) => error,
  )
  assert.equal(failure.reason, 'invalid-file')
  assert.deepEqual(
    failure.problems.map(({ file, line }) => [relative(folder, resolve(file)), line]),
    [
      ['tests.yml', 2],
      ['tests.yml', 3],
      ['tests.yml', 5],
      ['bad/checks.yml', 2],
      ['tests.yml', 8],
      ['tests.yml', 9],
    ],
  )
  const plain = await folderWith(t, { 'run.sh': 'x' })
  await chmod(join(plain, 'run.sh'), 0o644)
  await assert.rejects(readTestPlan(join(plain, 'run.sh')), { reason: 'bad-input', message: /chmod \+x/ })
  await assert.rejects(readTestPlan(join(plain, 'nowhere')), { reason: 'file-missing' })
})

test(
  'a test that passes when tried again is flaky, whichever program it is of',
  { skip: needs('pytest-3') },
  async (t) => {
    const folder = await folderWith(t, {
      'test_x.py': `
import os
runs = os.path.join(os.path.dirname(__file__), "runs")
def count(name):
    with open(runs, "a") as f: f.write(name + "\\n")
    return open(runs).read().split("\\n").count(name)
def test_steady(host):
    assert count("steady") == 1
def test_flaky(host):
    assert count("flaky") == 3
def test_broken(host):
    assert count("broken") == 0
`,
      'run.sh': `#!/bin/sh
echo x >>count
if [ "$(wc -l <count)" -ge 2 ]; then b='/>'; else b='><failure message="too early"/></testcase>'; fi
echo "<testsuite><testcase name='b'$b<testcase name='c'/></testsuite>" >out.xml
`,
      'checks.yml':
        'commands:\n  - { name: second, run: [sh, -c, "! mkdir FOLDER/made"] }\n  - { name: once, run: [mkdir, FOLDER/once] }\n',
      'tests.yml':
        'retries: 2\nsuites:\n  - pytest: .\n  - command: [./run.sh]\n    junit: out.xml\n  - checks: checks.yml\n',
    })
    const checks = join(folder, 'checks.yml')
    await writeFile(checks, (await readFile(checks, 'utf8')).replaceAll('FOLDER', folder))
    const lines: string[] = []
    const log = { ...silentLog, info: (line: string) => void lines.push(line) }
    const run = await runHere(t, folder, plainContext({ log }))
    const outcome = Object.fromEntries(
      run.cases.map(({ name, result, flaky }) => [name, flaky ? 'flaky' : result]),
    )
    assert.deepEqual(outcome, {
      test_steady: 'passed',
      test_flaky: 'flaky',
      test_broken: 'failed',
      b: 'flaky',
      c: 'passed',
      second: 'flaky',
      once: 'passed',
    })
    assert.deepEqual([run.result, run.passed, run.failed, run.flaky], ['fail', 6, 1, 3])
    const summary = testSummary(run)
    assert.match(summary, /6 passed, 1 failed, 0 skipped, 3 flaky/)
    assert.match(summary, /Flaky, failed once and passed once: .*test\\_flaky.*::b.*second/)
    // failed first, then what is flaky
    const rows = [...summary.matchAll(/^\| (❌|🔁|✅) \| (\S+)/gm)].map((match) => match[1])
    assert.deepEqual(rows, ['❌', '🔁', '🔁', '🔁', '✅', '✅', '✅'])
    const report = await readFile(run.junit ?? '', 'utf8')
    assert.match(report, /name="b"[^>]*><flakyFailure message="too early" type="failed"><\/flakyFailure>/)
    assert.match(report, /tests="7" failures="1" errors="0" skipped="0"/)
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.includes('cache')),
      [],
    )
  },
)

test(
  'tests that fail on a device without space are no verdict; a check of the space is one',
  { skip: cannotBoot },
  async (t) => {
    const { connection } = await bootDevice(t)
    const fill = 'mkdir -p /run/small && mount -t tmpfs -o size=64k tmpfs /run/small'
    assert.equal((await connection.run('sh', ['-c', fill])).code, 0)
    const failing = 'commands:\n  - run: [sh, -c, "cat /dev/zero >/run/small/full"]\n'
    const run = await runOn(t, connection, await folderWith(t, { 'checks.yml': failing }))
    assert.equal(run.result, 'infra')
    assert.equal(run.failed, 1)
    // a test that failed then is no failure
    assert.deepEqual(
      testCheck(run, '').remarks.map(({ level }) => level),
      ['warning'],
    )
    assert.throws(() => requirePass(run, ''), { reason: 'disk-full', message: /\/run\/small/ })
    const judged = await runOn(
      t,
      connection,
      await folderWith(t, { 'checks.yml': `${failing}disk: { /run/small: { free: 10% } }\n` }),
    )
    assert.equal(judged.result, 'fail')
    // a full disk that disturbs nobody is no reason to doubt what passed
    const passing = await runOn(t, connection, await folderWith(t, { 'checks.yml': 'files: { /etc: }\n' }))
    assert.equal(passing.result, 'pass')
    await connection.run('sh', ['-c', 'rm /run/small/full'])
    const fails = await runOn(t, connection, await folderWith(t, { 'checks.yml': 'files: { /nowhere: }\n' }))
    assert.equal(fails.result, 'fail')
    const told = await runOn(
      t,
      connection,
      await folderWith(t, {
        'checks.yml': 'commands:\n  - run: [sh, -c, "echo No space left on device; exit 1"]\n',
      }),
    )
    assert.throws(() => requirePass(told, ''), { reason: 'disk-full' })
  },
)

test('a device that reboots or is gone between checks is no verdict', { skip: cannotBoot }, async (t) => {
  const { connection, device } = await bootDevice(t)
  const folder = await folderWith(t, { 'checks.yml': 'commands:\n  - run: [sleep, "10"]\n' })
  const slow = runOn(t, connection, folder)
  setTimeout(() => device.powerCut(), 1500)
  const run = await slow
  assert.throws(() => requirePass(run, folder), { reason: 'device-unreachable' })
  assert.equal(run.result, 'infra')
})

test('nothing stays behind in the temporary folder', async (t) => {
  const before = new Set(await readdir(tmpdir()))
  const folder = await folderWith(t, {
    'tests.yml': 'suites:\n  - command: [cp, good.xml, out.xml]\n    junit: out.xml\n',
    'good.xml': good,
  })
  await runHere(t, folder)
  const left = (await readdir(tmpdir())).filter(
    (name) => !before.has(name) && name.startsWith('tests.drover') && name.includes(`-${process.pid}-`),
  )
  assert.deepEqual(left, [])
  assert.ok(existsSync(join(folder, 'out.xml')))
})

/** A folder with these files; scripts may be run. */
async function folderWith(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 })
  }
  return folder
}

async function runOn(
  t: TestContext,
  connection: Connection,
  tests: string,
  options: { expectRelease?: string } = {},
) {
  const output = join(await temporaryFolder(t), 'results')
  return await runTests(connection, { tests, output, ...options }, context)
}

async function runHere(t: TestContext, tests: string, own = context): Promise<TestRun> {
  const connection = await connect('local:', { context: own })
  const output = join(await temporaryFolder(t), 'results')
  return await runTests(connection, { tests, output }, own)
}
