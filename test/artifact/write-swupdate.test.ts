import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, readdir, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type PackageOptions,
  type WrittenArtifact,
  openArtifact,
  packageArtifact,
  signArtifact,
} from '../../src/artifact/artifact.ts'
import { type CmsSigner, openCmsSigner } from '../../src/artifact/cms-sign.ts'
import { moveTail } from '../../src/artifact/archive/move-tail.ts'
import { Failure, digestOfFile, plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { until } from '../support/until.ts'
import { failure } from './failure.ts'
import { type Authority, type TestIdentity, authority } from './certificates.ts'
import { image, sha256 } from './craft.ts'

const skip = needs('openssl')

interface Prepared {
  folder: string
  source: string
  write: (more?: Partial<PackageOptions>, options?: string) => Promise<WrittenArtifact>
}

async function prepared(t: TestContext, sizeBytes = 2_500_000): Promise<Prepared> {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, image(sizeBytes))
  const optionsFile = join(folder, 'options.yml')
  return {
    folder,
    source,
    write: async (more = {}, options = 'swupdate: { device: /dev/null }') => {
      await writeFile(optionsFile, options)
      const output = join(folder, 'out.swu')
      const chosen = { format: 'swupdate', deviceTypes: ['board'], compression: 'gzip' } as const
      return packageArtifact({ ...chosen, source, output, optionsFile, ...more }, plainContext())
    },
  }
}

async function failsWith(work: Promise<unknown>, reason: string, message: RegExp): Promise<void> {
  await assert.rejects(work, failure(reason, message))
}

test('what is written is read back with the same facts', async (t) => {
  const { write } = await prepared(t)
  const written = await write({ name: 'release-1', deviceTypes: ['board', 'board-2', 'board'] })
  const { payloads, ...info } = await openArtifact(written.path)
  const bytes = await readFile(written.path)
  assert.deepEqual(info, {
    format: 'swupdate',
    version: 1,
    name: 'release-1',
    deviceTypes: ['board', 'board-2'],
    depends: { device_type: ['board', 'board-2'] },
    provides: { 'rootfs.version': 'release-1' },
    clearsProvides: [],
    scripts: [],
    signature: 'none',
    compression: 'gzip',
    sizeBytes: bytes.length,
    sha256: `sha256:${sha256(bytes)}`,
    contentDigest: written.contentDigest,
  })
  assert.deepEqual(
    payloads.map(({ type, files, metaData }) => ({ type, files, metaData })),
    [
      {
        type: 'raw',
        files: [{ name: 'rootfs.ext4', sizeBytes: 2_500_000, checksum: sha256(image(2_500_000)) }],
        metaData: { device: '/dev/null' },
      },
    ],
  )
  assert.deepEqual(
    { ...written, path: '' },
    {
      path: '',
      name: 'release-1',
      sha256: info.sha256,
      contentDigest: info.contentDigest,
      sizeBytes: bytes.length,
    },
  )
  assert.equal(bytes.length % 512, 0)
})

test('sizes around the edges of padding survive', async (t) => {
  const { source, write } = await prepared(t)
  for (const size of [1, 2, 3, 4, 5, 511, 512, 513, (1 << 20) + 1]) {
    await writeFile(source, image(size))
    const { path } = await write({ compression: 'none' })
    assert.equal((await openArtifact(path)).payloads[0]?.files[0]?.checksum, sha256(image(size)))
  }
})

test(
  'the same input gives the same bytes, whenever and wherever, with both kinds of keys',
  { skip },
  async (t) => {
    const one = await prepared(t)
    const two = await prepared(t)
    await utimes(two.source, 1, 1)
    await chmod(two.source, 0o600)
    const fleet = authority('fleet')
    const keys = [undefined, fleet.issue('rsa', { type: 'rsa' }).all, fleet.issue('ec').all]
    for (const compression of ['none', 'zstd'] as const) {
      for (const key of keys) {
        const digests = new Set<string>()
        for (const { write } of [one, two, one]) {
          digests.add(await digestOfFile((await write({ compression, signing: { key } })).path))
        }
        assert.equal(digests.size, 1)
      }
    }
  },
)

test('signatures of every length leave the file whole', { skip }, async (t) => {
  const { write } = await prepared(t, 10_000)
  const fleet = authority('fleet')
  const sizes = new Set<number>()
  // a length more or less shows through the padding to 4 bytes with some certificates only
  const identity = await findIdentity(fleet, ({ usualBytes }) => usualBytes % 4 < 2)
  for (let i = 1; i <= 40 && sizes.size < 2; i++) {
    const signing = { key: identity.all }
    const { path } = await write({ name: `release-${i}`, signing, compression: 'none' })
    sizes.add((await readFile(path)).lastIndexOf('rootfs.ext4\0'))
    const { signature } = await openArtifact(path, { verifyKeys: [identity.publicKey] })
    assert.equal(signature, 'verified')
  }
  assert.ok(sizes.size > 1, 'the head had more than one size')
})

