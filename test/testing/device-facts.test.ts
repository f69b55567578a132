import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Connection, connect } from '../../src/device/device.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { aboutDevice } from '../../src/testing/testing.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** This machine, but with the files of another device. */
async function deviceWith(t: TestContext, files: Record<string, string>): Promise<Connection> {
  const root = await temporaryFolder(t)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  const machine = await connect('local:', { context: plainContext() })
  const paths = /\/(?:var\/lib|data|etc)\//g
  const moved = (args: readonly string[]) => args.map((arg) => arg.replace(paths, (path) => join(root, path)))
  return { ...machine, run: (program, args = [], options) => machine.run(program, moved(args), options) }
}

test("a device's type is what its update client keeps, whichever that is", async (t) => {
  const cases: [deviceType: string | undefined, files: Record<string, string>][] = [
    ['raspberrypi4', { '/var/lib/mender/device_type': 'device_type=raspberrypi4\n' }],
    ['raspberrypi4', { '/data/mender/device_type': 'device_type=raspberrypi4' }],
    ['board v2', { '/etc/rauc/system.conf': '[system]\ncompatible=board v2\nbootloader=uboot\n' }],
    ['board', { '/etc/hwrevision': 'board 1.0\n' }],
    ['first', { '/var/lib/mender/device_type': 'device_type=first\n', '/etc/hwrevision': 'second 1.0\n' }],
    [undefined, {}],
    [undefined, { '/var/lib/mender/device_type': '', '/etc/rauc/system.conf': '[system]\ncompatible=\n' }],
  ]
  for (const [deviceType, files] of cases)
    assert.equal((await aboutDevice(await deviceWith(t, files))).deviceType, deviceType)
})

test('its facts are kernel, machine and system, each bounded', async (t) => {
  const { facts } = await aboutDevice(
    await deviceWith(t, { '/etc/os-release': `NAME=x\nPRETTY_NAME="A ${'b'.repeat(500)}"\n` }),
  )
  assert.match(facts['kernel'] ?? '', /^\d/)
  assert.match(facts['machine'] ?? '', /^\w+$/)
  assert.match(facts['os'] ?? '', /^A b{200,}…$/)
  // what a shell complains of is no fact
  for (const value of Object.values(facts)) assert.doesNotMatch(value, /No such file|cannot open|not found/)
})
