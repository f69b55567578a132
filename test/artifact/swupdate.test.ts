// What we write is installed by the real swupdate, and it and our reader refuse the same files.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type ArtifactInfo,
  type PackageOptions,
  openArtifact,
  packageArtifact,
} from '../../src/artifact/artifact.ts'
import { Failure, plainContext, runOk, systemClock } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image } from './craft.ts'
import { type LeafOptions, authority as newAuthority } from './certificates.ts'
import { type Device, check, install } from './swupdate-device.ts'

const skip = needs('swupdate', 'openssl')
const imageBytes = 3_500_000
const forCode = 'extendedKeyUsage=codeSigning'

/** Made once, where there is openssl. */
const pki = memo(() => {
  const authority = newAuthority('fleet')
  const issue = (name: string, options: LeafOptions = {}) =>
    authority.issue(name, { extensions: forCode, ...options })
  return { authority, issue, signer: issue('signer', { type: 'rsa' }) }
})

function memo<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

interface Bench {
  folder: string
  source: string
  /** Writes an options file, and gives the path of a new update. */
  pack: (options: string, more?: Partial<PackageOptions>, now?: () => Date) => Promise<string>
}

async function bench(t: TestContext): Promise<Bench> {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, image(imageBytes))
  await mkdir(join(folder, 'device'))
  for (const name of ['one', 'two', 'boot']) {
    await writeFile(join(folder, 'device', name), '')
    await truncate(join(folder, 'device', name), imageBytes)
  }
  const key = pki().signer.all
  let count = 0
  return {
    folder,
    source,
    pack: async (options, more = {}, now = () => new Date()) => {
      const stem = join(folder, `update-${++count}`)
      await writeFile(`${stem}.yml`, options.replaceAll('DEVICE', join(folder, 'device')))
      const signing = { key }
      const context = plainContext({ clock: { ...systemClock, now } })
      const request = {
        format: 'swupdate',
        source,
        deviceTypes: ['board'],
        compression: 'gzip',
        name: 'release-1',
      } as const
      const files = { output: `${stem}.swu`, optionsFile: `${stem}.yml` }
      return (await packageArtifact({ ...request, signing, ...files, ...more }, context)).path
    },
  }
}

const contentOf = async (folder: string, name: string) => readFile(join(folder, 'device', name))

async function reasonOf(reading: Promise<ArtifactInfo>): Promise<string> {
  try {
    await reading
    return 'none'
  } catch (error) {
    assert.ok(error instanceof Failure, String(error))
    return error.detail
  }
}

test('an image is installed byte for byte, with each compression', { skip }, async (t) => {
  const { folder, source, pack } = await bench(t)
  const { authority } = pki()
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    for (const how of ['', ', installed-directly: true']) {
      await writeFile(join(folder, 'device', 'one'), Buffer.alloc(imageBytes))
      const path = await pack(`swupdate: { device: DEVICE/one${how} }`, { compression })
      const { isDone, said } = await install(t, path, { trust: authority.certificate })
      assert.ok(isDone, `${compression}${how}: ${said}`)
      assert.ok((await contentOf(folder, 'one')).equals(await readFile(source)), compression)
      const info = await openArtifact(path, { verifyKeys: [authority.certificate] })
      assert.equal(info.signature, 'verified')
      assert.equal(info.compression, compression)
    }
  }
})

