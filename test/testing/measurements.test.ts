import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Ajv from 'ajv'
import { type Connection, connect } from '../../src/device/device.ts'
import { type Failure, plainContext } from '../../src/platform/platform.ts'
import {
  type TestRun,
  requirePass,
  runTests,
  testCheck,
  testSummary,
  testWarnings,
} from '../../src/testing/testing.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const at = '2026-01-12T10:04:12.000Z'

test(
  'numbers of all kinds of suites are kept for the release, in a file of the published form',
  { skip: needs('pytest-3') },
  async (t) => {
    const folder = await folderWith(t, {
      'test_x.py':
        'def test_x(host, record_property, record_testsuite_property):\n    record_property("measure:latency", "4.5 ms")\n    record_property("other", "x")\n    record_testsuite_property("measure:all", 7)\n',
      'checks.yml':
        'commands:\n  - { run: [echo, "-1.5e2 W"], measure: { name: power, unit: W } }\nmemory: { available: 1MiB }\n',
      'tests.yml': 'suites:\n  - pytest: .\n  - checks: checks.yml\n',
    })
    const { run, output } = await runHere(t, folder)
    assert.equal(run.result, 'pass', JSON.stringify(run))
    const file: unknown = JSON.parse(await readFile(join(output, 'measurements.json'), 'utf8'))
    const schema: object = JSON.parse(
      await readFile(join(import.meta.dirname, '../../schemas/measurements.json'), 'utf8'),
    )
    const validate = new Ajv.default({ strict: false, formats: { 'date-time': true } }).compile(schema)
    assert.ok(validate(file), JSON.stringify(validate.errors))
    const { measurements, release } = file as { measurements: Record<string, unknown>; release: unknown }
    assert.deepEqual(Object.keys(measurements), ['all', 'latency', 'memory-used', 'power'])
    assert.deepEqual(measurements['latency'], { value: 4.5, unit: 'ms' })
    assert.deepEqual(measurements['power'], { value: -150, unit: 'W' })
    assert.equal(release, run.release ?? null)
    assert.match(
      await readFile(run.junit ?? '', 'utf8'),
      /<property name="measure:latency" value="4\.5 ms"\/>/,
    )
  },
)

test('a program may leave its numbers in a file, as benchmarks do', async (t) => {
  const script = (json: string) =>
    `#!/bin/sh\necho '<testsuite><testcase name="a"/></testsuite>' >"$JUNIT_OUTPUT"\ncat >"$MEASUREMENTS_OUTPUT" <<'END'\n${json}\nEND\n`
  const folder = await folderWith(t, {
    'run.sh': script(
      '[{"name": "sort", "value": 1.5, "unit": "ms", "range": "±2"}, {"name": "count", "value": 7}]',
    ),
  })
  await chmod(join(folder, 'run.sh'), 0o755)
  const { run } = await runHere(t, join(folder, 'run.sh'))
  assert.deepEqual(
    run.measures.map(({ name, value, unit }) => [name, value, unit]),
    [
      ['sort', 1.5, 'ms'],
      ['count', 7, ''],
    ],
  )
  for (const wrong of ['{}', '[{"name": "x"}]', '[', '[{"name": "x", "value": "1"}]']) {
    await writeFile(join(folder, 'run.sh'), script(wrong))
    const bad = await runHere(t, join(folder, 'run.sh'))
    assert.equal(bad.run.result, 'infra', wrong)
    assert.throws(() => requirePass(bad.run, folder), {
      reason: 'tests-not-run',
      message: /what was measured can't be read/,
    })
  }
})

test('what became worse than its limit is flagged with both numbers, and only fails where it is to', async (t) => {
  const folder = await folderWith(t, {
    'checks.yml': numbers(
      { boot: 12, speed: 80, steady: 10.5, size: 5, free: 3, small: 1 },
      's',
      `
  limits:
    boot: { worse-by: 10% }
    speed: { worse-by: 10%, better: higher }
    steady: { worse-by: 10% }
    size: { at-most: 4 }
    free: { at-least: 4 }
    small: { worse-by: "0.5" }
`,
    ),
    'before.json': baseline({ boot: 10, speed: 100, steady: 10, size: 1, free: 9, small: 0.4 }),
  })
  const { run } = await runHere(t, folder)
  assert.equal(run.result, 'pass')
  requirePass(run, folder)
  const flagged = run.measures.flatMap(({ problem }) => problem ?? [])
  assert.deepEqual(flagged, [
    'boot is 12 s; it was 10 s in os-1, and at most 10 % worse was allowed',
    'speed is 80 s; it was 100 s in os-1, and at most 10 % worse was allowed',
    'size is 5 s; at most 4 s was allowed',
    'free is 3 s; at least 4 s was asked for',
    'small is 1 s; it was 0.4 s in os-1, and at most 0.5 s worse was allowed',
  ])
  const summary = testSummary(run)
  assert.match(summary, /\| ⚠️ \| boot \| 12 s \| 10 s \| boot is 12 s; it was 10 s/)
  assert.match(summary, /\| {2}\| steady \| 10\.5 s \| 10 s \| {2}\|/)
  const remarks = testWarnings(run)
  assert.equal(remarks.length, 5)
  const text = (await readFile(join(folder, 'checks.yml'), 'utf8')).split('\n')
  assert.match(text[(remarks[0]?.line ?? 0) - 1] ?? '', /^ {4}boot:/)
  assert.deepEqual(
    testCheck(run, folder).remarks.map(({ level }) => level),
    Array.from({ length: 5 }, () => 'warning'),
  )
})

