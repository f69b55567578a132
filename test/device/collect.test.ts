import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../src/device/device.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { cannotBoot } from '../support/base-image.ts'
import { bootDevice } from '../support/devices.ts'
import { undo } from '../support/undo.ts'

const skip = cannotBoot

test('a device tells what it can, and the rest is named with why', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  await connection.run('sh', ['-c', 'echo "it broke here" >> /data/log/service.log'])
  const { texts, missing } = await connection.collect()
  assert.equal(texts['boot-id']?.trim(), await connection.bootId())
  assert.match(texts.logs ?? '', /^== \/data\/log\/service\.log\nit broke here$/m)
  assert.equal(missing.journal, 'the device has no journalctl')
  assert.equal(missing['failed-units'], 'the device has no systemctl')
  assert.equal(missing.console, undefined, 'nobody said that there is one')
})

test('however much a device has to tell, the end of it is kept', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const fill = 'yes é | head -c 3000000 > /data/log/long.log; printf "the last line\\n" >> /data/log/long.log'
  await connection.run('sh', ['-c', fill])
  const { texts } = await connection.collect({ maxBytes: 10_001 })
  const logs = texts.logs ?? ''
  assert.ok(Buffer.byteLength(logs) <= 10_001)
  assert.match(logs, /the last line\n/)
  assert.ok(!logs.includes('\ufffd'))
})

test('after a device went away and came back, its new start is told', { skip }, async (t) => {
  const { connection, device } = await bootDevice(t)
  const before = await connection.bootId()
  device.powerCut()
  await connection.lost
  const { texts } = await connection.collect()
  assert.match(texts['boot-id'] ?? '', /^[0-9a-f-]{36}\n$/)
  assert.notEqual(texts['boot-id']?.trim(), before)
  // the tests' connection is lost all the same
  await assert.rejects(connection.run('true'), { reason: 'device-unreachable' })
})

test('of a device that is gone every text is named as missing', { skip }, async (t) => {
  const { device, key } = await bootDevice(t)
  const connection = await connect(device.sshUrl, {
    context: plainContext(),
    sshKey: key.privateKey,
    hostKey: device.hostKey,
    limitMs: 2000,
  })
  undo(t, () => connection.close())
  await device.stop()
  await connection.lost
  const { texts, missing } = await connection.collect()
  assert.deepEqual(texts, {})
  // the next device that is started may have this one's address by now: it isn't taken for it
  for (const name of ['boot-id', 'journal', 'logs'] as const)
    assert.match(missing[name] ?? '', /can't be reached over ssh|shows another ssh host key/)
})

test('local: tells of this machine', async () => {
  const connection = await connect('local:', { context: plainContext() })
  const { texts } = await connection.collect({ maxBytes: 1000 })
  assert.equal(texts['boot-id']?.trim(), await connection.bootId())
  await connection.close()
})

test('collecting ends with an abort', { skip }, async (t) => {
  const { connection } = await bootDevice(t)
  const why = new Error('enough')
  await assert.rejects(connection.collect({ signal: AbortSignal.abort(why) }), why)
})
