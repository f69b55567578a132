import assert from 'node:assert/strict'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openArtifact, signArtifact } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { authority } from './certificates.ts'
import { failure } from './failure.ts'
import { folderWithImage, judge, ours, signer, withoutRauc, writeIn } from './rauc.ts'

const production = authority('production')
const release = production.issue('release', { isIndirect: true, type: 'rsa' })
const payloadOf = (bundle: Buffer) =>
  bundle.subarray(0, bundle.length - 8 - Number(bundle.readBigUInt64BE(bundle.length - 8)))

for (const bundleFormat of ['verity', 'plain'] as const) {
  test(
    `a new signature of a ${bundleFormat} bundle leaves all before it as it was`,
    { skip: withoutRauc },
    async (t) => {
      const folder = await folderWithImage(t)
      const lab = await writeIn(folder, { bundleFormat, output: join(folder, 'lab.raucb') })
      const output = join(folder, 'release.raucb')
      const signing = { key: release.key, certificate: release.certificate + release.intermediates }
      const signed = await signArtifact(lab.path, { signing, output }, plainContext())
      assert.equal(signed.contentDigest, lab.contentDigest)
      assert.ok(payloadOf(await readFile(output)).equals(payloadOf(await readFile(lab.path))))
      const info = await openArtifact(output, { verifyKeys: [production.certificate] })
      assert.deepEqual(
        [info.signature, info.contentDigest, info.name],
        ['verified', lab.contentDigest, 'release-1'],
      )
      const byLab = openArtifact(output, { verifyKeys: [ours.certificate] })
      await assert.rejects(byLab, failure('artifact-unsigned', /CN=release/, 'artifact-wrong-key'))
      for (const command of ['info', 'extract'] as const) {
        assert.ok(judge(command, output, production.certificate).isTaken)
        assert.ok(!judge(command, output).isTaken)
      }
      assert.ok(judge('extract', lab.path).isTaken)
      assert.deepEqual((await readdir(folder)).sort(), ['lab.raucb', 'release.raucb', 'rootfs.ext4'])
    },
  )
}

test(
  'a bundle can be signed in its place, and the second time nothing changes',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    const { path } = await writeIn(folder)
    const sign = () => signArtifact(path, { signing: { key: release.all } }, plainContext())
    const first = await sign()
    assert.equal((await openArtifact(path, { verifyKeys: [production.certificate] })).sha256, first.sha256)
    assert.equal((await sign()).sha256, first.sha256)
  },
)

test('a damaged bundle gets no signature, and stays as it is', { skip: withoutRauc }, async (t) => {
  const folder = await folderWithImage(t)
  const { path } = await writeIn(folder)
  const bytes = await readFile(path)
  bytes[300_000] = (bytes[300_000] ?? 0) ^ 1
  await writeFile(path, bytes)
  const work = signArtifact(path, { signing: { key: release.all } }, plainContext())
  await assert.rejects(work, failure('artifact-damaged', /the payload/, 'artifact-checksum'))
  assert.ok(bytes.equals(await readFile(path)))
  const without = signArtifact(path, { signing: { key: signer.key } }, plainContext())
  await assert.rejects(without, { name: 'Failure' })
})