test('images, files, scripts and one slot of two are installed together', { skip }, async (t) => {
  const { folder, source, pack } = await bench(t)
  const { authority } = pki()
  await writeFile(join(folder, 'boot.img'), 'a boot loader')
  await writeFile(join(folder, 'app.json'), '{"answer":42}')
  await writeFile(join(folder, 'hook.sh'), `#!/bin/sh\necho "$@" >> ${folder}/hook.log\n`)
  await writeFile(join(folder, 'once.sh'), `#!/bin/sh\necho once >> ${folder}/hook.log\n`)
  const path = await pack(`swupdate:
  slots:
    copy1: DEVICE/one
    copy2: { device: DEVICE/two, bootenv: { slot: '2' } }
  images: [{ source: boot.img, device: DEVICE/boot }]
  files:
    - { source: app.json, path: DEVICE/etc/app.json, properties: { create-destination: 'true' } }
  scripts:
    - { source: hook.sh, data: and more }
    - { source: once.sh, type: postinstall }
  bootenv: { tries: '3' }
  description: everything at once
`)
  const device = { trust: authority.certificate, selection: 'stable,copy2' }
  const { isDone, said } = await install(t, path, device)
  assert.ok(isDone, said)
  assert.ok((await contentOf(folder, 'two')).equals(await readFile(source)))
  assert.deepEqual(await contentOf(folder, 'one'), Buffer.alloc(imageBytes), 'the other slot is untouched')
  assert.match((await contentOf(folder, 'boot')).toString('latin1'), /^a boot loader\0/)
  assert.equal(await readFile(join(folder, 'device/etc/app.json'), 'utf8'), '{"answer":42}')
  assert.deepEqual((await readFile(join(folder, 'hook.log'), 'utf8')).trim().split('\n').sort(), [
    'once',
    'postinst and more',
    'preinst and more',
  ])
  assert.equal((await check(t, path, { ...device, selection: 'stable,copy3' })).isDone, false)
  const info = await openArtifact(path, { verifyKeys: [authority.certificate] })
  assert.deepEqual(
    info.payloads
      .filter(({ metaData }) => metaData['selection'] === 'stable,copy2')
      .map(({ type, files }) => [type, ...files.map(({ name }) => name)]),
    [
      ['raw', 'rootfs.ext4'],
      ['raw', 'boot.img'],
      ['rawfile', 'app.json'],
      ['shellscript', 'hook.sh'],
      ['postinstall', 'once.sh'],
      ['bootenv'],
    ],
  )
  assert.deepEqual(info.scripts, ['hook.sh', 'once.sh'])
})

test('only the named boards and revisions install it', { skip }, async (t) => {
  const { pack } = await bench(t)
  const { authority } = pki()
  const deviceTypes = ['board', 'raspberrypi4.v1_b+x-2']
  const isAccepted = async (path: string, board: string) =>
    (await check(t, path, { trust: authority.certificate, board })).isDone
  const any = await pack('swupdate: { device: DEVICE/one }', { deviceTypes })
  for (const type of deviceTypes) assert.equal(await isAccepted(any, `${type}:7-rev.b`), true, type)
  assert.equal(await isAccepted(any, 'boar:1'), false)
  assert.equal(await isAccepted(any, 'board2:1'), false)
  const some = await pack(
    'swupdate: { device: DEVICE/one, hardware-compatibility: ["1.0", "#RE:^2[.][0-9]$"] }',
    { deviceTypes },
  )
  for (const [revision, wanted] of [
    ['1.0', true],
    ['2.3', true],
    ['1.1', false],
    ['2.33', false],
  ] as const) {
    assert.equal(await isAccepted(some, `board:${revision}`), wanted, revision)
  }
  const { deviceTypes: read, depends } = await openArtifact(some)
  assert.deepEqual(read, deviceTypes)
  assert.deepEqual(depends, { device_type: deviceTypes })
})

