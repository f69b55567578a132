// What the commands that are no actions print: their result as JSON, and why they failed.
import type { Host } from '../action/action.ts'
import { Failure, type Problem } from '../platform/platform.ts'

/**
 * Tells on standard error why a command failed, each problem in a file with its place first, and with `json` also as one
 * object on standard output: `failure-reason`, the narrowest that is known. Returns the exit status; throws what is no
 * failure but a bug of ours.
 */
export function reportFailure(error: unknown, host: Host, given: { json: boolean }): number {
  if (!(error instanceof Failure)) throw error
  if (given.json) process.stdout.write(jsonText({ 'failure-reason': error.detail }))
  for (const problem of error.problems) host.log.info(placed(problem))
  host.error({ message: `${error.detail}: ${error.message}` })
  return 1
}

/** A problem with its place, as compilers print it: `file:line:column message`. */
export const placed = ({ file, line, column, message }: Problem): string =>
  `${file}:${line ?? 1}:${column ?? 1} ${message}`

/** JSON with its line end, in one line or indented, without what a terminal would take for an order. */
export function jsonText(value: unknown, options: { indent?: number } = {}): string {
  const text = JSON.stringify(value, undefined, options.indent ?? 0)
  return `${unsafe.test(text) ? text.replace(new RegExp(unsafe, 'g'), escaped) : text}\n`
}

const unsafe = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/
const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
