import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFleetPolicy } from '../../src/fleet/fleet.ts'

test('a window that a run every 15 minutes may miss is a warning at its place', () => {
  const cases: [from: string, to: string, minutes: string | undefined][] = [
    ['02:05', '02:10', '5'],
    ['23:55', '00:09', '14'],
    ['02:00', '02:15', undefined],
    ['22:00', '04:00', undefined],
    ['04:01', '04:00', undefined],
  ]
  for (const [from, to, minutes] of cases) {
    const window = `{ from: "${from}", to: "${to}", time-zone: UTC }`
    const { warnings } = parseFleetPolicy(
      `stages:\n  main:\n    branch: main\n    window: ${window}\n`,
      'fleet.yml',
    )
    const short = warnings.filter(({ message }) => /may never run in it/.test(message))
    assert.deepEqual(
      short.map(({ message, line, stage }) => [/open for (\d+) min/.exec(message)?.[1], line, stage]),
      minutes === undefined ? [] : [[minutes, 4, 'main']],
      `${from}-${to}`,
    )
  }
})
