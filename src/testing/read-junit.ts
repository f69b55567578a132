// Reads JUnit reports as pytest, GoogleTest, Maven, Jest, bats, go-junit-report and others write them. There is no standard:
// what is certain is a testcase, and in it how it failed or that it was skipped.
import { type Measure, parseMeasure } from './measure.ts'
import type { TestCase } from './test-run.ts'
import { type XmlElement, parseXml } from './xml.ts'

const maxCases = 50_000
const maxDetails = 64 << 10

/** The cases of a report, in its order. Throws an Error for anything that is no JUnit report. */
export function readJunit(text: string): TestCase[] {
  const root = parseXml(text)
  const name = localName(root)
  if (name !== 'testsuites' && name !== 'testsuite')
    throw new Error(`<${root.name}> where <testsuites> or <testsuite> was expected`)
  const cases: TestCase[] = []
  readSuite(root, cases)
  return cases
}

function readSuite(suite: XmlElement, cases: TestCase[]): void {
  const first = cases.length
  for (const element of suite.children) {
    const name = localName(element)
    if (name === 'testsuite') readSuite(element, cases)
    if (name === 'testcase') add(cases, testCase(element, suite), has(element, 'error'))
    if (cases.length > maxCases) throw new Error(`more than ${maxCases} tests`)
  }
  const own = cases.slice(first)
  const declared = number(suite.attributes['failures']) + number(suite.attributes['errors'])
  const isTold = declared === 0 || own.some(({ result }) => result === 'failed')
  const broken = localName(suite) === 'testsuite' ? childNamed(suite, 'error', 'failure') : undefined
  if (broken || !isTold) cases.push(unnamedFailure(suite, broken, declared))
  // numbers of a whole suite belong to no test of it, so its last one carries them
  const last = cases.at(-1)
  const measures = measuresIn(suite)
  if (last && cases.length > first) last.measures = [...(last.measures ?? []), ...measures]
}

/** A suite that says it failed while none of its tests did. */
function unnamedFailure(suite: XmlElement, broken: XmlElement | undefined, declared: number): TestCase {
  return {
    suite: suite.attributes['name'] ?? '',
    name: '(the suite itself)',
    result: 'failed',
    message: broken ? messageIn(broken) : `it says that ${declared} tests failed, and names none`,
    details: textOf(broken).slice(0, maxDetails),
    seconds: 0,
    file: suite.attributes['file'],
    line: undefined,
  }
}

function testCase(element: XmlElement, suite: XmlElement): TestCase {
  const { attributes } = element
  const broken = childNamed(element, 'failure', 'error')
  const skipped = childNamed(element, 'skipped', 'disabled') ?? (isNotRun(attributes) ? element : undefined)
  const hasFailed =
    broken !== undefined || /^(fail(ed|ure)?|errored|error)$/i.test(attributes['status'] ?? '')
  const result = hasFailed ? 'failed' : skipped ? 'skipped' : 'passed'
  const verdict = broken ?? (result === 'skipped' ? childNamed(element, 'skipped', 'disabled') : undefined)
  const flaky = result === 'passed' ? childNamed(element, 'flakyFailure', 'flakyError') : undefined
  const measures = measuresIn(element)
  return {
    suite: attributes['classname'] ?? attributes['class'] ?? suite.attributes['name'] ?? '',
    name: withoutDevice(attributes['name'] ?? '(without a name)'),
    result,
    message: verdict ? messageIn(verdict) : hasFailed ? 'it says that it failed' : '',
    details: allDetails(element, verdict).slice(0, maxDetails),
    seconds: number(attributes['time']),
    file: attributes['file'] ?? suite.attributes['file'],
    line: lineIn(attributes),
    ...(flaky && { flaky: { message: messageIn(flaky), details: textOf(flaky).slice(0, maxDetails) } }),
    ...(measures.length > 0 && { measures }),
  }
}

/**
 * A test of pytest whose clean-up failed stands twice in a report, the second time with an error; it is one test, and failed.
 * Others may have two tests of one name.
 */
function add(cases: TestCase[], next: TestCase, isError: boolean): void {
  const last = cases.at(-1)
  const isSame = isError && last && last.suite === next.suite && last.name === next.name
  if (!isSame) cases.push(next)
  else if (last.result !== 'failed') cases[cases.length - 1] = next
}

// GoogleTest: a test that was disabled or filtered out
function isNotRun({ status, result }: XmlElement['attributes']): boolean {
  return /^(notrun|disabled|skipped|ignored|pending)$/i.test(status ?? '') || result === 'skipped'
}

// GoogleTest has an element for each assertion that failed
function allDetails(element: XmlElement, verdict: XmlElement | undefined): string {
  if (!verdict) return ''
  const same = element.children.filter((child) => localName(child) === localName(verdict))
  return same.map(textOf).filter(Boolean).join('\n')
}

// pytest's message goes on with what it compared; Jest and bats have none, and the text's first line says it
function messageIn(verdict: XmlElement): string {
  const given = verdict.attributes['message'] ?? ''
  const isTelling = given.trim() !== '' && !/^(failed|failure|error)$/i.test(given.trim())
  const text = isTelling ? given : textOf(verdict).trim() || given
  return plain(text).split('\n').slice(0, 3).join('\n').slice(0, 1000)
}

function measuresIn(element: XmlElement): Measure[] {
  const properties = element.children.filter((child) => localName(child) === 'properties')
  return properties.flatMap(({ children }) =>
    children.flatMap(({ attributes, text }) => {
      const name = /^measure:(.+)$/.exec(attributes['name'] ?? '')?.[1]?.trim()
      const measure = name === undefined ? undefined : parseMeasure(name, attributes['value'] ?? text)
      return measure ? [measure] : []
    }),
  )
}

// GoogleTest counts from 1, pytest from 0: only pytest has a line without a status
function lineIn(attributes: XmlElement['attributes']): number | undefined {
  const line = attributes['line'] === undefined ? NaN : Number(attributes['line'])
  if (!Number.isInteger(line) || line < 0) return undefined
  const isPytest = attributes['file']?.endsWith('.py') === true && attributes['status'] === undefined
  return isPytest ? line + 1 : line || undefined
}

// Maven writes 1,234.5
function number(text: string | undefined): number {
  const value = Number((text ?? '').replaceAll(',', ''))
  return Number.isFinite(value) && value > 0 ? value : 0
}

// testinfra runs each test for a host and says so in its name: test_x[ssh://device], test_y[local-parameter]
function withoutDevice(name: string): string {
  return name.replace(/\[(?:ssh:\/\/device|local)(?:-(.*))?\]$/s, (_all, rest?: string) =>
    rest === undefined ? '' : `[${rest}]`,
  )
}

/** Colours that a program meant for a terminal; pytest writes the control character as `#x1B`. */
// oxlint-disable-next-line no-control-regex -- it is what this removes
const plain = (text: string) => text.replace(/(?:\u001b|#x1B)\[[0-9;]*m/g, '')

const textOf = (element: XmlElement | undefined) => plain(element?.text ?? '')

const localName = ({ name }: XmlElement) => name.slice(name.indexOf(':') + 1)

function childNamed({ children }: XmlElement, ...names: string[]): XmlElement | undefined {
  for (const name of names) {
    const found = children.find((child) => localName(child) === name)
    if (found) return found
  }
  return undefined
}

const has = (element: XmlElement, name: string) => childNamed(element, name) !== undefined
