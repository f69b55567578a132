import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { endProcesses, freshRunFolder } from '../../demo/run-folder.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('what an earlier demonstration left is ended, and nothing else is', async (t) => {
  process.env['XDG_CACHE_HOME'] = await temporaryFolder(t)
  const first = await freshRunFolder(() => {})
  writeFileSync(join(first.path, 'owner'), '1 0') // the run that made it is gone
  const sleeper = (env: Record<string, string>) =>
    spawn('sleep', ['1000'], { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: 'ignore' })
  const [left, other] = [sleeper(first.environment), sleeper({ DROVER_DEMO_RUN: `${first.path}-other` })]
  t.after(() => other.kill('SIGKILL'))
  const ended = once(left, 'exit')
  writeFileSync(join(first.path, 'leftover'), '')

  const said: string[] = []
  const second = await freshRunFolder((line) => said.push(line))
  await ended
  assert.equal(second.path, first.path)
  assert.equal(existsSync(join(second.path, 'leftover')), false)
  assert.match(said.join(), /ended 1 process/)
  assert.equal(other.exitCode ?? other.signalCode, null)
  assert.equal(await endProcesses(second.path), 0)
})

test('a second demonstration beside a running one is refused', async (t) => {
  process.env['XDG_CACHE_HOME'] = await temporaryFolder(t)
  await freshRunFolder(() => {})
  await assert.rejects(
    freshRunFolder(() => {}),
    { message: new RegExp(`process ${process.pid}`) },
  )
})
