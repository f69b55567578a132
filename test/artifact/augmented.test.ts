// Augmented artifacts: what is added after signing is read, shown as such, and never passes where a key is asked for.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { inspectArtifact, openArtifact, signArtifact } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { failure } from './failure.ts'
import { type Member, chunks, craft, headerInfo, sha256, tar, typeInfo } from './craft.ts'
import { ec } from './keys.ts'

const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url).pathname
const moduleInfo = { ...headerInfo, payloads: [{ type: 'delta' }] }

interface Added {
  info?: object
  type?: object
  metaData?: string
  headerMembers?: Member[]
  files?: Member[]
  /** Sees the lines of manifest-augment, and says what they are instead. */
  lines?: (lines: string[]) => string[]
  suffix?: string
}

/** A module's artifact, not compressed, with these additions. */
function augmented(
  added: Added,
  type: object = { ...typeInfo, type: 'delta' },
  metaData = '{"a":{"b":1},"l":[1]}',
) {
  const members = added.headerMembers ?? [
    { name: 'header-info', content: JSON.stringify(added.info ?? moduleInfo) },
    { name: 'headers/0000/type-info', content: JSON.stringify(added.type ?? { type: 'delta' }) },
    ...(added.metaData === undefined ? [] : [{ name: 'headers/0000/meta-data', content: added.metaData }]),
  ]
  const suffix = added.suffix ?? ''
  const header = tar(members)
  const files = added.files ?? [{ name: 'update.delta', content: 'delta' }]
  const lines = [
    ...files.map(({ name, content = '' }) => `${sha256(content)}  data/0000/${name}`),
    `${sha256(header)}  header-augment.tar${suffix}`,
  ]
  const own = { name: 'image', content: 'x' }
  return craft({
    files: [own, ...files],
    manifest: (all) => all.filter((line) => !files.some(({ name }) => line.endsWith(`data/0000/${name}`))),
    headerMembers: [
      { name: 'header-info', content: JSON.stringify(moduleInfo) },
      { name: 'headers/0000/type-info', content: JSON.stringify(type) },
      { name: 'headers/0000/meta-data', content: metaData },
    ],
    compress: (bytes) => bytes,
    suffix: '',
    members: ([version, manifest, headerTar, ...data]) =>
      [
        version,
        manifest,
        { name: 'manifest-augment', content: `${(added.lines?.(lines) ?? lines).join('\n')}\n` },
        headerTar,
        { name: `header-augment.tar${suffix}`, content: header },
        ...data,
      ].filter((member) => member !== undefined),
  })
}

async function refused(bytes: Buffer, message: RegExp) {
  await assert.rejects(inspectArtifact(chunks(bytes)), failure('artifact-damaged', message))
}

test('what mender-artifact adds is part of what is read, and told apart', async () => {
  const info = await openArtifact(fixture('augmented.mender'))
  const [payload] = info.payloads
  assert.deepEqual(
    { ...payload, files: payload?.files.map(({ name }) => name) },
    {
      type: 'delta',
      files: ['rootfs.ext4', 'update.delta'],
      metaData: { extra: 'y', items: [1, 2.5, 'x'], mode: '0644' },
      provides: { a: '1', 'rootfs-image.delta.version': 'release-1', x: '1' },
      depends: { y: '2' },
      clearsProvides: ['rootfs-image.delta.*'],
    },
  )
  assert.deepEqual(info.provides['x'], '1')
  assert.deepEqual(info.augmented, [
    {
      type: 'delta',
      files: ['update.delta'],
      metaData: { extra: 'y' },
      provides: { x: '1' },
      depends: { y: '2' },
      clearsProvides: [],
    },
  ])
  assert.equal((await openArtifact(fixture('module.mender'))).augmented, undefined)
})

