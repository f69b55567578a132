import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { packageArtifact } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** The first blocks of an ext4 file system, as far as anybody looks at them. */
function ext4(): Buffer {
  const image = Buffer.alloc(70_000)
  image.writeUInt16LE(0xef53, 1080)
  return image
}

/** A disk with one partition in a table of the old kind. */
function disk(): Buffer {
  const image = Buffer.alloc(70_000)
  image[446 + 4] = 0x83
  image.writeUInt16BE(0x55aa, 510)
  return image
}

test('an image that devices could not start from is told, and packed all the same', async (t) => {
  const folder = await temporaryFolder(t)
  for (const [name, content, expected] of [
    ['rootfs.ext4', ext4(), undefined],
    ['rootfs.ext4.gz', gzipSync(ext4()), /is compressed with gzip, .*: unpack it first/],
    ['card.img', disk(), /is the image of a whole disk, .*: give the root file system alone/],
    ['app.conf', Buffer.from('a = 1\n'), /holds no file system that is known, .* name its payload/],
  ] as const) {
    const source = join(folder, name)
    await writeFile(source, content)
    const warnings: string[] = []
    const context = plainContext({ log: { ...plainContext().log, warn: (line) => void warnings.push(line) } })
    const options = { source, format: 'mender', deviceTypes: ['board'], compression: 'none' } as const
    await packageArtifact(options, context)
    if (expected === undefined) assert.deepEqual(warnings, [], name)
    else assert.match(warnings.join('\n'), expected)
  }
})

test('only an image is looked at as one', async (t) => {
  const folder = await temporaryFolder(t)
  const path = (name: string) => join(folder, name)
  await writeFile(path('app.conf'), 'a = 1\n')
  await writeFile(path('options.yml'), 'payload: single-file\ndest-dir: /etc\n')
  const warnings: string[] = []
  const context = plainContext({ log: { ...plainContext().log, warn: (line) => void warnings.push(line) } })
  const options = { format: 'mender', deviceTypes: ['board'], compression: 'none' } as const
  await packageArtifact({ ...options, source: path('app.conf'), optionsFile: path('options.yml') }, context)
  assert.deepEqual(warnings, [])
})
