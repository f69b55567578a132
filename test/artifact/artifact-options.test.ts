import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isLabVariant, openArtifact, packageArtifact } from '../../src/artifact/artifact.ts'
import { Failure, digestOf, plainContext, silentLog } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('options bring state scripts, provides, depends and a group', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'scripts'))
  await writeFile(join(folder, 'scripts/ArtifactInstall_Leave_10_check'), 'x')
  await writeFile(join(folder, 'rootfs.ext4'), 'an image')
  const optionsFile = join(folder, 'options.yml')
  await writeFile(
    optionsFile,
    `state-scripts: [scripts/ArtifactInstall_Leave_10_check]
provides: { data-layout: '3' }
depends: { data-layout: ['2', '3'], bootloader: grub }
artifact-group: production
`,
  )
  const source = join(folder, 'rootfs.ext4')
  const options = {
    source,
    format: 'mender',
    deviceTypes: ['board'],
    compression: 'gzip',
    name: 'r',
    optionsFile,
  } as const
  const info = await openArtifact((await packageArtifact(options, plainContext())).path)
  assert.deepEqual(info.scripts, ['ArtifactInstall_Leave_10_check'])
  assert.equal(info.provides['data-layout'], '3')
  assert.deepEqual(info.depends, { device_type: ['board'], bootloader: 'grub', 'data-layout': ['2', '3'] })
  assert.equal(info.group, 'production')
})

test('every mistake in the options is reported with its line', async (t) => {
  const folder = await temporaryFolder(t)
  const optionsFile = join(folder, 'options.yml')
  await writeFile(join(folder, 'rootfs.ext4'), 'an image')
  await writeFile(
    optionsFile,
    `state-script: [x]
state-scripts:
  - ArtifactInstall_Leave_10_check
  - Sync_Enter_00
provides:
  rootfs-image.version: x
  number: 3
depends:
  device_type: board
`,
  )
  const options = {
    source: join(folder, 'rootfs.ext4'),
    format: 'mender',
    deviceTypes: ['b'],
    compression: 'gzip',
    optionsFile,
  } as const
  await assert.rejects(packageArtifact(options, plainContext()), (error: unknown) => {
    assert.ok(error instanceof Failure)
    assert.equal(error.reason, 'invalid-file')
    const lines = error.problems.map(({ line, message }) => [line, message.split(':')[0]])
    assert.deepEqual(
      lines.sort(([a], [b]) => Number(a) - Number(b)),
      [
        [1, 'state-script'],
        [4, 'state-scripts.1'],
        [6, 'provides.rootfs-image.version'],
        [7, 'provides.number'],
        [9, 'depends.device_type'],
      ],
    )
    return true
  })
})

test('the name is the one that the image was built with, as long as it is that image', async (t) => {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  const options = { source, format: 'mender', deviceTypes: ['board'], compression: 'gzip' } as const
  await writeFile(source, 'an image')
  const derived = await packageArtifact(options, plainContext())
  assert.equal(derived.name, `rootfs-${derived.contentDigest.slice(7, 19)}`)
  const sha256 = 'sha256:d0ee8a7b6d0a0a3ba2b5e1d9b20bc1a56dd8d02ea7e3a9c2f2a3a3d2c4ce0000'
  const release = (digest: string) =>
    writeFile(
      `${source}.release.json`,
      JSON.stringify({ release: 'os-20260102T0304-0123456789ab', sha256: digest }),
    )
  await release(sha256)
  await assert.rejects(packageArtifact(options, plainContext()), {
    reason: 'bad-input',
    message: /build it again/,
  })
  const { payloads } = await openArtifact(derived.path)
  await release(`sha256:${payloads[0]?.files[0]?.checksum}`)
  assert.equal((await packageArtifact(options, plainContext())).name, 'os-20260102T0304-0123456789ab')
  const warnings: string[] = []
  const log = { ...silentLog, warn: (line: string) => void warnings.push(line) }
  assert.equal((await packageArtifact({ ...options, name: 'mine' }, plainContext({ log }))).name, 'mine')
  assert.match(warnings.join(), /the image calls itself os-20260102T0304-0123456789ab/)
  await release('nonsense')
  await assert.rejects(packageArtifact(options, plainContext()), { reason: 'invalid-file' })
})

test('an artifact of an image that was built as a variant provides which one', async (t) => {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, 'an image')
  const sha256 = digestOf('an image')
  await writeFile(`${source}.release.json`, JSON.stringify({ release: 'os-1', sha256, variant: 'lab' }))
  const options = { source, format: 'mender', deviceTypes: ['board'], compression: 'none' } as const
  const { path } = await packageArtifact(options, plainContext())
  const { provides } = await openArtifact(path)
  assert.equal(provides['rootfs-image.variant'], 'lab')
  assert.equal(isLabVariant(provides), true)
})

test('an options file without options, and a source that no name can be made of, say what to do', async (t) => {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'my image.ext4')
  const optionsFile = join(folder, 'options.yml')
  await writeFile(source, 'an image')
  await writeFile(optionsFile, '# none yet\n')
  const options = { source, format: 'mender', deviceTypes: ['board'], compression: 'gzip' } as const
  await assert.rejects(packageArtifact({ ...options, name: 'r', optionsFile }, plainContext()), {
    message: /options\.yml:1: it holds no options: write some, or leave the input options out/,
  })
  await assert.rejects(packageArtifact(options, plainContext()), (error: unknown) => {
    assert.ok(error instanceof Failure)
    assert.match(error.message, /can be made of the source's, "my image" \(.*\): give a name/)
    return true
  })
})