test('with result: fail a number beyond its limit is a failed test at the line of the limit', async (t) => {
  const folder = await folderWith(t, {
    'checks.yml': numbers(
      { boot: 12 },
      's',
      '  limits:\n    boot: { worse-by: 10%, result: fail }\n    gone: { at-most: 1, result: fail }\n',
    ),
    'before.json': baseline({ boot: 10 }),
  })
  const { run } = await runHere(t, folder)
  assert.deepEqual([run.result, run.passed, run.failed], ['fail', 1, 2])
  assert.throws(
    () => requirePass(run, folder),
    (error: Failure) => {
      assert.deepEqual(
        error.problems.map(({ message }) => message),
        [
          'measurements::boot: boot is 12 s; it was 10 s in os-1, and at most 10 % worse was allowed',
          'measurements::gone: gone has a limit, and no test measured it',
        ],
      )
      return true
    },
  )
  assert.match(testSummary(run), /\| ❌ \| boot \|/)
})

test('without an earlier release, or with another device type or unit, nothing is compared and that is said', async (t) => {
  const limits = '  limits:\n    boot: { worse-by: 10% }\n'
  const none = await runHere(t, await folderWith(t, { 'checks.yml': numbers({ boot: 12 }, 's', limits) }))
  assert.match(none.run.baselineNote ?? '', /no earlier measurements at .*before\.json/)
  assert.match(testSummary(none.run), /There are no earlier measurements/)
  const other = await runHere(
    t,
    await folderWith(t, {
      'checks.yml': numbers({ boot: 12 }, 's', limits),
      'before.json': baseline({ boot: 1 }, { deviceType: 'other' }),
    }),
  )
  assert.match(other.run.baselineNote ?? '', /are of other: they were not compared/)
  const unit = await runHere(
    t,
    await folderWith(t, {
      'checks.yml': numbers({ boot: 12 }, 's', limits),
      'before.json': baseline({ boot: 1 }, { unit: 'min' }),
    }),
  )
  for (const { run } of [none, other, unit])
    assert.deepEqual([run.result, run.measures[0]?.problem], ['pass', undefined])
})

test('a damaged baseline and limits that limit nothing are named before anything runs', async (t) => {
  const made = join(await temporaryFolder(t), 'made')
  const cases: [checks: string, before: string, message: RegExp][] = [
    [numbers({ a: 1 }, 's', ''), '{"version": 1', /before\.json.*baseline of measurements: remove it/],
    [numbers({ a: 1 }, 's', ''), '{"version": 2}', /before\.json.*baseline of measurements/],
    [numbers({ a: 1 }, 's', '  limits: { a: { better: higher } }\n'), baseline({}), /limits nothing/],
    [
      numbers({ a: 1 }, 's', '  limits: { a: { worse-by: 5% } }\n')
        .replace('baseline: before.json', '{}')
        .replace(/measurements:\n {2}\{\}\n/, 'measurements:\n'),
      baseline({}),
      /name its measurements as baseline/,
    ],
  ]
  for (const [checks, before, message] of cases) {
    const folder = await folderWith(t, {
      'checks.yml': `${checks}files: { ${made}: }\n`,
      'before.json': before,
    })
    await assert.rejects(runHere(t, folder), { reason: 'invalid-file', message })
  }
})

test('a run without a verdict leaves no numbers for the next release', async (t) => {
  const folder = await folderWith(t, {
    'checks.yml': numbers({ a: 1 }, 's', '').replace('measurements:\n  baseline: before.json\n', ''),
    'tests.yml': 'suites:\n  - checks: checks.yml\n  - command: [no-such-program]\n',
  })
  const { run, output } = await runHere(t, folder)
  assert.equal(run.result, 'infra')
  assert.ok(existsSync(join(output, 'junit.xml')))
  assert.ok(!existsSync(join(output, 'measurements.json')))
})

function numbers(values: Record<string, number>, unit: string, rules: string): string {
  const commands = Object.entries(values).map(
    ([name, value]) =>
      `  - { name: ${name}, run: [echo, "${value}"], measure: { name: ${name}, unit: ${unit} } }`,
  )
  return `commands:\n${commands.join('\n')}\nmeasurements:\n  baseline: before.json\n${rules.replace(/^\n/, '')}`
}

function baseline(
  values: Record<string, number>,
  { deviceType, unit = 's' }: { deviceType?: string; unit?: string } = {},
): string {
  const measurements = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, unit }]),
  )
  return JSON.stringify({
    version: 1,
    release: 'os-1',
    deviceType: deviceType ?? 'a board',
    measuredAt: at,
    measurements,
  })
}

async function folderWith(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

async function runHere(t: TestContext, tests: string): Promise<{ run: TestRun; output: string }> {
  const context = plainContext()
  const local = await connect('local:', { context })
  // this machine has no update client that would tell its type
  const connection: Connection = {
    ...local,
    run: (program, args = [], options = {}) =>
      local.run(
        program,
        args
          .map((arg) => arg.replace('cat /etc/hwrevision 2>/dev/null', 'true'))
          .map((arg) =>
            arg.replace('cat /var/lib/mender/device_type 2>/dev/null', 'echo device_type=a board'),
          ),
        options,
      ),
  }
  const output = join(await temporaryFolder(t), 'results')
  return { run: await runTests(connection, { tests, output }, context), output }
}
