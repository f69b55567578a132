// The server as a process of its own, whoever started it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../support/devices.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const script = join(import.meta.dirname, '../../src/server/process.ts')

test('a closed log and a closed terminal do not end it, and two signals end it cleanly', async (t) => {
  const dataDir = await temporaryFolder(t)
  const child = spawn(process.execPath, [script, dataDir, '0', 'none', 'debug'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  undo(t, () => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const file = join(dataDir, 'server.json')
  await until('it is ready', () => existsSync(file))
  const { url } = JSON.parse(await readFile(file, 'utf8')) as { url: string }
  child.stdout.destroy()
  child.stderr.destroy()
  for (let i = 0; i < 3; i++) {
    // each is a line of its log, with debugging
    assert.equal((await fetch(`${url}/api/management/v2/devauth/devices`)).status, 401)
    child.kill('SIGHUP')
  }
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
  child.kill('SIGTERM')
  child.kill('SIGINT')
  assert.deepEqual(await ended, [0, null])
  assert.equal(existsSync(file), false)
})
