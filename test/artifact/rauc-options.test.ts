import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openArtifact, packageArtifact } from '../../src/artifact/artifact.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { folderWithImage, judge, ours, signer, withoutRauc } from './rauc.ts'

const packaged = (folder: string) =>
  packageArtifact(
    {
      source: join(folder, 'rootfs.ext4'),
      format: 'rauc',
      deviceTypes: ['board'],
      compression: 'gzip',
      optionsFile: join(folder, 'options.yml'),
      signing: { key: signer.key },
    },
    plainContext(),
  )

test(
  'an options file says everything else about a bundle, with paths beside it',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    await writeFile(join(folder, 'app.squashfs'), 'an app')
    await writeFile(join(folder, 'hook.sh'), '#!/bin/sh\n')
    await writeFile(join(folder, 'authority.pem'), ours.certificate)
    await writeFile(join(folder, 'ci.pem'), signer.certificate)
    await writeFile(
      join(folder, 'options.yml'),
      `signing: { certificate: ci.pem }
rauc:
  bundle-format: plain
  slot: system
  variant: rev-b
  image-hooks: [post-install]
  images:
    - { slot: app, file: app.squashfs, variant: small, hooks: [install] }
  hooks: { file: hook.sh, install-check: true }
  handler: { file: hook.sh, args: --all }
  description: Weekly update
  build: '4711'
  keyring: authority.pem
`,
    )
    const { path, name, contentDigest } = await packaged(folder)
    assert.equal(path, join(folder, `${name}.raucb`))
    assert.equal(name, `rootfs-${contentDigest.slice(7, 19)}`)
    const info = await openArtifact(path, { verifyKeys: [ours.certificate] })
    assert.deepEqual(info.bundle, { format: 'plain', description: 'Weekly update', build: '4711' })
    assert.deepEqual(
      info.payloads.map(({ type, metaData, files }) => [type, metaData, files.map((file) => file.name)]),
      [
        ['system', { variant: 'rev-b', hooks: ['post-install'] }, ['system-rev-b.ext4']],
        ['app', { variant: 'small', hooks: ['install'] }, ['app-small.squashfs']],
      ],
    )
    assert.deepEqual(info.scripts, ['handler', 'hook'])
    assert.ok(judge('extract', path).isTaken)
  },
)

test('every mistake in the section is reported with its line', async (t) => {
  const folder = await folderWithImage(t)
  await writeFile(
    join(folder, 'options.yml'),
    `rauc:
  bundle-formt: plain
  bundle-format: crypt
  slot: 'a]'
  image-hooks: [never]
  images:
    - { slot: app, file: app, hook: [install] }
    - { slot: app }
  description: "two\\nlines"
  build: 4711
`,
  )
  await assert.rejects(packaged(folder), (error: unknown) => {
    assert.ok(error instanceof Failure)
    assert.equal(error.reason, 'invalid-file')
    const found = error.problems.map(({ line, message }) => [line, message.split(':')[0]])
    assert.deepEqual(
      found.sort(([a], [b]) => Number(a) - Number(b)),
      [
        [2, 'rauc.bundle-formt'],
        [3, 'rauc.bundle-format'],
        [4, 'rauc.slot'],
        [5, 'rauc.image-hooks.0'],
        [7, 'rauc.images.0.hook'],
        [8, 'rauc.images.1.file'],
        [9, 'rauc.description'],
        [10, 'rauc.build'],
      ],
    )
    return true
  })
})

test('hooks without a script are a mistake of the file', async (t) => {
  const folder = await folderWithImage(t)
  await writeFile(join(folder, 'options.yml'), 'rauc:\n  image-hooks: [install]\n')
  await assert.rejects(packaged(folder), {
    reason: 'invalid-file',
    message: /options\.yml:1.*names no script/,
  })
})
