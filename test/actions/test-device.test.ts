import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { digestOfFile, plainContext } from '../../src/platform/platform.ts'
import { receiptKeys, verifyReceipt } from '../../src/receipt/receipt.ts'
import { ec, other } from '../artifact/keys.ts'
import { cannotBoot } from '../support/base-image.ts'
import { bootDevice, sshKey } from '../support/devices.ts'
import { needs } from '../support/needs.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

const skip = cannotBoot || needs('pytest-3')

test('tests that pass are green, with counts, a report and a summary', { skip }, async (t) => {
  const { device, key, connection } = await bootDevice(t)
  const workspace = await workspaceWith(t, 'def test_root(host):\n    assert host.mount_point("/").exists\n')
  const release = (await connection.release()) ?? ''
  const result = await runInRunner('test-device', {
    workspace,
    inputs: {
      device: device.sshUrl,
      'ssh-key': key.path,
      'host-key': device.hostKey,
      tests: 'tests',
      'expect-release': `${release}@sha256:${'0'.repeat(64)}`,
    },
  })
  assert.equal(result.code, 0, result.log)
  const { outputs } = result
  assert.deepEqual(
    [outputs['result'], outputs['passed'], outputs['failed'], outputs['skipped'], outputs['changed']],
    ['pass', '1', '0', '0', 'false'],
  )
  assert.equal(outputs['failure-reason'], '')
  assert.equal(outputs['receipt'] ?? '', '')
  assert.equal(outputs['junit'], join(workspace, 'test-results/junit.xml'))
  assert.match(
    await readFile(outputs['junit'] ?? '', 'utf8'),
    /<testcase classname="test_device" name="test_root"/,
  )
  assert.match(
    result.summary,
    /✅ 1 passed, 0 failed, 0 skipped on 10\\\.78|✅ 1 passed, 0 failed, 0 skipped on 10\.78/,
  )
  assert.match(result.summary, /test\\_device::test\\_root/)
})

test('a test that fails is red, with an annotation where it stands', { skip }, async (t) => {
  const { device, key } = await bootDevice(t)
  const workspace = await workspaceWith(t, 'def test_bad(host):\n    assert host.file("/nowhere").exists\n')
  const result = await runInRunner('test-device', {
    workspace,
    inputs: { device: device.sshUrl, 'host-key': device.hostKey, tests: 'tests' },
    env: { DROVER_SSH_KEY: key.privateKey },
  })
  assert.equal(result.code, 1)
  assert.deepEqual([result.outputs['result'], result.outputs['failed']], ['fail', '1'])
  assert.equal(result.outputs['failure-reason'], 'tests-failed')
  const [first] = result.errors
  assert.equal(first?.properties['file'], 'tests/test_device.py')
  assert.equal(first?.properties['line'], '2')
  assert.match(result.summary, /❌ \| test\\_device::test\\_bad/)
  // the key is masked before anything is said
  const secret = key.privateKey.split('\n')[2] ?? ''
  assert.ok(result.masks.includes(secret))
  assert.ok(!result.log.replaceAll(`::add-mask::${secret}`, '').includes(secret))
})

test('a device that is not there is red, and neither pass nor fail', { skip: needs('ssh') }, async (t) => {
  const { path } = await sshKey(t)
  const workspace = await workspaceWith(t, 'def test_x(host):\n    pass\n')
  const inputs = { device: 'namespace:nowhere.ext4', 'ssh-key': path, tests: 'tests' }
  const missing = await runInRunner('test-device', { workspace, inputs })
  assert.equal(missing.outputs['failure-reason'], 'file-missing')
  const wrongKey = { ...inputs, device: 'ssh://root@127.0.0.1:1', 'ssh-key': 'nowhere' }
  assert.equal(
    (await runInRunner('test-device', { workspace, inputs: wrongKey })).outputs['failure-reason'],
    'bad-input',
  )
})

test('another release than the expected one is infra', { skip }, async (t) => {
  const { device, key } = await bootDevice(t)
  const workspace = await workspaceWith(t, 'def test_x(host):\n    pass\n')
  const result = await runInRunner('test-device', {
    workspace,
    inputs: {
      device: device.sshUrl,
      'ssh-key': key.path,
      'host-key': device.hostKey,
      tests: 'tests',
      'expect-release': 'another',
    },
  })
  assert.equal(result.code, 1)
  assert.deepEqual([result.outputs['result'], result.outputs['failure-reason']], ['infra', 'wrong-release'])
  assert.match(result.summary, /was not judged/)
  assert.ok(!existsSync(join(workspace, 'test-results')))
})

