import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect, shellQuote } from '../../src/device/device.ts'
import { type Failure, plainContext, silentLog } from '../../src/platform/platform.ts'
import { baseImage, cannotBoot } from '../support/base-image.ts'
import { bootDevice, remainsOf, sshKey, until } from '../support/devices.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const skip = cannotBoot
const context = plainContext()
const nasty = [
  '',
  ' ',
  'a b',
  "it's",
  '"',
  '$HOME',
  '`id`',
  '$(id)',
  '\\',
  '\n',
  'é→',
  '-x',
  '*',
  '~',
  '#',
  'a=b',
  '!',
  ';',
  '|&',
]

test('a shell takes quoted words apart into the same words', () => {
  for (const words of [nasty, ...nasty.map((word) => [word])]) {
    const line = `printf '%s\\0' ${shellQuote(words)}`
    const got = execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8' }).split('\0').slice(0, -1)
    assert.deepEqual(got, words)
  }
  assert.throws(() => shellQuote(['a\0b']), { reason: 'bad-input' })
})

test('arguments, exit status and both outputs arrive as they are', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const printed = await connection.run('printf', ['%s\\n', ...nasty])
  assert.equal(printed.stdout, nasty.map((word) => `${word}\n`).join(''))
  const failed = await connection.run('sh', ['-c', 'echo out; echo err >&2; exit 3'])
  assert.deepEqual(failed, { code: 3, stdout: 'out\n', stderr: 'err\n' })
  // ssh's own status for a broken connection, here the program's
  assert.equal((await connection.run('sh', ['-c', 'exit 255'])).code, 255)
})

test('all commands share one connection', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const ports = await Promise.all(
    [1, 2, 3].map(async () => (await connection.run('sh', ['-c', 'echo $SSH_CONNECTION'])).stdout),
  )
  assert.equal(new Set(ports).size, 1)
  assert.match(ports[0] ?? '', /^10\.78\./)
})

test('a command that takes too long is given up, and so is one that is aborted', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const startedAt = performance.now()
  await assert.rejects(connection.run('sleep', ['30'], { timeoutMs: 300 }), { reason: 'device-unreachable' })
  assert.ok(performance.now() - startedAt < 2000)
  const why = new Error('enough')
  await assert.rejects(connection.run('sleep', ['30'], { signal: AbortSignal.abort(why) }), why)
  assert.equal((await connection.run('true')).code, 0)
})

test('a reboot is over when the boot id is another one', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const before = await connection.bootId()
  await connection.reboot({ limitMs: 20_000 })
  assert.notEqual(await connection.bootId(), before)
})

test('a device that does not reboot is a failure after the limit', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  await connection.run('sh', ['-c', 'printf "#!/bin/sh\\n" > /usr/sbin/reboot'])
  await assert.rejects(connection.reboot({ limitMs: 1500 }), { reason: 'device-unreachable' })
})

test(
  'a connection that breaks tells so, and no command goes to the next start by mistake',
  { skip },
  async (t) => {
    const { connection, device } = await bootDevice(t)
    device.powerCut()
    await connection.lost
    await device.answers()
    await assert.rejects(connection.run('true'), { reason: 'device-unreachable' })
  },
)

test("a device with another host key than the pinned one isn't spoken to", { skip }, async (t) => {
  const { device, key } = await bootDevice(t)
  const other = (await sshKey(t)).publicKey
  const wrong = connect(device.sshUrl, { context, sshKey: key.privateKey, hostKey: other })
  await assert.rejects(wrong, { reason: 'host-key-mismatch' })
})

test(
  'without a pinned key the first one shown is trusted, with a warning that has it',
  { skip },
  async (t) => {
    const { device, key } = await bootDevice(t)
    const warnings: string[] = []
    const log = { ...silentLog, warn: (line: string) => void warnings.push(line) }
    const connection = await connect(device.sshUrl, {
      context: plainContext({ log }),
      sshKey: key.privateKey,
    })
    await connection.close()
    assert.equal(warnings.length, 1)
    assert.ok(warnings[0]?.includes(device.hostKey))
  },
)

test('a key that the device does not know, and one that is none, are named', { skip }, async (t) => {
  const { device } = await bootDevice(t)
  const { privateKey, publicKey } = await sshKey(t)
  const options = { context, hostKey: device.hostKey }
  await assert.rejects(connect(device.sshUrl, { ...options, sshKey: privateKey }), { reason: 'bad-key' })
  await assert.rejects(connect(device.sshUrl, { ...options, sshKey: publicKey }), (error: Failure) => {
    assert.equal(error.reason, 'bad-key')
    assert.ok(!error.message.includes(publicKey.slice(20, 60)))
    return true
  })
})

test(
  'a device that answers late is waited for; one that never does is unreachable',
  { skip: needs('ssh') },
  async (t) => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    assert.ok(address !== null && typeof address === 'object')
    await new Promise((resolve) => silent.close(resolve))
    const { privateKey } = await sshKey(t)
    const url = `ssh://root@127.0.0.1:${address.port}`
    const startedAt = performance.now()
    await assert.rejects(connect(url, { context, sshKey: privateKey, limitMs: 500 }), (error: Failure) => {
      assert.equal(error.reason, 'device-unreachable')
      assert.match(error.message, /127\.0\.0\.1:\d+ can't be reached over ssh: .*Connection refused/)
      return true
    })
    assert.ok(performance.now() - startedAt < 3000)
  },
)

test('namespace: boots a device for the connection alone and leaves nothing', { skip }, async (t) => {
  const image = await baseImage()
  // spaces and percent signs mean something in ssh's configuration
  const parent = join(await temporaryFolder(t), 'a b %h')
  await mkdir(parent)
  const old = process.env['TMPDIR']
  process.env['TMPDIR'] = parent
  undo(t, () => (old === undefined ? delete process.env['TMPDIR'] : (process.env['TMPDIR'] = old)))
  const connection = await connect(`namespace:${image}`, { context })
  assert.match((await connection.run('cat', ['/etc/os-release'])).stdout, /VERSION_CODENAME=bookworm/)
  assert.match((await connection.release()) ?? '', /./)
  assert.ok(remainsOf(parent).length > 0)
  await connection.close()
  await connection.close()
  assert.deepEqual(readdirSync(parent), [])
  await until('everything is gone', () => remainsOf(parent).length === 0, 1000)
})

test('local: is this machine', async () => {
  const connection = await connect('local:', { context })
  assert.equal((await connection.run('printf', ['%s', 'a b'])).stdout, 'a b')
  assert.equal(await connection.bootId(), (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim())
  await assert.rejects(connection.reboot(), { reason: 'bad-input' })
  await connection.close()
})

test('what is no device is bad input, and a password in a URL is not repeated', async () => {
  const wrong = [
    '',
    'ssh',
    'http://x',
    'ssh://',
    'ssh://-oProxyCommand=x',
    'ssh://root@host/path',
    'ssh://a%20b@host',
    'local:x',
  ]
  for (const url of wrong) await assert.rejects(connect(url, { context }), { reason: 'bad-input' }, url)
  await assert.rejects(connect('namespace:/nowhere', { context }), { reason: 'file-missing' })
  await assert.rejects(connect('ssh://root:hunter2@host', { context }), (error: Failure) => {
    assert.equal(error.reason, 'bad-input')
    assert.ok(!error.message.includes('hunter2'))
    return true
  })
  const hostKey = 'not a key'
  await assert.rejects(connect('ssh://root@host', { context, hostKey }), { reason: 'bad-input' })
})
