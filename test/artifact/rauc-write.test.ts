import assert from 'node:assert/strict'
import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openArtifact } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { authority } from './certificates.ts'
import { sha256 } from './craft.ts'
import { failure } from './failure.ts'
import { folderWithImage, imageBytes, judge, ours, signer, withoutRauc, writeIn } from './rauc.ts'

for (const bundleFormat of ['verity', 'plain'] as const) {
  for (const compression of ['none', 'gzip', 'zstd', 'xz'] as const) {
    test(
      `a ${bundleFormat} bundle with ${compression} is taken by rauc and read back`,
      { skip: withoutRauc },
      async (t) => {
        const folder = await folderWithImage(t)
        const written = await writeIn(folder, { bundleFormat, compression })
        const info = await openArtifact(written.path, { verifyKeys: [ours.certificate] })
        const bytes = await readFile(written.path)
        assert.deepEqual(
          { ...written, path: '' },
          {
            path: '',
            name: 'release-1',
            sha256: `sha256:${sha256(bytes)}`,
            contentDigest: info.contentDigest,
            sizeBytes: bytes.length,
          },
        )
        assert.deepEqual(
          [info.format, info.bundle?.format, info.compression, info.signature, info.name, info.sha256],
          ['rauc', bundleFormat, compression, 'verified', 'release-1', written.sha256],
        )
        const checksum = sha256(await readFile(join(folder, 'rootfs.ext4')))
        assert.deepEqual(
          info.payloads.map(({ type, files }) => [type, files]),
          [['rootfs', [{ name: 'rootfs.ext4', sizeBytes: imageBytes, checksum }]]],
        )
        for (const command of ['info', 'extract'] as const) {
          const { isTaken, said } = judge(command, written.path)
          assert.ok(isTaken, said)
        }
        assert.deepEqual((await readdir(folder)).sort(), ['release.raucb', 'rootfs.ext4'])
      },
    )
  }
}

test(
  'slots, variants, hooks, a handler and texts reach rauc as they were given',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    await writeFile(join(folder, 'app.tar.gz'), 'an app')
    await writeFile(join(folder, 'hook.sh'), '#!/bin/sh\n')
    const description = '  \\ and ; and # and = and [x] and spaces around it '
    const written = await writeIn(folder, {
      slot: 'system',
      variant: 'rev-b',
      imageHooks: ['post-install'],
      images: [{ slot: 'app', file: join(folder, 'app.tar.gz'), hooks: ['install', 'pre-install'] }],
      hooks: { file: join(folder, 'hook.sh'), isChecked: true },
      description,
      build: 'abc123',
    })
    const { said } = judge('info', written.path)
    for (const line of [
      /'abc123'/,
      /install-check/,
      /\[system\]/,
      /rev-b/,
      /app\.tar\.gz/,
      /\\ and ; and # and =/,
    ])
      assert.match(said, line)
    const info = await openArtifact(written.path, { verifyKeys: [signer.publicKey] })
    assert.deepEqual(
      info.payloads.map(({ type, metaData }) => [type, metaData]),
      [
        ['system', { variant: 'rev-b', hooks: ['post-install'] }],
        ['app', { hooks: ['install', 'pre-install'] }],
      ],
    )
    assert.deepEqual(info.scripts, ['hook'])
    assert.deepEqual(info.bundle, { format: 'verity', description, build: 'abc123' })
  },
)

test(
  'the content digest and a name made of it tell what is installed, and nothing else',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    const [hook, other] = [join(folder, 'hook'), join(folder, 'other')]
    await writeFile(hook, '#!/bin/sh\n')
    await writeFile(other, '#!/bin/sh\ntrue\n')
    const first = await writeIn(folder, { name: { prefix: 'os' } })
    assert.equal(first.name, `os-${first.contentDigest.slice(7, 19)}`)
    const digestOf = async (options: Parameters<typeof writeIn>[1]) =>
      (await writeIn(folder, options)).contentDigest
    const same = await digestOf({ bundleFormat: 'plain', compression: 'zstd', description: 'x' })
    assert.equal(same, first.contentDigest)
    const all = [
      same,
      await digestOf({ slot: 'app' }),
      await digestOf({ deviceTypes: ['other'] }),
      await digestOf({ hooks: { file: hook } }),
      await digestOf({ hooks: { file: other } }),
      await digestOf({ hooks: { file: hook, isChecked: true } }),
      await digestOf({ handler: { file: hook } }),
      await digestOf({ handler: { file: hook, args: '-v' } }),
      await digestOf({ hooks: { file: hook }, imageHooks: ['post-install'] }),
    ]
    assert.equal(new Set(all).size, all.length)
  },
)

test('the same input gives the same squashfs', { skip: withoutRauc }, async (t) => {
  const folder = await folderWithImage(t)
  const squashfs = async (output: string) => {
    const { path } = await writeIn(folder, { bundleFormat: 'plain', output: join(folder, output) })
    const bytes = await readFile(path)
    return sha256(bytes.subarray(0, bytes.length - 8 - Number(bytes.readBigUInt64BE(bytes.length - 8))))
  }
  assert.equal(await squashfs('a.raucb'), await squashfs('b/b.raucb'))
})

