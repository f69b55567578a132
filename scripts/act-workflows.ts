// Runs the workflows that users copy, on real parts: act in host mode, the embedded OTA server, virtual devices.
import { parseArgs } from 'node:util'
import { Failure, messageOf } from '../src/platform/platform.ts'
import { fleetChecks } from './act/fleet.ts'
import { osChecks } from './act/os.ts'
import { makePlace } from './act/place.ts'
import type { Place } from './act/run-act.ts'
import { runnerChecks } from './act/runner.ts'
import { findAct } from './act/tool.ts'

/** One thing to prove: rejects where it doesn't hold. */
export interface Check {
  title: string
  run: (place: Place) => Promise<void>
}

const { values: options } = parseArgs({ options: { only: { type: 'string' }, keep: { type: 'boolean' } } })
const say = (line: string) => process.stdout.write(`${line}\n`)
const abort = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => abort.abort(new Failure('cancelled', `ended by ${name}`)))
}
process.exitCode = await main()

async function main(): Promise<number> {
  const checks = [...osChecks, ...fleetChecks, ...runnerChecks].filter(({ title }) =>
    title.includes(options.only ?? ''),
  )
  if (checks.length === 0) {
    say(`no title has "${options.only}" in it`)
    return 1
  }
  const tool = findAct(say)
  if ('missing' in tool) {
    for (const { title } of checks) say(`- ${title} (skipped: ${tool.missing})`)
    say(`workflows: 0 passed, 0 failed, ${checks.length} skipped`)
    return 0
  }
  if ('failed' in tool) {
    say(`✖ ${tool.failed}`)
    say(`workflows: 0 passed, ${checks.length} failed, 0 skipped`)
    return 1
  }
  const place = await makePlace({ act: tool.path, say, signal: abort.signal })
  let failed = 0
  try {
    for (const { title, run } of checks) if (!(await holds(title, () => run(place)))) failed += 1
  } finally {
    await place.leave(options.keep === true)
  }
  say(`workflows: ${checks.length - failed} passed, ${failed} failed, 0 skipped`)
  return failed === 0 ? 0 : 1
}

async function holds(title: string, run: () => Promise<void>): Promise<boolean> {
  const startedAt = performance.now()
  const took = () => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`
  say(`\n${title}`)
  try {
    abort.signal.throwIfAborted()
    await run()
    say(`✔ ${title} ${took()}`)
    return true
  } catch (error) {
    say(`✖ ${title} ${took()}\n    ${messageOf(error).replaceAll('\n', '\n    ')}`)
    return false
  }
}
