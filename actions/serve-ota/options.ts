import type { Inputs } from '../../src/action/action.ts'
import { Failure } from '../../src/platform/platform.ts'

/** The inputs, checked; throws `bad-input`. */
export function serveOptions(input: Inputs<'serve-ota'>) {
  const text = input.optional('port') ?? '0'
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new Failure('bad-input', `port is "${text}"; give a number up to 65535, or 0`)
  const dataDir = input.path('data-dir')
  if (dataDir === undefined) throw new Failure('bad-input', 'data-dir is empty: name a folder for the state')
  return { dataDir, port, accept: input.choice('accept', ['none', 'all']) }
}
