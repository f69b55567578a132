import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { compress, stored } from '../../src/artifact/archive/compress.ts'
import { decompressed } from '../../src/artifact/archive/decompress.ts'
import { needs } from '../support/needs.ts'
import { chunks, image } from './craft.ts'

const content = image(5_300_000)
const sizes = [1, 3, 4, 5, 127, 128, 65_535, 65_536, 65_537, 131_072, 131_073, 500_000, 3_000_000]
const compressions = ['gzip', 'zstd', 'xz'] as const
type Compression = (typeof compressions)[number]

/** What the compression's own program makes of `bytes`. */
function unpacked(bytes: Buffer, compression: Compression): Buffer {
  const { status, stdout, stderr } = spawnSync(compression, ['-dc'], { input: bytes, maxBuffer: 2 ** 28 })
  assert.equal(status, 0, stderr.toString())
  return stdout
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const gathered: Uint8Array[] = []
  for await (const piece of pieces) gathered.push(Buffer.from(piece))
  return Buffer.concat(gathered)
}

for (const compression of compressions) {
  const skip = needs(compression)

  test(`what is compressed with ${compression} is read by its own program and here`, { skip }, async () => {
    for (const size of [...sizes, content.length]) {
      const wanted = content.subarray(0, size)
      const packed = await all(compress(chunks(wanted, 1 << 20), compression))
      assert.ok(unpacked(packed, compression).equals(wanted))
      assert.ok((await all(decompressed(chunks(packed, 70_000), compression, 'x'))).equals(wanted))
    }
  })

  test(
    `the size of what is only stored as ${compression} follows from the content's size`,
    { skip },
    async () => {
      for (const size of sizes) {
        const wanted = content.subarray(0, size)
        const packed = stored(wanted, compression)
        assert.equal(packed.length, stored(Buffer.alloc(size), compression).length)
        assert.ok(unpacked(packed, compression).equals(wanted))
        assert.ok((await all(decompressed(chunks(packed), compression, 'x'))).equals(wanted))
      }
    },
  )

  test(`${compression} that is cut off or followed by anything is refused`, { skip }, async () => {
    const packed = await all(compress(chunks(content.subarray(0, 300_000)), compression))
    const wrong = [
      packed.subarray(0, -1),
      packed.subarray(0, packed.length / 2),
      ...[Buffer.from('x'), Buffer.alloc(1), Buffer.alloc(4), Buffer.alloc(4096)].map((rest) =>
        Buffer.concat([packed, rest]),
      ),
    ]
    for (const bytes of wrong) {
      const read = all(decompressed(chunks(bytes), compression, 'a member'))
      await assert.rejects(read, { reason: 'artifact-damaged', message: /^a member, byte \d+: / })
    }
  })

  test(`a source that breaks off breaks ${compression} off, both ways`, { skip }, async () => {
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield content.subarray(0, 100_000)
      throw new Error('the disk is gone')
    }
    await assert.rejects(all(compress(broken(), compression)), /the disk is gone/)
    const packed = await all(compress(chunks(content), compression))
    const half = async function* (): AsyncGenerator<Buffer> {
      yield packed.subarray(0, packed.length / 2)
      throw new Error('the disk is gone')
    }
    await assert.rejects(all(decompressed(half(), compression, 'x')), /the disk is gone/)
  })
}

test(
  'an xz stream that asks for more memory than any tool writes is refused',
  { skip: needs('xz') },
  async () => {
    const args = ['-c', '--lzma2=preset=0,dict=512MiB']
    const { stdout } = spawnSync('xz', args, { input: content.subarray(0, 1000) })
    await assert.rejects(all(decompressed(chunks(stdout), 'xz', 'a member')), {
      reason: 'artifact-damaged',
      message: /[Mm]emory usage limit/,
    })
  },
)

test('what the environment sets for xz changes no byte', { skip: needs('xz') }, async () => {
  const input = content.subarray(0, 400_000)
  const plain = await all(compress(chunks(input), 'xz'))
  process.env['XZ_DEFAULTS'] = '--block-size=4096 -T4'
  process.env['XZ_OPT'] = '-9e --check=sha256'
  try {
    assert.ok((await all(compress(chunks(input), 'xz'))).equals(plain))
  } finally {
    delete process.env['XZ_DEFAULTS']
    delete process.env['XZ_OPT']
  }
})

test('an abort ends xz', { skip: needs('xz') }, async () => {
  const controller = new AbortController()
  const endless = async function* (): AsyncGenerator<Buffer> {
    for (;;) yield content
  }
  const reading = all(compress(endless(), 'xz', { signal: controller.signal }))
  setTimeout(() => controller.abort(new Error('enough')), 50)
  await assert.rejects(reading, /enough/)
})