async function findIdentity(fleet: Authority, isFit: (signer: CmsSigner) => boolean): Promise<TestIdentity> {
  for (let length = 1; length <= 20; length++) {
    const identity = fleet.issue('x'.repeat(length))
    const signer = await openCmsSigner({ key: identity.all }, new Date())
    if (signer !== undefined && isFit(signer)) return identity
  }
  throw new Error('no certificate has the size that is wanted')
}

test('the end of a file moves in both directions, in pieces or as one', async (t) => {
  const path = join(await temporaryFolder(t), 'file')
  for (const size of [100, 9_000_000]) {
    const bytes = image(size)
    for (const to of [20, 24, 28, 5_000_000]) {
      await writeFile(path, bytes)
      await moveTail(path, 24, to, new AbortController().signal)
      const moved = await readFile(path)
      assert.equal(moved.length, to + size - 24)
      assert.ok(moved.subarray(to).equals(bytes.subarray(24)), `${size} to ${to}`)
    }
  }
})

test(
  'the name is made of the content, which neither key, compression nor name change',
  { skip },
  async (t) => {
    const { write } = await prepared(t)
    const { all } = authority('fleet').issue('signer')
    const first = await write()
    assert.equal(first.name, `rootfs-${first.contentDigest.slice(7, 19)}`)
    assert.equal((await openArtifact(first.path)).name, first.name)
    for (const more of [
      { compression: 'none' },
      { compression: 'zstd' },
      { name: 'another-name' },
      { signing: { key: all } },
    ] as const) {
      assert.equal((await write(more)).contentDigest, first.contentDigest)
    }
    assert.notEqual((await write({}, 'swupdate: { device: /dev/zero }')).contentDigest, first.contentDigest)
    assert.notEqual((await write({ deviceTypes: ['board-2'] })).contentDigest, first.contentDigest)
  },
)

test('signed later it is the file that signed writing makes', { skip }, async (t) => {
  const { folder, write } = await prepared(t)
  const fleet = authority('fleet')
  const [laboratory, production] = [fleet.issue('laboratory'), fleet.issue('production', { type: 'rsa' })]
  const whole = await write({ output: join(folder, 'whole.swu'), signing: { key: production.all } })
  const bare = await write({ output: join(folder, 'bare.swu') })
  const tested = await write({ output: join(folder, 'tested.swu'), signing: { key: laboratory.all } })
  const output = join(folder, 'later.swu')
  for (const { path } of [bare, tested]) {
    const later = await signArtifact(path, { signing: { key: production.all }, output }, plainContext())
    assert.deepEqual(later, { ...whole, path: output, isChanged: true })
    const verifyKeys = [fleet.certificate]
    assert.equal(
      (await openArtifact(output, { verifyKeys })).signedBy,
      (await openArtifact(whole.path, { verifyKeys })).signedBy,
    )
  }
  const again = await signArtifact(output, { signing: { key: production.all } }, plainContext())
  assert.equal(again.isChanged, false)
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('.')),
    [],
  )
})

test('a program signs in place of a key', { skip }, async (t) => {
  const { folder, write } = await prepared(t)
  const { key, certificate, all } = authority('fleet').issue('signer', { type: 'rsa' })
  await writeFile(join(folder, 'key'), key)
  const direct = await write({ signing: { key: all } })
  const command = ['openssl', 'dgst', '-sha256', '-sign', join(folder, 'key')]
  const written = await write({ signing: { command, certificate } })
  assert.equal(written.sha256, direct.sha256)
  await failsWith(write({ signing: { command: ['false'], certificate } }), 'signing-failed', /false/)
})

test(
  'a key without its certificate, or with one that is over, is refused before anything is written',
  { skip },
  async (t) => {
    const { folder, write } = await prepared(t)
    const fleet = authority('fleet')
    const { key, certificate } = fleet.issue('signer')
    const over = fleet.issue('over', { from: '20200101000000Z', to: '20210101000000Z' })
    await failsWith(write({ signing: { key } }), 'bad-key', /without its certificate/)
    await failsWith(write({ signing: { key: key + fleet.certificate } }), 'bad-key', /belongs to none/)
    await failsWith(write({ signing: { key: over.all } }), 'bad-key', /not today/)
    assert.equal((await write({ signing: { key, certificate } })).path, join(folder, 'out.swu'))
  },
)

