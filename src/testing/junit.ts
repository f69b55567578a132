// JUnit reports, as pytest writes them and as we do.
import { parseXml, escapeXml, type XmlElement } from './xml.ts'
import type { TestCase, TestRun } from './test-run.ts'

const maxCases = 50_000
const maxDetails = 64 << 10

/** The cases of a report, in its order. Throws an Error for anything that is no JUnit report. */
export function readJunit(text: string): TestCase[] {
  const root = parseXml(text)
  const suites = root.name === 'testsuites' ? root.children : [root]
  const cases: TestCase[] = []
  for (const suite of suites) {
    if (suite.name !== 'testsuite') throw new Error(`<${suite.name}> where <testsuite> was expected`)
    for (const element of suite.children) if (element.name === 'testcase') add(cases, testCase(element))
  }
  if (cases.length > maxCases) throw new Error(`more than ${maxCases} tests`)
  return cases
}

/** A report whose host is the device: other programs write the machine that they ran on. */
export function writeJunit(run: TestRun, at: Date): string {
  const counts = `tests="${run.cases.length}" failures="${run.failed}" errors="0" skipped="${run.skipped}"`
  const when = `time="${run.seconds.toFixed(3)}" timestamp="${at.toISOString()}"`
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<testsuites>',
    `<testsuite name="device" hostname="${escapeXml(run.device)}" ${counts} ${when}>`,
    `<properties><property name="release" value="${escapeXml(run.release ?? '')}"/></properties>`,
    ...run.cases.map(caseElement),
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase(element: XmlElement): TestCase {
  const { attributes } = element
  const found = (name: string) => element.children.find((child) => child.name === name)
  const broken = found('failure') ?? found('error')
  const verdict = broken ?? found('skipped')
  const result = broken ? 'failed' : verdict ? 'skipped' : 'passed'
  const details = (verdict?.text ?? '').slice(0, maxDetails)
  const line = attributes['line'] === undefined ? undefined : Number(attributes['line']) + 1 // pytest counts from 0
  const file = attributes['file']
  return {
    suite: attributes['classname'] ?? '',
    name: withoutDevice(attributes['name'] ?? ''),
    result,
    message: shortMessage(verdict?.attributes['message'] ?? ''),
    details,
    seconds: Number(attributes['time']) || 0,
    file,
    line: (broken && file !== undefined ? failedLine(details, file) : undefined) ?? line,
  }
}

/** A test that failed and whose clean-up failed too stands twice in a report; it is one test, and failed. */
function add(cases: TestCase[], next: TestCase): void {
  const last = cases.at(-1)
  const isSame = last && last.suite === next.suite && last.name === next.name
  if (!isSame) cases.push(next)
  else if (next.result === 'failed' && last.result !== 'failed') cases[cases.length - 1] = next
}

// testinfra runs each test for a host and says so in its name: test_x[ssh://device], test_y[local-parameter]
function withoutDevice(name: string): string {
  return name.replace(/\[(?:ssh:\/\/device|local)(?:-(.*))?\]$/s, (_all, rest?: string) =>
    rest === undefined ? '' : `[${rest}]`,
  )
}

// pytest's message goes on with what it compared; its first lines say enough
function shortMessage(message: string): string {
  return message.split('\n').slice(0, 3).join('\n').slice(0, 1000)
}

// a traceback has a line `file:line: Error` for each call; the last one in the test's own file is what failed
function failedLine(details: string, file: string): number | undefined {
  const places = [...details.matchAll(/^(\S[^:\n]*):(\d+): /gm)].filter((place) => place[1] === file)
  const line = places.at(-1)?.[2]
  return line === undefined ? undefined : Number(line)
}

function caseElement({ suite, name, result, message, details, seconds, file, line }: TestCase): string {
  const place =
    file === undefined ? '' : ` file="${escapeXml(file)}"${line === undefined ? '' : ` line="${line}"`}`
  const head = `<testcase classname="${escapeXml(suite)}" name="${escapeXml(name)}"${place} time="${seconds.toFixed(3)}"`
  if (result === 'passed') return `${head}/>`
  const tag = result === 'failed' ? 'failure' : 'skipped'
  return `${head}><${tag} message="${escapeXml(message)}">${escapeXml(details)}</${tag}></testcase>`
}