test('where a key is given, additions are refused, for it does not vouch for them', async () => {
  const verifyKeys = [await readFile(fixture('signed.pub'), 'utf8')]
  await assert.rejects(openArtifact(fixture('augmented-signed.mender'), { verifyKeys }), {
    reason: 'artifact-unsigned',
    message: /manifest-augment, additions that no signature covers/,
  })
})

test('no signature is put over additions that it would not cover', async () => {
  const signing = { key: ec.pkcs8 }
  await assert.rejects(signArtifact(fixture('augmented.mender'), { signing }, plainContext()), {
    reason: 'bad-input',
    message: /is augmented/,
  })
})

test('settings are merged as an update module gets them', async () => {
  const { payloads, contentDigest } = await inspectArtifact(
    chunks(
      augmented({
        info: { ...moduleInfo, payloads: [{ type: 'other' }] },
        type: {
          type: 'other',
          artifact_provides: { 'rootfs-image.version': 'release-2' },
          clears_artifact_provides: ['x.*'],
        },
        metaData: '{"a":{"c":2},"l":[2],"new":null}',
      }),
    ),
  )
  assert.equal(payloads[0]?.type, 'other')
  assert.deepEqual(payloads[0].metaData, { a: { b: 1, c: 2 }, l: [2], new: null })
  assert.deepEqual(payloads[0].provides, { 'rootfs-image.version': 'release-2' })
  assert.deepEqual(payloads[0].clearsProvides, ['x.*'])
  const plain = await inspectArtifact(chunks(augmented({})))
  assert.notEqual(contentDigest, plain.contentDigest)
})

test('additions may not replace, hide or lack anything', async () => {
  await inspectArtifact(chunks(augmented({})))
  await refused(augmented({ files: [{ name: 'image', content: 'y' }] }), /manifest/)
  await refused(augmented({ lines: (lines) => lines.slice(1) }), /doesn’t name it/)
  await refused(augmented({ lines: (lines) => lines.slice(0, 1) }), /one header-augment/)
  const more = (name: string) => (lines: string[]) => [...lines, `${sha256('')}  ${name}`]
  for (const name of ['version', 'header.tar', 'manifest', 'header-augment.tar.gz']) {
    await refused(augmented({ lines: more(name) }), /manifest-augment/)
  }
  await refused(augmented({ lines: more('data/0001/x') }), /payload that the header doesn’t have/)
  await refused(augmented({ lines: (lines) => lines.map((line) => line.replace(/^./, 'e')) }), /checksum/)
  await refused(augmented({ suffix: '.gz' }), /compressed as the header is/)
})

test('a header-augment has payloads only, of a type that can add', async () => {
  const script = { name: 'scripts/ArtifactInstall_Enter_00', content: 'x' }
  const info = { name: 'header-info', content: JSON.stringify(moduleInfo) }
  const type = { name: 'headers/0000/type-info', content: '{"type":"delta"}' }
  await refused(
    augmented({ headerMembers: [info, script, type] }),
    /where headers\/0000\/type-info should be/,
  )
  await refused(augmented({ headerMembers: [info] }), /where headers\/0000\/type-info should be/)
  const payloads = (...types: (string | null)[]) => ({ payloads: types.map((one) => ({ type: one })) })
  await inspectArtifact(chunks(augmented({ info: payloads('delta') })))
  await refused(augmented({ info: payloads('delta', 'delta') }), /2 payloads/)
  await refused(augmented({ info: payloads(null) }), /header-info/)
  await refused(augmented({ info: payloads('') }), /header-info/)
  await refused(
    augmented({ info: payloads('rootfs-image'), type: { type: 'rootfs-image' } }),
    /can’t augment/,
  )
  await refused(augmented({ metaData: '{"a":1}' }), /another type/)
  await refused(augmented({ metaData: '{"l":{"x":1}}' }), /another type/)
  await refused(augmented({ metaData: '{"x":[[1]]}' }), /can’t be merged/)
  await refused(augmented({ type: { type: 'delta', artifact_depends: { device_type: 'x' } } }), /device_type/)
})
