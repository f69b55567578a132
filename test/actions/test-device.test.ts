import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { digestOfFile, plainContext } from '../../src/platform/platform.ts'
import { receiptKeys, verifyReceipt } from '../../src/receipt/receipt.ts'
import { ec, other } from '../artifact/keys.ts'
import { startGitHub } from '../github/stand-in.ts'
import { baseImage, cannotBoot } from '../support/base-image.ts'
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

test('a boot may take as long as it is given, and what never boots says so', { skip }, async (t) => {
  const workspace = await workspaceWith(t, 'def test_x(host):\n    pass\n')
  const image = join(workspace, 'image.ext4')
  execFileSync('cp', ['--reflink=auto', '--sparse=always', await baseImage(), image])
  await writeFile(join(workspace, 'init'), '#!/bin/sh\nexec sleep 3600\n')
  const init = '/usr/sbin/virtual-init'
  const input = `rm ${init}\nwrite ${join(workspace, 'init')} ${init}\nsif ${init} mode 0100755\n`
  execFileSync('debugfs', ['-w', '-f', '-', image], { input, stdio: 'pipe' })
  const testFor = (bootTimeout: string) =>
    runInRunner('test-device', {
      workspace,
      inputs: { device: `namespace:${image}`, 'boot-timeout': bootTimeout, tests: 'tests' },
    })
  const hung = await testFor('2s')
  assert.deepEqual(
    [hung.outputs['result'], hung.outputs['failure-reason']],
    ['infra', 'device-unreachable'],
    hung.log,
  )
  assert.match(hung.errors[0]?.message ?? '', /after 2 s.*give a longer boot-timeout/)
  assert.equal((await testFor('soon')).outputs['failure-reason'], 'bad-input')
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
  assert.deepEqual(await readdir(join(workspace, 'test-results')), ['device'])
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

test(
  'a run is a check of its commit, with every failed test at its line',
  { skip: needs('sh') },
  async (t) => {
    const github = await startGitHub(t)
    const workspace = await temporaryFolder(t)
    const commands = Array.from(
      { length: 120 },
      (_, i) => `  - { name: t${i}, run: [sh, -c, "exit ${i === 0 ? 0 : 1}"] }`,
    )
    await writeFile(join(workspace, 'checks.yml'), `commands:\n${commands.join('\n')}\n`)
    const run = (env: Record<string, string> = {}, inputs: Record<string, string> = {}) =>
      runInRunner('test-device', {
        workspace,
        inputs: { device: 'local:', tests: 'checks.yml', 'github-token': 'job-token', ...inputs },
        env: {
          GITHUB_API_URL: github.url,
          GITHUB_SHA: 'a'.repeat(40),
          GITHUB_REPOSITORY: 'octo/fleet',
          ...env,
        },
      })
    const failed = await run()
    assert.deepEqual([failed.code, failed.outputs['result'], failed.outputs['failed']], [1, 'fail', '119'])
    assert.equal(failed.outputs['changed'], 'true')
    const [check] = github.checks
    assert.equal(check?.name, 'drover tests: checks.yml')
    assert.deepEqual([check?.head_sha, check?.conclusion], ['a'.repeat(40), 'failure'])
    assert.match(check?.output.title ?? '', /^1 passed, 119 failed, 0 skipped/)
    assert.match(check?.output.summary ?? '', /❌ \| checks\.commands::t1 /)
    assert.equal(check?.annotations.length, 119)
    assert.ok(check?.annotations.every((one) => JSON.stringify(one).includes('"path":"checks.yml"')))
    assert.deepEqual(
      github.requests.filter((one) => /check-runs/.test(one) && !one.startsWith('GET')).length,
      3,
    )
    // no verdict is neither a success nor a failure
    const infra = await run({}, { 'expect-release': 'another' })
    assert.deepEqual([infra.code, infra.outputs['result']], [1, 'infra'])
    assert.equal(github.checks.at(-1)?.conclusion, 'cancelled')
    assert.match(github.checks.at(-1)?.output.title ?? '', /^no verdict \((wrong-release|no-release-fact)\)/)
    // what GitHub refuses is said, and changes nothing
    await writeFile(join(workspace, 'checks.yml'), 'files: { /etc/os-release: }\n')
    github.forbidden = /^(POST|PATCH)/
    const refused = await run()
    assert.deepEqual(
      [refused.code, refused.outputs['result'], refused.outputs['changed']],
      [0, 'pass', 'false'],
    )
    assert.match(refused.summary, /The check run could not be published.*checks: write/)
    const none = await run({}, { 'github-token': '' })
    assert.match(none.summary, /No check run was published/)
  },
)

test('a number that became worse is a warning at its limit, and no failure', async (t) => {
  const workspace = await temporaryFolder(t)
  const checks = `commands:
  - { run: [echo, "12"], measure: { name: boot, unit: s } }
measurements:
  limits:
    boot: { at-most: 10 }
`
  await writeFile(join(workspace, 'checks.yml'), checks)
  const result = await runInRunner('test-device', {
    workspace,
    inputs: { device: 'local:', tests: 'checks.yml' },
  })
  assert.equal(result.code, 0, result.log)
  const [warning] = result.warnings
  assert.deepEqual([warning?.properties['file'], warning?.properties['line']], ['checks.yml', '5'])
  assert.equal(warning?.message, 'boot is 12 s; at most 10 s was allowed')
  assert.match(result.summary, /⚠️ \| boot \| 12 s/)
})

test('every problem of a file of checks is an annotation in the workspace', async (t) => {
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'checks.yml'), 'files:\n  /a: { mode: 0644 }\n  /b: { mod: x }\n')
  const result = await runInRunner('test-device', {
    workspace,
    inputs: { device: 'local:', tests: 'checks.yml' },
  })
  assert.equal(result.outputs['failure-reason'], 'invalid-file')
  assert.deepEqual(
    result.errors
      .slice(0, 2)
      .map(({ properties, message }) => [properties['file'], properties['line'], message]),
    [
      ['checks.yml', '2', "files./a.mode: write it in quotes, as in '0644'"],
      ['checks.yml', '3', 'files./b.mod: is not a known key'],
    ],
  )
})

test('an event that is none is told before a device is asked for', async (t) => {
  const workspace = await workspaceWith(t, '')
  const event = join(workspace, 'event.json')
  await writeFile(event, JSON.stringify({ pull_request: { number: 7, base: { ref: 'main' } } }))
  const result = await runInRunner('test-device', {
    workspace,
    inputs: { device: 'ssh://root@127.0.0.1:9', 'host-key': 'ssh-ed25519 AAAA', tests: 'tests' },
    env: { GITHUB_EVENT_PATH: event },
  })
  assert.equal(result.outputs['failure-reason'], 'invalid-file', result.log)
  assert.equal(existsSync(join(workspace, 'test-results')), false)
})