test(
  'certificates between the signer and the authority are in the bundle',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    const indirect = ours.issue('indirect', { isIndirect: true, type: 'rsa' })
    const { path } = await writeIn(folder, { signing: { key: indirect.all } })
    assert.equal((await openArtifact(path, { verifyKeys: [ours.certificate] })).signature, 'verified')
    assert.ok(judge('extract', path).isTaken)
  },
)

test('each mistake is named before any work, and nothing is written', { skip: withoutRauc }, async (t) => {
  const folder = await folderWithImage(t)
  await writeFile(join(folder, 'empty'), '')
  await writeFile(join(folder, 'keyring.pem'), authority('theirs').certificate)
  const there = (await readdir(folder)).sort()
  const old = ours.issue('old', { from: '20200101000000Z', to: '20210101000000Z' })
  const image = join(folder, 'rootfs.ext4')
  for (const [options, reason, message] of [
    [{ signing: undefined }, 'bad-input', /always signed/],
    [{ signing: { key: '' } }, 'bad-input', /always signed/],
    [{ signing: { command: ['sign'] } }, 'bad-input', /PKCS#11/],
    [{ signing: { key: signer.key } }, 'bad-key', /without its certificate/],
    [{ signing: { key: signer.key, certificate: ours.certificate } }, 'bad-key', /belongs to none/],
    [{ signing: { key: old.all } }, 'bad-key', /valid from Jan {2}1 .* 2020/],
    [{ signing: { key: 'pkcs11:token=a;object=b?pin-value=1234' } }, 'bad-key', /RAUC_PKCS11_PIN/],
    [{ signing: { key: 'pkcs11:token=a' } }, 'bad-key', /certificate/],
    [{ deviceTypes: ['a', 'b'] }, 'bad-input', /one device type, not for a, b/],
    [{ deviceTypes: [] }, 'bad-input', /no device type/],
    [{ deviceTypes: [], name: 'a b', slot: '', keyring: 'none' }, 'file-missing', /\(and 2 more\)/],
    [{ deviceTypes: ['a\nversion=2'] }, 'bad-input', /device type/],
    [{ name: 'a\u0000b' }, 'bad-input', /release's name/],
    [{ name: '../a' }, 'bad-input', /release's name/],
    [{ description: 'a\n[handler]\nfilename=x' }, 'bad-input', /description/],
    [{ build: '\u2028' }, 'bad-input', /build/],
    [{ slot: 'a]\n[handler' }, 'bad-input', /section/],
    [{ variant: 'a]b' }, 'bad-input', /section/],
    [{ images: [{ slot: 'rootfs', file: image }] }, 'bad-input', /two images are for the slot rootfs/],
    [{ images: [{ slot: 'app', file: join(folder, 'none') }] }, 'file-missing', /no such file/],
    [{ imageHooks: ['install'] }, 'bad-input', /no script/],
    [{ source: join(folder, 'empty') }, 'bad-input', /is empty/],
    [{ source: folder }, 'bad-input', /not a plain file/],
    [{ source: '/dev/null' }, 'bad-input', /not a plain file/],
    [{ output: image }, 'bad-input', /goes into it/],
    [{ output: folder }, 'bad-input', /is a folder/],
    [{ output: join(image, 'x') }, 'bad-input', /a file is in the way/],
    [{ sourceDigest: `sha256:${'0'.repeat(64)}` }, 'bad-input', /not sha256:0000/],
    [{ keyring: join(folder, 'none') }, 'file-missing', /keyring/],
  ] as const) {
    await assert.rejects(writeIn(folder, options), failure(reason, message), JSON.stringify(options))
    assert.deepEqual((await readdir(folder)).sort(), there)
  }
  const wrongRing = writeIn(folder, { keyring: join(folder, 'keyring.pem') })
  await assert.rejects(wrongRing, failure('artifact-unsigned', /CN=ci.*doesn't accept/, 'artifact-wrong-key'))
  assert.deepEqual((await readdir(folder)).sort(), there)
})

test(
  'an image that is too small for a hash tree is named with what to do',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    await writeFile(join(folder, 'rootfs.ext4'), 'tiny')
    await assert.rejects(writeIn(folder), failure('bad-input', /bundle-format: plain/))
    await writeIn(folder, { bundleFormat: 'plain' })
  },
)

test(
  'an image on another file system is copied; the source stays as it was',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    const source = '/proc/version' // no file system can link or share it
    await assert.rejects(writeIn(folder, { source }), failure('bad-input', /is empty/))
    const { mode, nlink } = await stat(join(folder, 'rootfs.ext4'))
    await writeIn(folder)
    const after = await stat(join(folder, 'rootfs.ext4'))
    assert.deepEqual([after.mode, after.nlink], [mode, nlink])
  },
)

test(
  'an abort ends the work wherever it is, says why and leaves nothing',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    for (const moment of [/becomes/, /Creating/]) {
      const controller = new AbortController()
      const debug = (line: string) => moment.test(line) && controller.abort(new Error('enough'))
      const log = { ...plainContext().log, debug }
      const context = plainContext({ log, signal: controller.signal })
      await assert.rejects(writeIn(folder, {}, context), /enough/)
      assert.deepEqual(await readdir(folder), ['rootfs.ext4'])
    }
  },
)
