// Size of what every user of an action downloads.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from './main.ts'

/** The size of dist/ as a whole, and its largest file. */
export function sizeRows(): Row[] {
  const dist = join(import.meta.dirname, '..', 'dist')
  const files = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => ({ name: entry.name, bytes: statSync(join(entry.parentPath, entry.name)).size }))
    .toSorted((a, b) => b.bytes - a.bytes)
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const [largest] = files
  return [
    { group: 'Size of dist/', name: `${files.length} files together`, value: total / 1000, unit: 'kB' },
    ...(largest
      ? [{ group: 'Size of dist/', name: largest.name, value: largest.bytes / 1000, unit: 'kB' }]
      : []),
  ]
}
