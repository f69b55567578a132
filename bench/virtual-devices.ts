// How long a virtual device takes from nothing to its first answer over ssh, as a test has it: `connect`, one command.
import { connect } from '../src/device/device.ts'
import { plainContext } from '../src/platform/platform.ts'
import { baseImage, cannotBoot } from '../test/support/base-image.ts'
import { cannotEmulate } from '../test/support/machines.ts'
import { needs } from '../test/support/needs.ts'
import type { Row } from './main.ts'
import { median } from './measured.ts'

const group = 'A virtual device, to its first answer over ssh'

/** Rows for devices in namespaces and in QEMU: the median of three, and of one where it takes many seconds. */
export async function virtualDeviceRows(): Promise<Row[]> {
  if (cannotBoot) {
    console.log(`No rows of virtual devices: this machine ${cannotBoot}.`)
    return []
  }
  const rows: Row[] = []
  const image = await baseImage()
  rows.push(await row(`namespace, ${process.arch}`, `namespace:${image}`, 3))
  if (!cannotEmulate()) rows.push(await row(`QEMU, ${process.arch}`, `vm:${image}`, 1))
  if (process.argv.includes('--large') && process.arch !== 'arm64') {
    const needed = needs('qemu-aarch64-static', 'arch-test')
    if (!needed) rows.push(await row('namespace, arm64', `namespace:${await baseImage('arm64')}`, 3))
    if (!needed && !cannotEmulate('arm64'))
      rows.push(await row('QEMU, arm64', `vm:${await baseImage('arm64')}`, 1))
  }
  return rows
}

async function row(name: string, url: string, times: number): Promise<Row> {
  const taken: number[] = []
  for (let time = 0; time < times; time++) {
    const startedAt = performance.now()
    const connection = await connect(url, { context: plainContext() })
    try {
      const { code } = await connection.run('true')
      if (code !== 0) throw new Error(`${url}: true ended with ${code}`)
      taken.push((performance.now() - startedAt) / 1000)
    } finally {
      await connection.close()
    }
  }
  return { group, name, value: median(taken), unit: 's' }
}
