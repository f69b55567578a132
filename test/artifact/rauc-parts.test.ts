import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
// the parts of the reader that see hostile bytes first, without the programs that a whole bundle needs
import { parseSuperblock, parseTrailer, signatureKind } from '../../src/artifact/rauc/bundle-layout.ts'
import { formatManifest } from '../../src/artifact/rauc/format-manifest.ts'
import { parseManifest } from '../../src/artifact/rauc/rauc-manifest.ts'
import { VerityCheck, levelOffsets } from '../../src/artifact/rauc/verity.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { failure } from './failure.ts'

const image = `[image.rootfs]\nsha256=${'A'.repeat(64)}\nsize=5\nfilename=rootfs.ext4\n`
const read = (text: string) => parseManifest(Buffer.from(text))

test('a manifest is read as GLib reads it, with its escapes, comments and spaces', () => {
  const text = `# a comment\r\n\n  [update]  \n compatible = a board \nversion=\\s1\\t2\\\\\n\n[bundle]\n[meta.x]\na=b\n${image}hooks=install;post-install;\nadaptive=block-hash-index\n[hooks]\nfilename=sub/hook\nhooks=install-check\n[handler]\nfilename=h\nargs=--a=b;c\n`
  assert.throws(
    () => read(text),
    failure('artifact-damaged', /version is .*can't be shown/, 'artifact-members'),
  )
  assert.deepEqual(read(text.replace('\\t', 'x')), {
    compatible: 'a board ',
    version: ' 1x2\\',
    description: undefined,
    build: undefined,
    format: 'plain',
    hooks: { file: 'sub/hook', isChecked: true },
    handler: { file: 'h', args: '--a=b;c' },
    images: [
      {
        slot: 'rootfs',
        variant: undefined,
        hooks: ['install', 'post-install'],
        settings: { adaptive: 'block-hash-index' },
        file: { name: 'rootfs.ext4', sizeBytes: 5, checksum: 'a'.repeat(64) },
      },
    ],
  })
})

test('a manifest that misleads, or that rauc wouldn’t take, is refused', () => {
  const good = '[update]\ncompatible=a\n'
  read(good)
  for (const [text, message] of [
    ['', /compatible/],
    ['compatible=a\n[update]\n', /malformed/],
    ['[update\ncompatible=a\n', /malformed/],
    [`${good}compatible=b\n`, /compatible twice/],
    [`${good}[update]\nversion=b\n`, /"update" twice/],
    [`${good}version=a\\nb\n`, /can't be shown/],
    [`${good}version=a\u001b[2J\n`, /can't be shown/],
    [`${good}version=a\\x\n`, /escape/],
    [`${good}version=\n`, /can't be shown/],
    [`${good}vesion=1\n`, /unknown key "vesion"/],
    [`${good}[other]\n`, /unknown section "other"/],
    [`${good}[bundle]\nformat=x\n`, /format "x"/],
    [`${good}[bundle]\nformat=verity\nverity-hash=${'0'.repeat(64)}\nverity-size=4096\n`, /64 hex/],
    [
      `${good}[bundle]\nformat=verity\nverity-hash=${'0'.repeat(64)}\nverity-salt=${'0'.repeat(64)}\nverity-size=4095\n`,
      /4096/,
    ],
    [`${good}[image.]\nfilename=a\n`, /names no slot/],
    [`${good}[image.a]\n`, /names no file/],
    [`${good}${image.replace('A', 'G')}`, /sha256/],
    [`${good}${image.replace('size=5', 'size=-5')}`, /no size/],
    [`${good}${image.replace('size=5', 'size=99999999999999999')}`, /no size/],
    [`${good}${image}hooks=never\n`, /unknown hook "never"/],
    [`${good}${image}hooks=install\n`, /names no file for them/],
    ...['/etc/passwd', '../a', 'a/../b', 'a//b', '.', 'a\\nb'].map(
      (name) => [`${good}${image.replace('rootfs.ext4', name)}`, /leaves the bundle|can't be shown/] as const,
    ),
  ] as const) {
    assert.throws(
      () => read(text),
      (error: unknown) => error instanceof Error && message.test(error.message),
      text,
    )
  }
  assert.throws(() => parseManifest(Buffer.from([0x5b, 0xff])), failure('artifact-damaged', /UTF-8/))
  assert.throws(
    () => parseManifest(Buffer.alloc(300_000, '#')),
    failure('artifact-damaged', /over/, 'artifact-too-large'),
  )
})

test('what a manifest was made of is what is read from it', () => {
  const odd = ['\\s', '\\', ' a', 'a ', '#', '[x]', 'a=b', ';', 'ä€😀', '"', '\\n']
  for (const text of odd) {
    const plan = { compatible: text, version: text, description: text, build: text, format: 'plain' as const }
    const made = read(
      formatManifest({ ...plan, hooks: undefined, handler: { file: 'h', args: text }, images: [] }),
    )
    assert.deepEqual(
      [made.compatible, made.version, made.description, made.build, made.handler?.args],
      [text, text, text, text, text],
    )
  }
})

test('a trailer can neither lead outside the file nor to a large signature', () => {
  const trailer = (size: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(size)
    return bytes
  }
  assert.deepEqual(parseTrailer(trailer(100n), 10_000), { payloadBytes: 9892, signatureBytes: 100 })
  for (const size of [0n, 65_537n, 1n << 63n, (1n << 64n) - 1n, 9_897n])
    assert.throws(() => parseTrailer(trailer(size), 10_000), { name: 'Failure' }, String(size))
  assert.throws(() => parseTrailer(trailer(1n), 20), { name: 'Failure' })
})

test('a superblock can’t claim more than is there', () => {
  const block = Buffer.alloc(96)
  block.write('hsqs')
  block.writeUInt16LE(6, 20)
  block.writeUInt16LE(4, 28)
  block.writeBigUInt64LE(5000n, 40)
  assert.deepEqual(parseSuperblock(block, 8192), { compression: 'zstd', inodes: 0, usedBytes: 5000 })
  assert.throws(() => parseSuperblock(block, 4999), failure('artifact-damaged', /5000 bytes, but 4999/))
  assert.throws(() => parseSuperblock(block.subarray(0, 95), 8192), failure('artifact-damaged', /too short/))
  for (const [at, value] of [
    [0, 0],
    [20, 7],
    [20, 0],
    [28, 3],
    [47, 0xff],
  ] as const) {
    const other = Buffer.from(block)
    other[at] = value
    assert.throws(() => parseSuperblock(other, 8192), { name: 'Failure' }, `byte ${at}`)
  }
})

test('no bytes make the signature’s reader fail in another way than by name', () => {
  for (let i = 0; i < 3000; i++) {
    const bytes = randomBytes(1 + (i % 60))
    if (i % 2 === 0) bytes[0] = 0x30
    assert.throws(() => signatureKind(bytes), { name: 'Failure' }, bytes.toString('hex'))
  }
})

// the tree as the kernel's documentation describes it, built in the plainest way
function treeOf(data: Buffer, salt: Buffer): { tree: Buffer; root: string } {
  const digests = (blocks: Buffer) =>
    Buffer.concat(
      Array.from({ length: blocks.length / 4096 }, (_, i) =>
        createHash('sha256')
          .update(salt)
          .update(blocks.subarray(i * 4096, i * 4096 + 4096))
          .digest(),
      ),
    )
  const levels: Buffer[] = []
  for (let blocks = data; blocks.length > 4096; blocks = levels[0] ?? Buffer.alloc(0)) {
    const level = digests(blocks)
    levels.unshift(Buffer.concat([level, Buffer.alloc((4096 - (level.length % 4096)) % 4096)]))
  }
  return { tree: Buffer.concat(levels), root: digests(levels[0] ?? data).toString('hex') }
}

test('hash trees of one, two and three levels are checked to the last byte', async (t) => {
  const path = join(await temporaryFolder(t), 'file')
  for (const blocks of [2, 127, 128, 129, 130, 16_384, 16_385]) {
    const [data, salt] = [Buffer.alloc(blocks * 4096), randomBytes(32)]
    for (let i = 0; i < blocks; i++) data.writeUInt32LE(i, i * 4096)
    const { tree, root } = treeOf(data, salt)
    const facts = { hash: root, salt: salt.toString('hex'), sizeBytes: tree.length }
    const check = async (...changes: [at: number, value: number][]) => {
      const bytes = Buffer.concat([data, tree])
      for (const [at, value] of changes) bytes[at] = value
      await writeFile(path, bytes)
      await using file = await open(path)
      const verity = new VerityCheck(file, data.length, facts)
      for (let at = 0; at < data.length; at += 1_000_000)
        await verity.add(bytes.subarray(at, Math.min(data.length, at + 1_000_000)))
      await verity.finish()
    }
    await check()
    const last = blocks - 1
    await assert.rejects(
      check([last * 4096 + 4095, 1]),
      failure('artifact-damaged', new RegExp(`payload, byte ${last * 4096}:`), 'artifact-checksum'),
    )
    await assert.rejects(check([0, 1]), failure('artifact-damaged', /payload, byte 0:/, 'artifact-checksum'))
    if (blocks < 1000 && blocks !== 128)
      await assert.rejects(
        check([data.length + tree.length - 1, 1]),
        failure('artifact-damaged', /hash tree, byte/, 'artifact-checksum'),
      )
    await assert.rejects(
      (async () => {
        facts.hash = '0'.repeat(64)
        await check()
      })(),
      failure('artifact-damaged', /its root/, 'artifact-checksum'),
    )
    assert.throws(() => levelOffsets(data.length, tree.length + 4096), { name: 'Failure' })
  }
})
