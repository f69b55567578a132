import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { connect } from '../../src/device/device.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { baseImage } from '../support/base-image.ts'
import { remainsOf } from '../support/devices.ts'
import { cannotEmulate } from '../support/machines.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const context = plainContext()
const skip = cannotEmulate()

test('vm: boots a machine for the connection alone and leaves nothing', { skip }, async (t) => {
  const parent = await temporaryFolder(t)
  const old = process.env['TMPDIR']
  process.env['TMPDIR'] = parent
  undo(t, () => (old === undefined ? delete process.env['TMPDIR'] : (process.env['TMPDIR'] = old)))
  const connection = await connect(`vm:${await baseImage()}`, { context })
  undo(t, () => connection.close())
  assert.match((await connection.run('uname', ['-v'])).stdout, /Debian/)
  assert.match((await connection.release()) ?? '', /^example-os-/)
  await connection.close()
  assert.deepEqual(readdirSync(parent), [])
  assert.deepEqual(remainsOf(parent), [])
})