test('devices and our reader accept the same signers', { skip }, async (t) => {
  const { pack } = await bench(t)
  const { authority, issue, signer } = pki()
  const options = 'swupdate: { device: DEVICE/one }'
  const trust = authority.certificate
  const sealed = async (key: string | undefined) => pack(options, { signing: { key } })
  const alone = await selfSigned(t)
  const deep = issue('deep', { isIndirect: true })
  const unsigned = await sealed(undefined)
  const cases: [name: string, path: string, trust: string, reason: string, device?: Partial<Device>][] = [
    ['RSA', await sealed(signer.all), trust, 'none'],
    ['ECDSA', await sealed(issue('ec').all), trust, 'none'],
    ['of two authorities', await sealed(signer.all), newAuthority('old').certificate + trust, 'none'],
    ['intermediate', await sealed(deep.all), deep.intermediates + trust, 'none'],
    ['no intermediate', await sealed(deep.key + deep.certificate), trust, 'artifact-wrong-key'],
    ['self-signed', await sealed(alone.all), alone.certificate, 'none', { purpose: 'emailProtection' }],
    [
      'another authority',
      await sealed(newAuthority('fleet').issue('signer').all),
      trust,
      'artifact-wrong-key',
    ],
    ['the signer itself', await sealed(signer.all), signer.certificate, 'artifact-wrong-key'],
    ['expired', await expired(pack), trust, 'artifact-wrong-key'],
    ['unsigned', unsigned, trust, 'artifact-unsigned'],
  ]
  for (const [name, path, trust, reason, device] of cases) {
    const { isDone, said } = await check(t, path, { trust, ...device })
    assert.equal(isDone, reason === 'none', `${name}: ${said}`)
    assert.equal(await reasonOf(openArtifact(path, { verifyKeys: [trust] })), reason, name)
  }
})

/** A file that was signed in time, with a certificate that is over since. */
async function expired(pack: Bench['pack']): Promise<string> {
  const { issue } = pki()
  const { all } = issue('late', { from: '20200101000000Z', to: '20210101000000Z' })
  const now = () => new Date('2020-06-01')
  return pack('swupdate: { device: DEVICE/one }', { signing: { key: all } }, now)
}

async function selfSigned(t: TestContext): Promise<{ all: string; certificate: string }> {
  const folder = await temporaryFolder(t)
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=alone']
  const args = ['req', '-x509', ...kind, '-keyout', 'key', '-out', 'certificate']
  await runOk('openssl', args, { cwd: folder, what: 'openssl' })
  const certificate = await readFile(join(folder, 'certificate'), 'utf8')
  return { all: (await readFile(join(folder, 'key'), 'utf8')) + certificate, certificate }
}

test('a changed byte anywhere is refused, or changes nothing', { skip }, async (t) => {
  const { folder, source, pack } = await bench(t)
  const { authority } = pki()
  await writeFile(source, image(4000))
  const path = await pack('swupdate: { device: DEVICE/one }', { compression: 'none' })
  const whole = await readFile(path)
  const verifyKeys = [authority.certificate]
  const before = await openArtifact(path, { verifyKeys })
  const changed = join(folder, 'changed.swu')
  const content = whole.indexOf(await readFile(source))
  const places = { description: 130, signature: 1400, header: content - 20, payload: content + 2000 }
  for (const [name, at] of Object.entries(places)) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await writeFile(changed, bytes)
    const { isDone } = await check(t, changed, { trust: authority.certificate })
    assert.equal(isDone, false, name)
    assert.notEqual(await reasonOf(openArtifact(changed, { verifyKeys })), 'none', name)
  }
  for (let i = 0; i < 30; i++) {
    const at = createHash('sha256').update(String(i)).digest().readUInt32BE() % whole.length
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (i % 8))
    await writeFile(changed, bytes)
    const after = await openArtifact(changed, { verifyKeys }).catch((error: unknown) => {
      assert.ok(error instanceof Failure, String(error))
    })
    if (after) assert.equal(after.contentDigest, before.contentDigest, `byte ${at}`)
  }
})

test(
  'an older release is refused by a device that may not go back, by the release’s name',
  { skip },
  async (t) => {
    const { pack } = await bench(t)
    const { authority } = pki()
    const name = 'image-20261123T100000Z-abcdef012345'
    const path = await pack('swupdate: { device: DEVICE/one }', { name })
    const isDone = async (installed: string) =>
      (await check(t, path, { trust: authority.certificate, args: ['-N', installed] })).isDone
    assert.equal(await isDone('image-20261122T100000Z-ffffffffffff'), true)
    assert.equal(await isDone('image-20261124T100000Z-000000000000'), false)
    assert.equal((await openArtifact(path)).name, name)
  },
)
