// Files that are large enough to be read by two threads give the same as a stream does, in every compression.
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { open, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspectArtifact, openArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image } from './craft.ts'

const sizeBytes = 80 << 20

test('a large file is read as a stream is, whole, cut, changed or stopped', async (t) => {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  {
    await using file = await open(source, 'w')
    // the same few megabytes again and again, at places that no buffer's size divides
    const bytes = image(3_000_001)
    for (let at = 0; at + bytes.length < sizeBytes; at += bytes.length)
      await file.write(bytes, 0, bytes.length, at)
    await file.truncate(sizeBytes)
  }
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    const output = join(folder, `${compression}.mender`)
    const options = { source, output, name: 'os-1', deviceTypes: ['board'], compression, verify: true }
    const written = await writeMender(options, plainContext())
    const info = await openArtifact(output)
    assert.deepEqual(info, await inspectArtifact(createReadStream(output)))
    assert.equal(info.sha256, written.sha256)
    if (compression !== 'none') continue // the others are too small, once compressed, to be read by two threads
    assert.ok(info.sizeBytes > sizeBytes)

    const controller = new AbortController()
    setTimeout(() => controller.abort(new Failure('cancelled', 'enough')), 5)
    await assert.rejects(openArtifact(output, { signal: controller.signal }), { reason: 'cancelled' })

    const place = sizeBytes - 5000
    {
      await using file = await open(output, 'r+')
      await file.write(Buffer.of(0xa5), 0, 1, place)
    }
    await assert.rejects(openArtifact(output), {
      reason: 'artifact-damaged',
      message: /rootfs\.ext4.*checksum/,
    })
    await truncate(output, place)
    await assert.rejects(openArtifact(output), { reason: 'artifact-damaged', message: /ends too early/ })
  }
})
