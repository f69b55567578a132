import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { contentDigestOf, openArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image, sha256 } from './craft.ts'
import { ec, rsa } from './keys.ts'

const content = {
  deviceTypes: ['b', 'a'],
  payloads: [
    {
      type: 'module',
      metaData: { b: 1, a: ['x'] },
      files: [
        { name: 'two', checksum: 'ab'.repeat(32) },
        { name: 'one', checksum: 'CD'.repeat(32) },
      ],
    },
  ],
}

test('the content digest is the hash of a text that anybody can write down', () => {
  const files = `[{"checksum":"${'cd'.repeat(32)}","name":"one"},{"checksum":"${'ab'.repeat(32)}","name":"two"}]`
  const text = `{"deviceTypes":["a","b"],"payloads":[{"files":${files},"metaData":{"a":["x"],"b":1},"type":"module"}]}`
  assert.equal(contentDigestOf(content), `sha256:${sha256(text)}`)
  const withScripts = text.replace(/}$/, ',"scripts":"sha256:00"}')
  assert.equal(contentDigestOf({ ...content, scriptsDigest: 'sha256:00' }), `sha256:${sha256(withScripts)}`)
})

test('order, repetition and absent meta-data do not change it; everything that is installed does', () => {
  const digest = contentDigestOf(content)
  const [payload] = content.payloads
  assert.ok(payload)
  const same = { ...payload, metaData: { a: ['x'], b: 1 }, files: payload.files.toReversed() }
  assert.equal(contentDigestOf({ deviceTypes: ['a', 'b', 'a'], payloads: [same] }), digest)
  const plain = { ...content, payloads: [{ ...payload, metaData: undefined }] }
  assert.equal(
    contentDigestOf(plain),
    contentDigestOf({ ...content, payloads: [{ ...payload, metaData: {} }] }),
  )
  for (const other of [
    { ...content, deviceTypes: ['a'] },
    { ...content, payloads: [] },
    { ...content, payloads: [payload, payload] },
    { ...content, payloads: [{ ...payload, type: 'other' }] },
    { ...content, payloads: [{ ...payload, metaData: { a: 1 } }] },
    { ...content, payloads: [{ ...payload, files: payload.files.slice(1) }] },
    { ...content, scriptsDigest: 'sha256:00' },
  ]) {
    assert.notEqual(contentDigestOf(other), digest)
  }
})

test('name, signature, compression, group, provides and depends leave it as it is; a script or a byte does not', async (t) => {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  const script = join(folder, 'script')
  await writeFile(source, image(10_000))
  await writeFile(script, 'x')
  const options = {
    source,
    output: join(folder, 'out.mender'),
    name: 'release-1',
    deviceTypes: ['board'],
    compression: 'gzip' as const,
  }
  const digest = async (change: Partial<Parameters<typeof writeMender>[0]>) => {
    const written = await writeMender({ ...options, ...change }, plainContext())
    assert.equal((await openArtifact(written.path)).contentDigest, written.contentDigest)
    return written.contentDigest
  }
  const plain = await digest({})
  for (const change of [
    { name: 'release-2' },
    { signing: { key: rsa.pkcs8 } },
    { signing: { key: ec.pkcs8 } },
    { compression: 'none' as const },
    { artifactGroup: 'g' },
    { provides: { a: 'b' } },
    { depends: { a: 'b' } },
  ]) {
    assert.equal(await digest(change), plain)
  }
  const one = await digest({ stateScripts: [{ name: 'ArtifactInstall_Enter_00', path: script }] })
  const two = await digest({ stateScripts: [{ name: 'ArtifactInstall_Leave_00', path: script }] })
  assert.equal(new Set([plain, one, two, await digest({ deviceTypes: ['other'] })]).size, 4)
  await writeFile(source, image(10_001))
  assert.notEqual(await digest({}), plain)
})

test("a server's listing gives the digest that the file has", async (t) => {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, image(5000))
  await writeFile(join(folder, 'script'), 'x')
  const written = await writeMender(
    {
      source,
      output: join(folder, 'out.mender'),
      name: 'release-1',
      deviceTypes: ['b', 'a'],
      compression: 'none',
      stateScripts: [{ name: 'ArtifactInstall_Enter_00', path: join(folder, 'script') }],
    },
    plainContext(),
  )
  const info = await openArtifact(written.path)
  const listed = {
    deviceTypes: info.deviceTypes,
    payloads: info.payloads.map(({ type, files }) => ({ type, files })),
    scriptsDigest: info.provides['rootfs-image.state-scripts'],
  }
  assert.equal(contentDigestOf(listed), written.contentDigest)
})
