import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { rsa } from '../artifact/keys.ts'
import { openLab } from '../support/mender-lab.ts'

test('a file that has to be signed is not taken for there where the server has it unsigned', async (t) => {
  const { server, folder } = await openLab(t)
  const packed = async (name: string, key?: string) => {
    const source = join(folder, `${name}.ext4`)
    await writeFile(source, name.padEnd(8192, '.'))
    const output = join(folder, `${name}${key ? '-signed' : ''}.mender`)
    const options = { source, output, name, deviceTypes: ['virtual'], compression: 'gzip' } as const
    await writeMender({ ...options, signing: { key } }, plainContext())
    return output
  }
  await server.upload(await packed('os-2'))
  const signed = await packed('os-2', rsa.pkcs8)
  await assert.rejects(server.upload(signed, [rsa.public]), {
    reason: 'artifact-conflict',
    message: /has os-2 unsigned.*new name/,
  })
  // who asks for no signature is told that there is none
  assert.equal((await server.upload(signed)).isNew, false)
  const other = await packed('os-3', rsa.pkcs8)
  assert.equal((await server.upload(other, [rsa.public])).isNew, true)
  assert.equal((await server.upload(other, [rsa.public])).isNew, false)
})
