import type { Inputs } from '../../src/action/action.ts'
import { Failure } from '../../src/platform/platform.ts'
import { parseEndpoint } from '../../src/server/server.ts'

/** The inputs, checked; throws `bad-input`. */
export function serveOptions(input: Inputs<'serve-ota'>) {
  const text = input.optional('port') ?? '0'
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined) {
    const forms = 'a number up to 65535, 0, or one with an address before it such as 192.168.1.2:8443'
    throw new Failure('bad-input', `port is "${text}"; give ${forms}`)
  }
  const dataDir = input.path('data-dir')
  if (dataDir === undefined) throw new Failure('bad-input', 'data-dir is empty: name a folder for the state')
  return { dataDir, ...endpoint, accept: input.choice('accept', ['none', 'all']) }
}
