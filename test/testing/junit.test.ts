import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestRun, readJunit, writeJunit } from '../../src/testing/testing.ts'

const suite = (cases: string) =>
  `<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">${cases}</testsuite></testsuites>`

test('a report gives every test with its outcome and place, without the name of the host', () => {
  const cases = readJunit(
    suite(`
      <testcase classname="test_os" name="test_root[ssh://device]" file="test_os.py" line="3" time="0.04" />
      <testcase classname="test_os" name="test_port[ssh://device-22]" file="test_os.py" line="7" time="1.5"><failure
        message="AssertionError: a &lt; b&#10;more">x
test_lib.py:90: in helper
test_os.py:9: AssertionError</failure></testcase>
      <testcase classname="test_os" name="test_x[local]" time="0"><skipped type="pytest.skip" message="no &quot;x&quot;">why</skipped></testcase>
      <testcase classname="test_os" name="test_y[a-b]" time="0"><error message="fixture" /></testcase>`),
  )
  assert.deepEqual(
    cases.map(({ name, result, message, file, line, seconds }) => ({
      name,
      result,
      message,
      file,
      line,
      seconds,
    })),
    [
      { name: 'test_root', result: 'passed', message: '', file: 'test_os.py', line: 4, seconds: 0.04 },
      {
        name: 'test_port[22]',
        result: 'failed',
        message: 'AssertionError: a < b\nmore',
        file: 'test_os.py',
        line: 8,
        seconds: 1.5,
      },
      { name: 'test_x', result: 'skipped', message: 'no "x"', file: undefined, line: undefined, seconds: 0 },
      {
        name: 'test_y[a-b]',
        result: 'failed',
        message: 'fixture',
        file: undefined,
        line: undefined,
        seconds: 0,
      },
    ],
  )
})

test('a test that passed and whose clean-up failed is one failed test', () => {
  const twice =
    '<testcase classname="a" name="b" /><testcase classname="a" name="b"><error message="teardown"/></testcase>'
  assert.deepEqual(
    readJunit(suite(twice)).map(({ result }) => result),
    ['failed'],
  )
})

test('what is no report, is cut short or could expand is refused', () => {
  const wrong = [
    '',
    'no xml',
    '<html></html>',
    '<testsuites><testsuite>',
    '<testsuites></testsuite>',
    '<a/><b/>',
    'x<testsuites/>',
    '<!DOCTYPE x [<!ENTITY a "b">]><testsuites/>',
    '<testsuites>&a;</testsuites>',
    '<testsuites a="&lt"/>',
    '<testsuites a="1" a="2"/>',
    '<testsuites a=1/>',
    '<testsuites>&#0;</testsuites>',
    '<testsuites>&#xffffffff;</testsuites>',
    suite('<testcase name="<" />'),
    '<a>'.repeat(100_000),
  ]
  for (const text of wrong) assert.throws(() => readJunit(text), Error, text.slice(0, 60))
})

test('a long report is read in time that grows with its length', () => {
  const many =
    '<testcase classname="a" name="b&amp;c" time="0.1"><failure message="x">&lt;</failure></testcase>'
  const numbered = Array.from({ length: 20_000 }, (_, i) => many.replace('name="', `name="${i}`)).join('\n')
  const startedAt = performance.now()
  assert.equal(readJunit(suite(numbered)).length, 20_000)
  assert.throws(() => readJunit(`<a ${' '.repeat(200_000)}`), Error)
  assert.throws(() => readJunit(`<a b="${'<'.repeat(200_000)}`), Error)
  assert.ok(performance.now() - startedAt < 3000)
})

test('what is written is read again as it was, whatever the texts hold', () => {
  const nasty = ']]> <b> & "q" \'a\' \u0007\u001b[31m é\ud800 \n\ttab'
  const clean = nasty.replace('\u0007', '').replace('\u001b', '').replace('\ud800', '\ufffd')
  const run: TestRun = {
    result: 'fail',
    device: '10.78.1.2"><x',
    release: nasty,
    passed: 0,
    failed: 1,
    skipped: 0,
    flaky: 0,
    about: undefined,
    measures: [],
    baselineNote: undefined,
    junit: undefined,
    seconds: 1.5,
    cases: [
      {
        suite: 'a',
        name: nasty,
        result: 'failed',
        message: nasty,
        details: nasty,
        seconds: 1,
        file: 'a.py',
        line: 3,
      },
    ],
  }
  const text = writeJunit(run, new Date('2026-01-02T03:04:05Z'))
  assert.match(
    text,
    /hostname="10\.78\.1\.2&quot;&gt;&lt;x" tests="1" failures="1" errors="0" skipped="0" time="1\.500" timestamp="2026-01-02T03:04:05/,
  )
  assert.deepEqual(
    readJunit(text).map(({ name, message, details }) => [name, message, details]),
    [[clean, clean, clean]],
  )
})