test('what the format can’t hold is refused before anything is written', async (t) => {
  const { folder, source, write } = await prepared(t)
  await truncate(source, 2 ** 32)
  await failsWith(write({ compression: 'none' }), 'bad-input', /holds none of 4 GiB or more/)
  await writeFile(source, image(1000))
  await failsWith(write({ compression: 'xz' }), 'bad-input', /can’t uncompress xz/)
  await failsWith(write({}, 'swupdate: {}'), 'bad-input', /give swupdate.device or swupdate.slots/)
  await failsWith(write({ deviceTypes: ['images'] }), 'bad-input', /another meaning/)
  await failsWith(write({ deviceTypes: ['a board'] }), 'bad-input', /can't be a device type/)
  await writeFile(join(folder, 'empty'), '')
  await failsWith(write({ source: join(folder, 'empty') }), 'bad-input', /is empty/)
  await failsWith(write({ output: source }), 'bad-input', /the source itself/)
  await failsWith(write({ output: folder }), 'bad-input', /is a folder/)
  assert.deepEqual((await readdir(folder)).sort(), ['empty', 'options.yml', 'rootfs.ext4'])
})

test('options that are wrong are all shown, at their lines', async (t) => {
  const { write } = await prepared(t)
  const wrong = `swupdate:
  devise: /dev/sda
  device: /dev/sda
  slots: { copy1: /dev/sdb }
  images:
    - { source: a.img, install-if-different: true }
  files:
    - { source: a.json }
  scripts:
    - { source: a.sh, type: python }
  installed-directly: 'yes'
`
  await assert.rejects(write({}, wrong), (error: unknown) => {
    assert.ok(error instanceof Failure)
    assert.equal(error.reason, 'invalid-file')
    assert.deepEqual(
      error.problems.map(({ line, message }) => `${line} ${message.split(':')[0]}`),
      [
        '2 swupdate.devise',
        '6 swupdate.images.0',
        '8 swupdate.files.0.path',
        '10 swupdate.scripts.0.type',
        '11 swupdate.installed-directly',
      ],
    )
    return true
  })
  await failsWith(
    write({}, 'swupdate: { device: a, slots: { b: c } }'),
    'invalid-file',
    /device or slots, not both/,
  )
  await failsWith(
    write({}, 'swupdate: { device: a, images: [{ source: a, install-if-higher: true }] }'),
    'invalid-file',
    /need a name and a version/,
  )
})

test('two files of one name are refused, one file in two places is there once', async (t) => {
  const { folder, write } = await prepared(t)
  const other = await temporaryFolder(t)
  for (const path of [join(folder, 'app.json'), join(other, 'app.json')]) await writeFile(path, '{}')
  const files = (second: string) =>
    `swupdate: { device: /dev/null, files: [{ source: app.json, path: /a }, { source: ${second}, path: /b }] }`
  await failsWith(write({}, files(join(other, 'app.json'))), 'bad-input', /have the same name/)
  await failsWith(write({}, files('missing.json')), 'file-missing', /missing.json/)
  const { payloads } = await openArtifact((await write({}, files('./app.json'))).path)
  assert.deepEqual(
    payloads.map(({ metaData, files: [file] }) => metaData['path'] ?? file?.name),
    ['rootfs.ext4', '/a', '/b'],
  )
})

test('killed, it leaves only a hidden file that the next run removes', async (t) => {
  const { folder, source, write } = await prepared(t)
  await truncate(source, 3 * 2 ** 30)
  const script = `import { packageArtifact } from ${JSON.stringify(join(import.meta.dirname, '../../src/artifact/artifact.ts'))}
import { plainContext } from ${JSON.stringify(join(import.meta.dirname, '../../src/platform/platform.ts'))}
await packageArtifact({ format: 'swupdate', source: ${JSON.stringify(source)}, output: ${JSON.stringify(join(folder, 'out.swu'))},
  deviceTypes: ['board'], compression: 'none', optionsFile: ${JSON.stringify(join(folder, 'options.yml'))} }, plainContext())`
  await writeFile(join(folder, 'write.mjs'), script)
  await writeFile(join(folder, 'options.yml'), 'swupdate: { device: /dev/null }')
  const child = spawn(process.execPath, [join(folder, 'write.mjs')], { stdio: 'ignore' })
  const partial = await until('a partial file grows', async () => {
    const name = (await readdir(folder)).find((entry) => entry.endsWith('.part'))
    if (name === undefined) return undefined
    const path = join(folder, name)
    return (await stat(path)).size > 1 << 20 ? path : undefined
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.swu')),
    [],
  )
  await truncate(source, 1000)
  await utimes(partial, 1, 1)
  await write()
  assert.deepEqual((await readdir(folder)).sort(), ['options.yml', 'out.swu', 'rootfs.ext4', 'write.mjs'])
})

test('cancelled, it leaves nothing', async (t) => {
  const { folder, source, write } = await prepared(t)
  await write()
  const before = await readFile(join(folder, 'out.swu'))
  const controller = new AbortController()
  const cancelled = new Failure('cancelled', 'told so')
  const context = plainContext({ signal: controller.signal })
  const request = { format: 'swupdate', deviceTypes: ['board'], compression: 'gzip' } as const
  const files = { source, output: join(folder, 'out.swu'), optionsFile: join(folder, 'options.yml') }
  const writing = packageArtifact({ ...request, ...files }, context)
  await until('a partial file', async () => (await readdir(folder)).some((name) => name.endsWith('.part')))
  controller.abort(cancelled)
  await assert.rejects(writing, cancelled)
  assert.deepEqual((await readdir(folder)).sort(), ['options.yml', 'out.swu', 'rootfs.ext4'])
  assert.ok((await readFile(join(folder, 'out.swu'))).equals(before))
})
