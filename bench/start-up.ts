// Start-up: from the start of the process to the action's first line, against an empty Node process to its only line.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { actionNames } from '../src/action/action.ts'
import type { Row } from './main.ts'

const runs = 11
const root = join(import.meta.dirname, '..')

/** A row for each action and one for the empty process, medians of interleaved runs. */
export async function startUpRows(): Promise<Row[]> {
  const candidates: [string, string[]][] = [
    ['an empty Node process', ['--input-type=module', '--eval', "console.log('x')"]],
    ...actionNames.map((name): [string, string[]] => [name, [join(root, 'dist', `${name}.mjs`)]]),
  ]
  const times = new Map<string, number[]>(candidates.map(([name]) => [name, []]))
  for (let run = -1; run < runs; run++) {
    for (const [name, args] of candidates) {
      const ms = await firstLineMs(args)
      if (run >= 0) times.get(name)?.push(ms) // the first round only warms the disk's cache
    }
  }
  const empty = median(times.get('an empty Node process') ?? [])
  return [...times].map(([name, ms]) => ({
    group: `Start-up to the first line, median of ${runs}`,
    name,
    value: median(ms),
    unit: 'ms',
    ...(name === 'an empty Node process' ? {} : { peer: { name: 'empty', value: empty } }),
  }))
}

async function firstLineMs(args: string[]): Promise<number> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    // inputs that every action refuses after its first line: nothing is to be started here
    env: { PATH: process.env['PATH'] ?? '', INPUT_ACCEPT: 'refused', INPUT_FLEET: '/nowhere' },
  })
  let ms: number | undefined
  child.stdout.on('data', () => (ms ??= performance.now() - startedAt))
  await new Promise((resolve) => child.once('close', resolve))
  if (ms === undefined) throw new Error(`node ${args.join(' ')} ended without a line: is dist/ built?`)
  return ms
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
