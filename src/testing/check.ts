import type { Measure } from './measure.ts'
import type { Probe, ProbeResult } from './probe.ts'

/** What has to be true of a device, and how it is asked. */
export interface Check {
  /** The part of checks.yml that it stands in. */
  section: string
  name: string
  /** Where it stands in the file. */
  place: readonly (string | number)[]
  probe: Probe
  judge(answer: ProbeResult): CheckVerdict
  /** Why it can never be true, whatever the device says. */
  contradiction?: string | undefined
}

/** A check with its line. */
export type FoundCheck = Check & { line: number }

/** Nothing wrong is a pass. */
export interface CheckVerdict {
  problems: string[]
  measures?: Measure[]
}

/** `one`, or each of several. */
export function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** `wanted`, where `pattern` may have a * for anything. */
export function isLike(text: string, pattern: string): boolean {
  const parts = pattern.split('*')
  const [first = '', ...rest] = parts
  const last = rest.pop()
  if (last === undefined) return text === pattern
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}

/** A check that can't be made is none that passed. */
export function unanswered(what: string, { status, output }: Pick<ProbeResult, 'status' | 'output'>) {
  const said = output.trim().split('\n').at(-1) ?? ''
  return { problems: [`${what} gave no answer (exit status ${status})${said === '' ? '' : `: ${said}`}`] }
}
