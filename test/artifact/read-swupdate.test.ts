import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type ArtifactInfo, type InspectOptions, inspectArtifact } from '../../src/artifact/artifact.ts'
import { runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { failure } from './failure.ts'
import { authority } from './certificates.ts'
import { chunks, sha256 } from './craft.ts'

interface Member {
  name: string
  content?: string | Buffer
  /** What the header says where that isn't so. */
  mode?: number
  check?: number
  size?: number
  nameSize?: number
}

/** A cpio archive by code that shares nothing with what is tested. */
function cpio(members: readonly Member[], magic = '070702', end = '\0'.repeat(4)): Buffer {
  const all = [...members, { name: 'TRAILER!!!', mode: 0 }].map((member, i) => {
    const content = Buffer.from(member.content ?? '')
    const sum = content.reduce((total, byte) => (total + byte) % 2 ** 32, 0)
    const name = Buffer.from(`${member.name}\0`)
    const { mode = 0o100644, size = content.length, nameSize = name.length } = member
    const check = member.check ?? (magic === '070702' ? sum : 0)
    const fields = [i, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, nameSize, check]
    const header = magic + fields.map((field) => field.toString(16).padStart(8, '0')).join('')
    const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
    return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(content)])
  })
  return Buffer.concat([...all, Buffer.from(end)])
}

const image = Buffer.from('what an image holds')
const item = { filename: 'rootfs', type: 'raw', device: '/dev/null', sha256: sha256(image) }
const described = (software: object) => JSON.stringify({ software: { version: 'release-1', ...software } })
const plain: Member[] = [
  { name: 'sw-description', content: described({ images: [item] }) },
  { name: 'rootfs', content: image },
]

const read = async (bytes: Buffer, options: InspectOptions = {}): Promise<ArtifactInfo> =>
  inspectArtifact(chunks(bytes), options)

async function refused(bytes: Buffer, detail: string, message: RegExp, options?: InspectOptions) {
  await assert.rejects(read(bytes, options), failure(detail, message))
}

const withDescription = (content: string): Buffer =>
  cpio([{ name: 'sw-description', content }, ...plain.slice(1)])

test('both kinds of cpio archives are read, with any amount of zeros at the end', async () => {
  const digests = new Set<string>()
  for (const magic of ['070701', '070702']) {
    for (const end of ['', '\0'.repeat(512), '\0'.repeat(5120)]) {
      const info = await read(cpio(plain, magic, end))
      assert.equal(info.name, 'release-1')
      assert.equal(info.signature, 'none')
      assert.deepEqual(info.deviceTypes, [])
      digests.add(info.contentDigest)
    }
  }
  assert.equal(digests.size, 1)
})

test(
  'a file made by cpio and openssl by hand is read and verified',
  { skip: needs('cpio', 'openssl') },
  async (t) => {
    const folder = await byHand(t)
    const fleet = authority('fleet')
    const { key, certificate, publicKey } = fleet.issue('by hand', { type: 'rsa' })
    await writeFile(join(folder, 'key'), key)
    await writeFile(join(folder, 'certificate'), certificate)
    const sign = ['-sign', '-in', 'sw-description', '-out', 'sw-description.sig', '-outform', 'DER']
    const by = ['-signer', 'certificate', '-inkey', 'key', '-nosmimecap', '-binary']
    await runOk('openssl', ['cms', ...sign, ...by], { cwd: folder, what: 'openssl' })
    for (const format of ['crc', 'newc']) {
      const input = 'sw-description\nsw-description.sig\nrootfs.gz\n'
      const packed = spawnSync('cpio', ['-o', '-H', format, '-L'], { cwd: folder, input })
      assert.equal(packed.status, 0, packed.stderr.toString())
      for (const accepted of [fleet.certificate, publicKey]) {
        const info = await read(packed.stdout, { verifyKeys: [accepted] })
        assert.equal(info.signature, 'verified')
        assert.deepEqual(info.deviceTypes, ['board'])
        assert.equal(info.compression, 'gzip')
        assert.deepEqual(info.payloads, [
          {
            type: 'raw',
            files: [{ name: 'rootfs.gz', sizeBytes: image.length, checksum: sha256(image) }],
            metaData: { selection: 'stable,main', device: '/dev/null', 'installed-directly': true, size: 7 },
            provides: { 'core.version': '1.0' },
            depends: {},
            clearsProvides: [],
          },
          {
            type: 'bootenv',
            files: [],
            metaData: { selection: 'stable,main', value: [{ name: 'tries', value: '3' }] },
            provides: {},
            depends: {},
            clearsProvides: [],
          },
        ])
      }
      await refused(packed.stdout, 'artifact-wrong-key', /by CN=by hand/, {
        verifyKeys: [authority('fleet').certificate],
      })
    }
  },
)

