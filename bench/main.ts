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

const rows: Row[] = [
  ...(await startUpRows()),
  ...sizeRows(),
  ...(await artifactRows(process.argv.includes('--large'))),
  ...(await otaRows(process.argv.includes('--large'))),
  ...(await fleetRows(process.argv.includes('--large'))),
  ...(await imageRows()),
  ...(await virtualDeviceRows()),
  ...(await deviceTestRows()),
  ...(await demoRows()),
]
let group = ''
for (const row of rows) {
  if (row.group !== group) console.log(`\n${(group = row.group)}`)
  const figure = `${format(row.value)} ${row.unit}`.padStart(12)
  const peer = row.peer
    ? `   ${row.peer.name}: ${format(row.peer.value)} ${row.unit}, ratio ${(row.value / row.peer.value).toFixed(2)}`
    : ''
  console.log(`  ${row.name.padEnd(36)}${figure}${peer}`)
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
