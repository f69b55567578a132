// A check passes by what the device showed, never by what could not be seen.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Connection, connect } from '../../src/device/device.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { runTests } from '../../src/testing/testing.ts'
import { cannotBoot } from '../support/base-image.ts'
import { bootDevice } from '../support/devices.ts'
import { temporaryFolder } from '../support/temporary.ts'

const context = plainContext()

test('what a command lacks is not known where more was printed than is read', async (t) => {
  const connection = await connect('local:', { context })
  const failed = await failures(
    t,
    connection,
    `commands:
  - { name: hidden, run: [sh, -c, "yes | head -c 300000; echo panic"], lacks: panic }
  - { name: also lines, run: [sh, -c, "yes 123 | head -c 262144; echo panic"], lacks: panic }
  - { name: beyond, run: [sh, -c, "yes | head -c 300000; echo ready"], contains: ready }
  - { name: seen, run: [sh, -c, "echo panic; yes | head -c 300000"], lacks: panic }
  - { name: short, run: [sh, -c, "yes | head -c 200000"], lacks: panic }
  - { name: found, run: [sh, -c, "echo ready; yes | head -c 300000"], contains: ready }
`,
  )
  assert.deepEqual(failed, [
    'hidden: whether "panic" is in its output is not known, which has more than 256 KiB: have the command look itself, such as with grep',
    'also lines: whether "panic" is in its output is not known, which has more than 256 KiB: have the command look itself, such as with grep',
    'beyond: "ready" is not in the first 256 KiB of its output',
    'seen: "panic" is in its output',
  ])
})

test('how often a unit was restarted has to be told to be few enough', { skip: cannotBoot }, async (t) => {
  const { connection } = await bootDevice(t)
  // an old systemd does not count restarts, and of a timer none does
  const systemctl = `#!/bin/sh\nprintf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\nUnitFileState=enabled\\n'\n`
  const install =
    'mkdir -p /run/systemd/system && printf %s "$1" >/usr/bin/systemctl && chmod +x /usr/bin/systemctl'
  assert.equal((await connection.run('sh', ['-c', install, 'sh', systemctl])).code, 0)
  const text = 'services:\n  a: { max-restarts: 3 }\n  b: { enabled: true }\n'
  assert.deepEqual(await failures(t, connection, text), [
    'a: systemd does not tell how often it was restarted',
  ])
})

async function failures(t: TestContext, connection: Connection, text: string): Promise<string[]> {
  const folder = await temporaryFolder(t)
  const tests = join(folder, 'checks.yml')
  await writeFile(tests, text)
  const { cases } = await runTests(connection, { tests, output: join(folder, 'results') }, context)
  return cases.flatMap(({ result, name, message }) => (result === 'failed' ? [`${name}: ${message}`] : []))
}
