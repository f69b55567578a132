import { escapeXml } from './xml.ts'
import type { TestCase, TestRun } from './test-run.ts'

/**
 * A report whose host is the device: other programs write the machine that they ran on. A flaky test has Maven's
 * `flakyFailure`; numbers are properties `measure:<name>`. `placeOf` says how files are named.
 */
export function writeJunit(run: TestRun, at: Date, placeOf = (file: string) => file): string {
  const counts = `tests="${run.cases.length}" failures="${run.failed}" errors="0" skipped="${run.skipped}"`
  const when = `time="${run.seconds.toFixed(3)}" timestamp="${at.toISOString()}"`
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<testsuites ${counts} time="${run.seconds.toFixed(3)}">`,
    `<testsuite name="device" hostname="${escapeXml(run.device)}" ${counts} ${when}>`,
    '<properties>',
    property('release', run.release ?? ''),
    ...(run.about?.deviceType === undefined ? [] : [property('device-type', run.about.deviceType)]),
    ...Object.entries(run.about?.facts ?? {}).map(([name, value]) => property(`fact:${name}`, value)),
    ...run.measures
      .filter(({ value }) => Number.isFinite(value))
      .map(({ name, value, unit }) => property(`measure:${name}`, `${value} ${unit}`.trim())),
    '</properties>',
    ...run.cases.map((one) => caseElement(one, placeOf)),
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

const property = (name: string, value: string) =>
  `<property name="${escapeXml(name)}" value="${escapeXml(value)}"/>`

function caseElement(one: TestCase, placeOf: (file: string) => string): string {
  const { suite, name, result, message, details, seconds, file, line, flaky } = one
  const fileText = file === undefined ? '' : ` file="${escapeXml(placeOf(file))}"`
  const place = file === undefined || line === undefined ? fileText : `${fileText} line="${line}"`
  const time = Number.isFinite(seconds) ? Math.max(0, seconds).toFixed(3) : '0.000'
  const head = `<testcase classname="${escapeXml(suite)}" name="${escapeXml(name)}"${place} time="${time}"`
  if (result === 'failed') return `${head}>${verdict('failure', message, details)}</testcase>`
  if (result === 'skipped') return `${head}>${verdict('skipped', message, details)}</testcase>`
  if (flaky) return `${head}>${verdict('flakyFailure', flaky.message, flaky.details)}</testcase>`
  return `${head}/>`
}

function verdict(tag: string, message: string, details: string): string {
  const type = tag === 'skipped' ? '' : ' type="failed"'
  return `<${tag} message="${escapeXml(message)}"${type}>${escapeXml(details)}</${tag}>`
}
