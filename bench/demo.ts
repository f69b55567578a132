// Length of the demonstration's steps, as its last run on this machine recorded them.
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { readYaml } from '../src/platform/platform.ts'
import type { Row } from './main.ts'

const schema = v.object({
  isGood: v.boolean(),
  steps: v.array(v.object({ title: v.string(), seconds: v.number() })),
})

/** A row for each step of the last good run; none, with a word about it, where there was no run yet. */
export async function demoRows(): Promise<Row[]> {
  const path = join(
    process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    'drover',
    'demo',
    'last-run.json',
  )
  if (!existsSync(path)) {
    console.log('No run of the demonstration to report on yet: npm run demo makes one.')
    return []
  }
  const { steps } = (await readYaml(path, schema)).value
  const group = 'Steps of the last demonstration'
  const total = steps.reduce((sum, { seconds }) => sum + seconds, 0)
  return [
    ...steps.map(({ title, seconds }) => ({ group, name: title, value: seconds, unit: 's' })),
    { group, name: 'together', value: total, unit: 's' },
  ]
}
