// The vendor's own tool reads what is written here, and what it writes is read here.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { plainContext, run, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { comparable } from './comparable.ts'
import { image, sha256 } from './craft.ts'
import { ec, other, rsa } from './keys.ts'

const skip = needs('mender-artifact')
const tool = (args: string[]) => runOk('mender-artifact', args, { what: `mender-artifact ${args.join(' ')}` })
const sizeBytes = 2_500_000

async function prepared(t: TestContext) {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  await writeFile(at('rootfs.ext4'), image(sizeBytes))
  await writeFile(at('ArtifactInstall_Leave_10_check'), '#!/bin/sh\nexit 0\n')
  for (const [name, pem] of Object.entries({
    'rsa.key': rsa.pkcs1,
    'ec.key': ec.sec1,
    'rsa.pub': rsa.public,
    'ec.pub': ec.public,
    'other.pub': other.public,
  })) {
    await writeFile(at(name), pem)
  }
  const options = {
    source: at('rootfs.ext4'),
    output: at('out.mender'),
    name: 'release-1',
    deviceTypes: ['board', 'board-2'],
    stateScripts: [{ name: 'ArtifactInstall_Leave_10_check', path: at('ArtifactInstall_Leave_10_check') }],
    provides: { 'data-layout': '3' },
    depends: { 'data-layout': '2', artifact_name: ['release-0'] },
    artifactGroup: 'production',
  }
  return { at, options }
}

test('mender-artifact validates what is written here, signed or not', { skip }, async (t) => {
  const { at, options } = await prepared(t)
  for (const compression of ['gzip', 'none'] as const) {
    for (const [signingKey, verifyKey] of [
      [undefined, undefined],
      [rsa.pkcs8, 'rsa.pub'],
      [rsa.pkcs1, 'rsa.pub'],
      [ec.pkcs8, 'ec.pub'],
      [ec.sec1, 'ec.pub'],
    ] as const) {
      const { path } = await writeMender(
        { ...options, compression, signing: { key: signingKey } },
        plainContext(),
      )
      const said = await tool(['validate', ...(verifyKey === undefined ? [] : ['-k', at(verifyKey)]), path])
      assert.match(said, /validated successfully/)
      const { code } = await run('mender-artifact', ['validate', '-k', at('other.pub'), path])
      assert.notEqual(code, 0, 'another key must not pass')
    }
  }
})

test('mender-artifact reads the facts that were written', { skip }, async (t) => {
  const { at, options } = await prepared(t)
  const { path } = await writeMender(
    { ...options, compression: 'gzip', signing: { key: ec.pkcs8 } },
    plainContext(),
  )
  const said = await tool(['read', '-k', at('ec.pub'), path])
  for (const line of [
    /Name: release-1\n/,
    /Signature: signed and verified correctly\n/,
    /Compatible devices: '\[board board-2\]'\n/,
    /Provides group: production\n/,
    /Depends on one of artifact\(s\): \[release-0\]\n/,
    /ArtifactInstall_Leave_10_check\n/,
    /Type: +rootfs-image\n/,
    new RegExp(`rootfs-image.checksum: ${sha256(image(sizeBytes))}\n`),
    /rootfs-image.version: release-1\n/,
    /data-layout: 3\n/,
    /data-layout: 2\n/,
    /Clears Provides: \["artifact_group", "rootfs_image_checksum", "rootfs-image.\*"\]\n/,
    new RegExp(`name: +rootfs.ext4\n *size: +${sizeBytes}\n`),
  ]) {
    assert.match(said, line)
  }
})

test(
  'what mender-artifact writes has the facts and the content digest of what is written here',
  { skip },
  async (t) => {
    const { at, options } = await prepared(t)
    const { stateScripts: _, ...plain } = options
    for (const compression of ['gzip', 'none'] as const) {
      for (const key of [undefined, 'rsa', 'ec']) {
        const theirs = at('theirs.mender')
        const output = [
          '--compression',
          compression,
          'write',
          'rootfs-image',
          '-f',
          options.source,
          '-o',
          theirs,
        ]
        const header = [
          '-n',
          'release-1',
          '-t',
          'board',
          '-t',
          'board-2',
          '-g',
          'production',
          '-N',
          'release-0',
        ]
        const signing = key === undefined ? [] : ['-k', at(`${key}.key`)]
        await tool([...output, ...header, '-p', 'data-layout:3', '-d', 'data-layout:2', ...signing])
        const { path: ours } = await writeMender(
          {
            ...plain,
            compression,
            signing: { key: key === 'rsa' ? rsa.pkcs8 : key === 'ec' ? ec.pkcs8 : undefined },
          },
          plainContext(),
        )
        const verifyKeys = key === undefined ? [] : [key === 'rsa' ? rsa.public : ec.public]
        assert.deepEqual(await comparable(theirs, verifyKeys), await comparable(ours, verifyKeys))
      }
    }
  },
)

test('any other artifact of mender-artifact is read, too', { skip }, async (t) => {
  const { at, options } = await prepared(t)
  await writeFile(at('meta'), '{"mode":"0644","items":[1,2]}')
  await writeFile(at('dest'), '/opt')
  const common = ['-n', 'release-1', '-t', 'board', '-o', at('theirs.mender')]
  const files = ['-f', options.source, '-f', at('dest')]
  await tool(['write', 'module-image', '-T', 'single-file', ...common, ...files, '-m', at('meta')])
  const module = await openArtifact(at('theirs.mender'))
  assert.deepEqual(
    module.payloads.map(({ type, metaData, files }) => [type, metaData, files.map(({ name }) => name)]),
    [['single-file', { mode: '0644', items: [1, 2] }, ['rootfs.ext4', 'dest']]],
  )
  const script = at('ArtifactInstall_Leave_10_check')
  await tool(['write', 'rootfs-image', ...common, '-f', options.source, '-s', script])
  assert.deepEqual((await openArtifact(at('theirs.mender'))).scripts, ['ArtifactInstall_Leave_10_check'])
  await tool(['write', 'bootstrap-artifact', ...common, '-p', 'data-layout:3'])
  const bootstrap = await openArtifact(at('theirs.mender'))
  assert.deepEqual(
    bootstrap.payloads.map(({ type, files }) => [type, files]),
    [['', []]],
  )
  assert.equal(bootstrap.provides['data-layout'], '3')
})

test('what mender-artifact compresses with xz -9 is read', { skip }, async (t) => {
  const { at, options } = await prepared(t)
  const args = ['-n', 'release-1', '-t', 'board', '-o', at('theirs.mender'), '-f', options.source]
  await tool(['--compression', 'lzma', 'write', 'rootfs-image', ...args])
  assert.equal((await openArtifact(at('theirs.mender'))).compression, 'xz')
})

test('what can not be read is named, and is no damage', { skip }, async (t) => {
  const { at } = await prepared(t)
  await writeFile(at('small'), 'x')
  const common = ['-n', 'release-1', '-t', 'board', '-o', at('theirs.mender'), '-f', at('small')]
  await tool(['write', 'rootfs-image', '-v', '2', ...common])
  await assert.rejects(openArtifact(at('theirs.mender')), { reason: 'bad-input', message: /version 2/ })
})
