import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { allDevices, openLab, until } from '../support/mender-lab.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

/** Runs main, and post when the test ends whatever happened. */
async function simulate(t: TestContext, workspace: string, inputs: Record<string, string>) {
  const result = await runInRunner('simulate-fleet', { workspace, inputs })
  undo(t, () => runInRunner('simulate-fleet', { phase: 'post', state: result.state }))
  return result
}

/** Whether a process runs; one that has ended and was not collected yet does not. */
function isThere(pid: string | undefined): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !/\) [ZX] /.test(readFileSync(path, 'utf8'))
}

test('the crowd outlives main, takes an update, and post ends it with a report', async (t) => {
  const workspace = await temporaryFolder(t)
  const lab = await openLab(t)
  await writeFile(
    join(workspace, 'crowd.yml'),
    'device-types: { virtual: 9, other: 1 }\nrelease: os-7\nspeed: 18000\nattributes: { site: north }\n',
  )
  const main = await simulate(t, workspace, {
    server: lab.url,
    devices: 'crowd.yml',
    faults: 'install-fails=10%',
  })
  assert.equal(main.code, 0, main.log)
  assert.equal(main.outputs['failure-reason'], '')
  await until(
    async () => (await allDevices(lab.server)).filter(({ release }) => release === 'os-7').length === 10,
  )
  const devices = (await allDevices(lab.server)).filter(({ deviceType }) => deviceType === 'virtual')
  await lab.server.upload(await lab.artifact('os-8'))
  await lab.server.deploy({ name: 'to os-8', release: 'os-8', devices: devices.map(({ id }) => id) })
  await until(async () => {
    const all = await allDevices(lab.server)
    return all.filter(({ release }) => release === 'os-8').length >= 8
  })
  assert.equal(isThere(main.state['pid']), true)
  const post = await runInRunner('simulate-fleet', { phase: 'post', workspace, state: main.state })
  assert.equal(post.code, 0)
  assert.equal(isThere(main.state['pid']), false)
  assert.match(post.log, /10 devices, .*seed 1/)
  assert.match(post.log, /updates ended: .*success [89]/)
  const { report } = JSON.parse(await readFile(main.outputs['report'] ?? '', 'utf8')) as {
    report: { devices: number; standing: unknown; faults: unknown }
  }
  assert.deepEqual(report.standing, { stopped: 10 })
  assert.deepEqual(report.faults, { 'install-fails': 1 })
  const log = await readFile(join(workspace, 'drover-crowd/crowd.log'), 'utf8')
  assert.match(log, /sim-1-00001 success: os-8|sim-1-00002 success: os-8/)
})

test('what is wrong is said before anything starts', async (t) => {
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'crowd.yml'), 'device-types: { a: 1 }\npol: 30m\nspeed: 0\n')
  for (const [inputs, message] of [
    [{ server: 'ota.example.com' }, /server has to be an address/],
    [{ server: 'http://user:x@127.0.0.1' }, /without credentials/],
    [{ server: 'http://127.0.0.1:9', devices: '0' }, /1 to 20000/],
    [{ server: 'http://127.0.0.1:9', faults: 'sleepy=1%' }, /"sleepy" is no fault/],
    [{ server: 'http://127.0.0.1:9', devices: 'crowd.yml' }, /crowd\.yml/],
    [{ server: 'http://127.0.0.1:9', devices: 'none.yml' }, /none\.yml/],
  ] as const) {
    const main = await simulate(t, workspace, inputs)
    assert.equal(main.code, 1, main.log)
    assert.match(main.log, message)
    assert.equal(main.state['pid'], undefined)
  }
})

test('a crowd that has ended by itself is no failure of post', async (t) => {
  const workspace = await temporaryFolder(t)
  const lab = await openLab(t)
  const main = await simulate(t, workspace, { server: lab.url, devices: '2' })
  process.kill(Number(main.state['pid']), 'SIGKILL')
  await until(async () => !isThere(main.state['pid']))
  const post = await runInRunner('simulate-fleet', { phase: 'post', workspace, state: main.state })
  assert.equal(post.code, 0)
  assert.match(post.log, /2 devices/)
})
