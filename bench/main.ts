// Measures and prints a table, and writes the same as JSON to bench-results.json. What is compared runs side by side in
// one run, so that a noisy machine disturbs both alike; the ratios count, not the milliseconds.
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { artifactRows } from './artifacts.ts'
import { demoRows } from './demo.ts'
import { deviceTestRows } from './device-tests.ts'
import { fleetRows } from './fleet.ts'
import { imageRows } from './images.ts'
import { otaRows } from './ota.ts'
import { sizeRows } from './size.ts'
import { startUpRows } from './start-up.ts'
import { virtualDeviceRows } from './virtual-devices.ts'

/** One figure; `peer` is what it is held against in the same run. */
export interface Row {
  group: string
  name: string
  value: number
  unit: string
  peer?: { name: string; value: number }
}

const isLarge = process.argv.includes('--large')
const groups: Record<string, () => Row[] | Promise<Row[]>> = {
  'start-up': startUpRows,
  size: sizeRows,
  artifacts: () => artifactRows(isLarge),
  ota: () => otaRows(isLarge),
  fleet: () => fleetRows(isLarge),
  images: imageRows,
  devices: virtualDeviceRows,
  tests: deviceTestRows,
  demo: demoRows,
}

const asked = process.argv.slice(2).filter((word) => word !== '--large')
const unknown = asked.filter((name) => !(name in groups))
if (unknown.length > 0) {
  console.error(`npm run bench -- [--large] [GROUP…]

  --large   also what takes long: the largest fleets and files
  GROUP     of ${Object.keys(groups).join(', ')} (default: all)`)
  process.exit(unknown.some((word) => word === '--help' || word === '-h') ? 0 : 2)
}

const rows: Row[] = []
let heading = ''
for (const [name, measure] of Object.entries(groups)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  for (const row of await measure()) {
    rows.push(row)
    if (row.group !== heading) console.log(`\n${(heading = row.group)}`)
    const figure = `${format(row.value)} ${row.unit}`.padStart(12)
    const peer = row.peer
      ? `   ${row.peer.name}: ${format(row.peer.value)} ${row.unit}, ratio ${(row.value / row.peer.value).toFixed(2)}`
      : ''
    console.log(`  ${row.name.padEnd(36)}${figure}${peer}`)
  }
}
const record = {
  at: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  rows,
}
await writeFile(join(import.meta.dirname, '..', 'bench-results.json'), `${JSON.stringify(record, null, 2)}\n`)
console.log('\nwritten: bench-results.json')

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1)
}
