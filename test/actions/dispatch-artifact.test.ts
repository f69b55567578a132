import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLab } from '../support/mender-lab.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('updates a lab device and says which, and where it is', async (t) => {
  const lab = await openLab(t)
  const keys = [`ssh-ed25519 ${'A'.repeat(68)}`, `ssh-rsa ${'B'.repeat(372)}`]
  const attributes = { ipv4_lo: '127.0.0.1/8', ipv4_eth0: '10.78.1.2/24', ssh_host_key: keys }
  const device = await lab.device({ attributes })
  await lab.operate('PUT', `/v1/inventory/devices/${device.key}/group`, { group: 'lab' })
  await lab.server.upload(await lab.artifact('os-2'))
  const inputs = { server: lab.url, token: lab.token, release: 'os-2', device: 'lab:virtual', timeout: '30s' }
  const { code, outputs, log, summary, state } = await runInRunner('dispatch-artifact', { inputs })
  assert.equal(code, 0, log)
  const deployment = await lab.server.deployment(outputs['deployment'] ?? '')
  assert.equal(deployment.devices.get(device.key), 'success')
  assert.deepEqual(outputs, {
    deployment: deployment.id,
    device: device.key,
    address: '10.78.1.2',
    'host-key': keys.join('\n'),
    result: 'success',
    changed: 'true',
    'failure-reason': '',
  })
  assert.match(summary, /itself reports \*\*os-2\*\*/)
  assert.equal(state['undone'], '', 'nothing is left to undo')
})

test('after a failure the outputs say what is known, and the log is a file', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device({ behaviour: 'fails' })
  await lab.server.upload(await lab.artifact('os-2'))
  const folder = await temporaryFolder(t)
  const inputs = { server: lab.url, token: lab.token, release: 'os-2', device: device.key }
  const result = await runInRunner('dispatch-artifact', { inputs, env: { RUNNER_TEMP: folder } })
  assert.equal(result.code, 1)
  const { outputs, errors, summary } = result
  assert.match(summary, /The end of the log of[^]*\n {4}.*no space left on device/)
  assert.equal(outputs['failure-reason'], 'update-failed')
  assert.equal(outputs['result'], 'failure')
  assert.equal(outputs['device'], device.key)
  assert.ok(outputs['deployment'])
  assert.match(await readFile(outputs['log'] ?? '', 'utf8'), /no space left/)
  const said = errors[0]?.message ?? ''
  assert.match(said, /no space left on device \(whole log: .*\.log\)$/)
  assert.ok(said.includes(outputs['log'] ?? '?'), said)
  assert.ok(said.length < 300, said)
})

test('in a shell the log is a file of the current folder', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device({ behaviour: 'fails' })
  await lab.server.upload(await lab.artifact('os-2'))
  const workspace = await temporaryFolder(t)
  const inputs = { server: lab.url, token: lab.token, release: 'os-2', device: device.key }
  const { outputs, errors } = await runInRunner('dispatch-artifact', {
    inputs,
    workspace,
    env: { RUNNER_TEMP: '' },
  })
  const [name = ''] = await readdir(workspace)
  assert.equal(outputs['log'], join(workspace, name))
  assert.ok(errors[0]?.message.endsWith(`(whole log: ${name})`), errors[0]?.message)
})

test('what a killed job left is undone at its end', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device({ behaviour: 'never asks' })
  await lab.server.upload(await lab.artifact('os-2'))
  const inputs = { server: lab.url, token: lab.token, release: 'os-2', device: device.key }
  const main = await runInRunner('dispatch-artifact', {
    inputs,
    onLine: (line, signal) => {
      if (/is pending/.test(line)) signal('SIGKILL')
    },
  })
  assert.equal((await lab.server.openDeployments()).length, 1)
  for (const _ of [1, 2]) {
    const post = await runInRunner('dispatch-artifact', { inputs, phase: 'post', state: main.state })
    assert.equal(post.code, 0, post.log)
    assert.deepEqual(post.warnings, [])
  }
  assert.deepEqual(await lab.server.openDeployments(), [])
  assert.equal(await lab.server.leaseOf(device.key), undefined)
})

test('a cancelled job takes its order back and says so', async (t) => {
  const lab = await openLab(t)
  const device = await lab.device({ behaviour: 'never asks' })
  await lab.server.upload(await lab.artifact('os-2'))
  const inputs = { server: lab.url, token: lab.token, release: 'os-2', device: device.key }
  const { code, outputs, log } = await runInRunner('dispatch-artifact', {
    inputs,
    onLine: (line, signal) => {
      if (/is pending/.test(line)) signal('SIGTERM')
    },
  })
  assert.equal(code, 1)
  assert.equal(outputs['failure-reason'], 'cancelled')
  assert.match(log, /withdrawn/)
  assert.deepEqual(await lab.server.openDeployments(), [])
  assert.equal(await lab.server.leaseOf(device.key), undefined)
})