test('a receipt of tests that passed opens the gate of verify-artifact', { skip }, async (t) => {
  const { device, key, connection } = await bootDevice(t)
  const workspace = await workspaceWith(t, 'def test_root(host):\n    assert host.mount_point("/").exists\n')
  const release = (await connection.release()) ?? ''
  await writeFile(join(workspace, 'rootfs.ext4'), 'an image'.repeat(1024))
  const { contentDigest } = await writeMender(
    {
      source: join(workspace, 'rootfs.ext4'),
      output: join(workspace, 'os.mender'),
      name: release,
      deviceTypes: ['virtual'],
      compression: 'gzip',
    },
    plainContext(),
  )
  const inputs = { device: device.sshUrl, 'ssh-key': key.path, 'host-key': device.hostKey, tests: 'tests' }
  const tested = await runInRunner('test-device', {
    workspace,
    inputs: { ...inputs, 'expect-release': `${release}@${contentDigest}`, 'signing-key': ec.pkcs8 },
  })
  assert.equal(tested.code, 0, tested.log)
  const receipt = tested.outputs['receipt'] ?? ''
  assert.equal(receipt, join(workspace, 'test-results/receipt.json'))
  const stated = verifyReceipt(await readFile(receipt, 'utf8'), receiptKeys(ec.public))
  assert.deepEqual(
    [stated.contentDigest, stated.release, stated.deviceType, stated.result, stated.tests],
    [contentDigest, release, 'virtual', 'pass', { passed: 1, failed: 0, skipped: 0, flaky: 0 }],
  )
  assert.equal(stated.reported?.release, release)
  assert.equal(stated.report, await digestOfFile(tested.outputs['junit'] ?? ''))
  assert.match(stated.facts['kernel'] ?? '', /^\d/)

  const verify = (given: Record<string, string>) =>
    runInRunner('verify-artifact', { workspace, inputs: { artifact: 'os.mender', receipt, ...given } })
  assert.equal((await verify({ 'receipt-key': ec.public })).outputs['verdict'], 'accept')
  assert.equal((await verify({ 'receipt-key': other.public })).outputs['reasons'], 'receipt-wrong-key')

  // what was tested is one thing, a failed test and a release without a digest are no receipt
  await writeFile(join(workspace, 'tests/test_device.py'), 'def test_bad(host):\n    assert False\n')
  const output = 'again'
  const failed = await runInRunner('test-device', {
    workspace,
    inputs: { ...inputs, output, 'expect-release': `${release}@${contentDigest}`, 'signing-key': ec.pkcs8 },
  })
  assert.deepEqual([failed.outputs['result'], failed.outputs['receipt'] ?? ''], ['fail', ''])
  await writeFile(join(workspace, 'tests/test_device.py'), 'def test_good(host):\n    pass\n')
  const nameless = await runInRunner('test-device', {
    workspace,
    inputs: { ...inputs, output, 'expect-release': release, 'signing-key': ec.pkcs8 },
  })
  assert.deepEqual([nameless.outputs['result'], nameless.outputs['receipt'] ?? ''], ['pass', ''])
  assert.match(nameless.warnings[0]?.message ?? '', /no receipt will be written.*name@sha256/)
  assert.ok(!existsSync(join(workspace, output, 'receipt.json')))
})

test('missing inputs and a key that can sign no receipt are named', async (t) => {
  const missing = await runInRunner('test-device')
  assert.equal(missing.outputs['failure-reason'], 'bad-input')
  assert.match(missing.errors[0]?.message ?? '', /device .*INPUT_DEVICE.*tests .*INPUT_TESTS/)
  const workspace = await workspaceWith(t, '')
  const inputs = { device: 'local:', tests: 'tests', 'signing-key': '-----BEGIN PRIVATE KEY-----\nx' }
  const receipt = await runInRunner('test-device', { workspace, inputs })
  assert.equal(receipt.outputs['failure-reason'], 'bad-key')
  assert.match(receipt.errors[0]?.message ?? '', /the signing key of receipts/)
})

async function workspaceWith(t: TestContext, source: string): Promise<string> {
  const workspace = await temporaryFolder(t)
  await mkdir(join(workspace, 'tests'))
  await writeFile(join(workspace, 'tests/test_device.py'), source)
  return workspace
}