/** A folder with a description in libconfig's syntax and what it describes. */
async function byHand(t: TestContext): Promise<string> {
  const folder = join(await temporaryFolder(t), 'hand')
  await mkdir(folder)
  const packed = gzipSync(image)
  await writeFile(join(folder, 'rootfs.gz'), packed)
  await writeFile(
    join(folder, 'sw-description'),
    `# made by hand
software = {
  version = "release" "-1";  // two strings are one
  board: {
    hardware-compatibility: [ "1.0", "#RE:^2" ];
    stable = { main: {
      images: ( {
        filename = "rootfs.gz"; type = "raw"; device = "/dev/null"; compressed = "zlib";
        name = "core", version = "1.0"; installed-directly = TRUE; size = 0x7L;
        /* over
           lines */
        sha256 = "${sha256(packed).toUpperCase()}";
      } );
      bootenv: ( { name = "tries"; value = "3"; } );
    }; };
  };
};
`,
  )
  return folder
}

test('what breaks the archive is refused at its place', async () => {
  const [description = { name: '' }, rootfs = { name: '' }] = plain
  const cases: [bytes: Buffer, detail: string, message: RegExp][] = [
    [cpio([rootfs]), 'artifact-members', /"rootfs" stands where sw-description should be/],
    [cpio([]), 'artifact-members', /the end stands where sw-description/],
    [cpio([...plain, rootfs]), 'artifact-members', /"rootfs" is there twice/],
    [cpio([description]), 'artifact-members', /"rootfs" is missing/],
    [cpio([...plain, { name: 'more' }]), 'artifact-members', /doesn't name the member "more"/],
    [cpio([...plain, { name: 'sw-description.sig' }]), 'artifact-members', /doesn't name the member/],
    [cpio(plain, '070702', '\0\0x'), 'artifact-members', /something follows its end/],
    [cpio(plain, '070702', '\0'.repeat(70_000)), 'artifact-members', /something follows its end/],
    [cpio([description, { ...rootfs, check: 1 }]), 'artifact-checksum', /another checksum than its header/],
    [cpio([description, { ...rootfs, check: 1 }], '070701'), 'artifact-damaged', /where none may be/],
    [
      cpio([description, { ...rootfs, content: 'other' }]),
      'artifact-checksum',
      /not the one in sw-description/,
    ],
    [cpio([description, { ...rootfs, mode: 0o120777 }]), 'artifact-path', /is no plain file/],
    [cpio([description, { ...rootfs, name: '../rootfs' }]), 'artifact-path', /has to be flat/],
    [cpio([description, { ...rootfs, name: 'a\nb' }]), 'artifact-path', /has to be flat/],
    [cpio([description, { ...rootfs, name: '..' }]), 'artifact-path', /has to be flat/],
    [cpio([description, { ...rootfs, nameSize: 6 }]), 'artifact-damaged', /a name ends where it should not/],
    [cpio([description, { ...rootfs, nameSize: 2 ** 31 }]), 'artifact-damaged', /too short or too long/],
    [cpio([{ ...description, size: 2 ** 31 }]), 'artifact-too-large', /has 2147483648 bytes, over/],
    [cpio(plain).subarray(0, -130), 'artifact-damaged', /ends too early/],
    [cpio(plain).subarray(0, 200), 'artifact-damaged', /ends too early/],
  ]
  for (const [bytes, detail, message] of cases) await refused(bytes, detail, message)
})

test('a description that two readers could understand in two ways is refused', async () => {
  const cases: [description: string, detail: string, message: RegExp][] = [
    ['', 'artifact-damaged', /no "software"/],
    ['[]', 'artifact-damaged', /./],
    ['{"software":{}}', 'artifact-damaged', /no "version"/],
    ['{"software":{"version":"1","version":"2"}}', 'artifact-damaged', /there twice/],
    ['software = { version = "1"; version = "2"; };', 'artifact-damaged', /version stands twice \(line 1\)/],
    ['@include "/etc/passwd"', 'artifact-damaged', /can’t be read as libconfig/],
    ['software = { version = "1" ', 'artifact-damaged', /a name is missing/],
    [`software = ${'('.repeat(100)}`, 'artifact-damaged', /nested too deep/],
    [described({ images: { filename: 'rootfs' } }), 'artifact-damaged', /images is no list/],
    [described({ images: ['rootfs'] }), 'artifact-damaged', /is no object/],
    [described({ images: [{ ...item, sha256: 'abc' }] }), 'artifact-damaged', /malformed/],
    [described({ images: [{ ...item, compressed: 'rar' }] }), 'artifact-damaged', /"rar" is unknown/],
    [described({ images: [item, { ...item, compressed: 'zlib' }] }), 'artifact-damaged', /described twice/],
    [described({ images: [{ ...item, encrypted: true }] }), 'bad-input', /is encrypted/],
    [described({ board: { ref: '#./other' } }), 'bad-input', /"ref"/],
    [
      described({ board: { images: [item], stable: { images: [item] } } }),
      'bad-input',
      /board.stable has parts/,
    ],
    [described({ a: { b: { c: { d: {} } } } }), 'bad-input', /no device looks for/],
  ]
  for (const [description, detail, message] of cases) {
    await refused(withDescription(description), detail, message)
  }
})

test('every board and selection counts for what the file brings', async () => {
  const other = { ...item, device: '/dev/zero' }
  const { payloads, deviceTypes } = await read(
    withDescription(
      described({
        one: { 'hardware-compatibility': ['1'], images: [item] },
        two: { stable: { main: { images: [item] }, alt: { images: [other, other] } } },
        three: { images: [item] },
        set: { mode: { images: [other] } },
      }),
    ),
  )
  assert.deepEqual(deviceTypes, ['one', 'two', 'three'])
  assert.deepEqual(
    payloads.map(({ metaData }) => metaData),
    [
      { device: '/dev/null', boards: ['one', 'three'] },
      { device: '/dev/null', selection: 'stable,main', boards: ['two'] },
      { device: '/dev/zero', selection: 'stable,alt', boards: ['two'] },
      { device: '/dev/zero', selection: 'stable,alt', boards: ['two'] },
      { device: '/dev/zero', selection: 'set,mode' },
    ],
  )
})

test('the content digest changes with what a device does, and with nothing else', async () => {
  const digestOf = async (software: object, content: Buffer = image, version = 'release-1') =>
    (
      await read(
        cpio([
          { name: 'sw-description', content: JSON.stringify({ software: { version, ...software } }) },
          { name: 'rootfs', content },
        ]),
      )
    ).contentDigest
  const base = { board: { images: [item] } }
  const same = await digestOf(base)
  const packed = gzipSync(image)
  const compressed = { ...item, sha256: sha256(packed), compressed: 'zlib' }
  const named = { ...item, name: 'rootfs', version: '7' }
  assert.equal(await digestOf(base, image, 'release-2'), same)
  assert.equal(await digestOf({ ...base, description: 'text' }), same)
  assert.equal(await digestOf({ board: { images: [compressed] } }, packed), same)
  assert.equal(await digestOf({ board: { images: [named] } }), same)
  assert.equal(await digestOf({ board: { 'hardware-compatibility': ['#RE:^.*$'], images: [item] } }), same)
  const others = [
    { board: { images: [{ ...item, device: '/dev/zero' }] } },
    { board: { images: [{ ...item, type: 'flash' }] } },
    { board: { images: [item], bootenv: [{ name: 'a', value: 'b' }] } },
    { board: { images: [item], scripts: [{ filename: 'rootfs', sha256: item.sha256 }] } },
    { board: { stable: { main: { images: [item] } } } },
    { 'board-2': { images: [item] } },
    { board: { 'hardware-compatibility': ['1'], images: [item] } },
    { board: { images: [item] }, 'embedded-script': 'print(1)' },
    { images: [item] },
  ]
  const digests = await Promise.all(others.map(async (software) => digestOf(software)))
  assert.equal(new Set([same, ...digests]).size, others.length + 1)
})

test('what unpacks to more than is allowed is refused before it is unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(8 << 20))
  const bytes = cpio([
    {
      name: 'sw-description',
      content: described({ images: [{ ...item, sha256: sha256(bomb), compressed: 'zlib' }] }),
    },
    { name: 'rootfs', content: bomb },
  ])
  await refused(bytes, 'artifact-too-large', /more in it than/, { limits: { payloadBytes: 1 << 20 } })
  await refused(bytes, 'artifact-too-large', /more than 1000 bytes/, { limits: { artifactBytes: 1000 } })
  await refused(cpio(plain), 'artifact-too-large', /over 10/, { limits: { headerBytes: 10 } })
  assert.equal((await read(bytes)).payloads[0]?.files[0]?.sizeBytes, 8 << 20)
})

test('in a signed file every item has a checksum', { skip: needs('openssl') }, async (t) => {
  const folder = await temporaryFolder(t)
  const { sha256: _, ...bare } = item
  const { key, certificate } = authority('fleet').issue('signer')
  await writeFile(join(folder, 'content'), described({ images: [bare] }))
  await writeFile(join(folder, 'key'), key + certificate)
  const args = [
    'cms',
    '-sign',
    '-in',
    'content',
    '-out',
    'out',
    '-outform',
    'DER',
    '-signer',
    'key',
    '-binary',
  ]
  await runOk('openssl', args, { cwd: folder, what: 'openssl' })
  const [signature, content] = [await readFile(join(folder, 'out')), await readFile(join(folder, 'content'))]
  const members = (sig: Buffer) => [
    { name: 'sw-description', content },
    { name: 'sw-description.sig', content: sig },
    ...plain.slice(1),
  ]
  await refused(
    cpio(members(signature)),
    'artifact-checksum',
    /has no sha256, so the signature doesn't cover it/,
  )
  await refused(cpio(members(Buffer.from('no signature'))), 'artifact-damaged', /not one whole CMS/)
  const last = Buffer.from(signature)
  last[last.length - 3] = (last.at(-3) ?? 0) ^ 1
  await refused(cpio(members(last)), 'artifact-signature', /changed after it was signed/)
})
