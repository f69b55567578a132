import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGitHub } from '../github/stand-in.ts'
import { type Lab, openLab } from '../support/mender-lab.ts'
import { runInRunner } from '../support/runner.ts'

async function labWithDevice(t: Parameters<typeof openLab>[0]) {
  const lab = await openLab(t)
  const device = await lab.device()
  await lab.operate('PUT', `/v1/inventory/devices/${device.key}/group`, { group: 'lab' })
  return { lab, device }
}

function lease(lab: Lab, inputs: Record<string, string>, more: Parameters<typeof runInRunner>[1] = {}) {
  return runInRunner('lease-device', { inputs: { server: lab.url, token: lab.token, ...inputs }, ...more })
}

const run = {
  GITHUB_RUN_ID: '7',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_REPOSITORY: 'me/os',
  GITHUB_SERVER_URL: 'https://github.com',
}

test('a lease outlives its job, keeps others out, and goes to dispatch-artifact', async (t) => {
  const { lab, device } = await labWithDevice(t)
  const first = await lease(lab, { device: 'lab:virtual', timeout: '30m' }, { env: run })
  assert.equal(first.code, 0, first.log)
  const { lease: id = '', expires = '' } = first.outputs
  assert.equal(first.outputs['device'], device.key)
  assert.equal(first.outputs['changed'], 'true')
  assert.ok(Math.abs(Date.parse(expires) - Date.now() - 30 * 60_000) < 60_000)
  const post = await lease(lab, { device: 'lab:virtual' }, { phase: 'post', state: first.state })
  assert.equal(post.code, 0)
  assert.equal((await lab.server.leaseOf(device.key))?.id, id)

  const other = await lease(lab, { device: device.key, timeout: '1s' })
  assert.equal(other.outputs['failure-reason'], 'device-busy')
  assert.match(other.log, /is leased to https:\/\/github\.com\/me\/os\/actions\/runs\/7 attempt 1 until/)

  await lab.server.upload(await lab.artifact('os-2'))
  const inputs = { server: lab.url, token: lab.token, release: 'os-2', device: device.key, timeout: '30s' }
  const refused = await runInRunner('dispatch-artifact', { inputs: { ...inputs, lease: 'another' } })
  assert.equal(refused.outputs['failure-reason'], 'device-busy')
  const dispatched = await runInRunner('dispatch-artifact', { inputs: { ...inputs, lease: id } })
  assert.equal(dispatched.code, 0, dispatched.log)
  assert.equal((await lab.server.leaseOf(device.key))?.id, id)
})

test('a lease whose run is over is free, and one whose run goes on is not', async (t) => {
  const { lab, device } = await labWithDevice(t)
  const github = await startGitHub(t)
  const env = { GITHUB_API_URL: github.url, GITHUB_RUN_ID: '2' }
  const taken = await lease(lab, { device: device.key }, { env: { GITHUB_RUN_ID: '1' } })
  const inputs = { device: device.key, timeout: '1s', 'github-token': 'secret' }
  github.runs['1'] = 'in_progress'
  const waits = await lease(lab, inputs, { env })
  assert.equal(waits.outputs['failure-reason'], 'device-busy', waits.log)
  github.runs['1'] = 'completed'
  const second = await lease(lab, inputs, { env })
  assert.equal(second.code, 0, second.log)
  assert.match(second.log, /is freed: https:\/\/github\.com\/octo\/fleet\/actions\/runs\/1 attempt 1 held it/)
  assert.notEqual(second.outputs['lease'], taken.outputs['lease'])
  assert.equal((await lab.server.leaseOf(device.key))?.number, 2)
})

test('a lease that is given is returned at the end of the job, and not before', async (t) => {
  const { lab, device } = await labWithDevice(t)
  const { outputs } = await lease(lab, { device: 'lab:virtual' })
  const given = { device: device.key, lease: outputs['lease'] ?? '' }
  const main = await lease(lab, given)
  assert.equal(main.code, 0, main.log)
  assert.deepEqual(main.outputs, { ...outputs, changed: 'false' })
  assert.equal((await lab.server.leaseOf(device.key))?.id, outputs['lease'])
  for (const _ of [1, 2]) {
    const post = await lease(lab, given, { phase: 'post', state: main.state })
    assert.equal(post.code, 0)
    assert.match(post.log, /is returned/)
  }
  assert.equal(await lab.server.leaseOf(device.key), undefined)
  const late = await lease(lab, given)
  assert.equal(late.outputs['failure-reason'], 'device-busy')
  assert.match(late.log, /nobody holds it/)
})

test("post returns nothing of another's", async (t) => {
  const { lab, device } = await labWithDevice(t)
  const mine = await lease(lab, { device: 'lab:virtual' })
  const state = { device: device.key, lease: 'an older one' }
  const post = await lease(lab, { device: device.key }, { phase: 'post', state })
  assert.equal(post.code, 0)
  assert.equal((await lab.server.leaseOf(device.key))?.id, mine.outputs['lease'])
})

test('without a lab device of that type it says what to do', async (t) => {
  const lab = await openLab(t)
  await lab.device()
  const { outputs, log } = await lease(lab, { device: 'lab:virtual', timeout: '2s' })
  assert.equal(outputs['failure-reason'], 'no-device-matched')
  assert.match(log, /in its group "lab"/)
})
