import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type InspectOptions, inspectArtifact } from '../../src/artifact/artifact.ts'
import { Failure } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { failure } from './failure.ts'
import { type Member, chunks, craft, defaultHeader, headerInfo, image, sha256, typeInfo } from './craft.ts'

const inspect = (bytes: Buffer, options: InspectOptions = {}) => inspectArtifact(chunks(bytes), options)

async function refused(
  bytes: Buffer,
  message: RegExp,
  reason = 'artifact-damaged',
  options: InspectOptions = {},
) {
  await assert.rejects(inspect(bytes, options), failure(reason, message))
}

test('a whole artifact gives its facts', async () => {
  const bytes = craft()
  const info = await inspect(bytes)
  assert.deepEqual(
    { ...info, contentDigest: '' },
    {
      format: 'mender',
      version: 3,
      name: 'release-1',
      deviceTypes: ['board'],
      depends: { device_type: ['board'] },
      provides: { artifact_name: 'release-1', 'rootfs-image.version': 'release-1' },
      clearsProvides: [],
      payloads: [
        {
          type: 'rootfs-image',
          files: [
            {
              name: 'rootfs.ext4',
              sizeBytes: 8,
              checksum: sha256('an image'),
              date: '1970-01-01T00:00:00.000Z',
            },
          ],
          metaData: {},
          provides: { 'rootfs-image.version': 'release-1' },
          depends: {},
          clearsProvides: [],
        },
      ],
      scripts: [],
      signature: 'none',
      compression: 'gzip',
      sizeBytes: bytes.length,
      sha256: `sha256:${sha256(bytes)}`,
      contentDigest: '',
    },
  )
})

test('it does not matter how the stream is cut', async () => {
  for (const [imageBytes, sizes] of [
    [5 << 20, [1 << 16, 5000]],
    [1 << 16, [513, 512, 7, 1]],
  ] as const) {
    const bytes = craft({ files: [{ name: 'rootfs.ext4', content: image(imageBytes) }] })
    const whole = await inspectArtifact(chunks(bytes, bytes.length))
    for (const size of sizes) assert.deepEqual(await inspectArtifact(chunks(bytes, size)), whole)
  }
})

test('payloads may be uncompressed, zstd or xz', { skip: needs('xz') }, async () => {
  const none = await inspect(craft({ compress: (tar) => tar, suffix: '' }))
  const zstd = await inspect(craft({ compress: (tar) => zstdCompressSync(tar), suffix: '.zst' }))
  const xz = await inspect(
    craft({ compress: (tar) => execFileSync('xz', ['-9'], { input: tar }), suffix: '.xz' }),
  )
  assert.deepEqual([none.compression, zstd.compression, xz.compression], ['none', 'zstd', 'xz'])
  assert.deepEqual([zstd.contentDigest, xz.contentDigest], [none.contentDigest, none.contentDigest])
  await refused(craft({ suffix: '.xz' }), /uncompressed/)
})

test('a file cut short at any byte is refused', async () => {
  for (const parts of [{}, { compress: (tar: Buffer) => tar, suffix: '' }]) {
    const bytes = craft(parts)
    for (let end = 0; end < bytes.length; end++) {
      if (end % 5 > 0 && (end + 1) % 512 > 2) continue // every fifth, and all around each member's ends
      await assert.rejects(
        inspectArtifact(chunks(bytes.subarray(0, end), 4096)),
        (error: unknown) => error instanceof Failure && error.reason === 'artifact-damaged',
        `cut to ${end} bytes of ${bytes.length}`,
      )
    }
  }
})

test('names that leave their folder are refused', async () => {
  for (const name of ['../etc/passwd', '/etc/passwd', '..', '.', 'a/b', 'a\\b', 'a\nb', '']) {
    await refused(craft({ files: [{ name, content: 'x' }] }), /may not be there|malformed|doesn’t name/)
  }
  const evil = [{ name: 'rootfs.ext4', content: 'x' }]
  const manifest = (name: string) => (lines: string[]) => [`${sha256('x')}  ${name}`, ...lines]
  for (const name of [
    'data/0000/../../x',
    'data/0001/../x',
    'data/00000/x',
    'data/x',
    'data/0000/a/b',
    'etc',
    '/x',
  ]) {
    await refused(craft({ files: evil, manifest: manifest(name) }), /manifest, byte 0: it names/)
  }
  await refused(
    craft({ headerMembers: [...defaultHeader, { name: '../x', content: 'x' }] }),
    /header.tar.gz, byte/,
  )
})

test('only plain files are accepted', async () => {
  for (const type of ['1', '2', '3', '5', 'g', 'K', 'S', 'V']) {
    await refused(craft({ files: [{ name: 'rootfs.ext4', content: '', type }] }), /not a plain file/)
  }
})

test('members too many, too few, twice or out of order are refused', async () => {
  const members = (change: (m: Member[]) => Member[]) => craft({ members: change })
  const pick = (m: Member[], ...order: number[]) => order.flatMap((i) => m[i] ?? [])
  for (const order of [
    [1, 0, 2, 3],
    [0, 2, 1, 3],
    [0, 1, 3, 2],
    [0, 1, 2, 2, 3],
    [0, 0, 1, 2, 3],
    [2],
    [0, 1],
  ]) {
    await refused(
      members((m) => pick(m, ...order)),
      /should be/,
    )
  }
  await refused(
    members((m) => pick(m, 0, 1, 2)),
    /ends where data\/0000\.tar should be/,
  )
  await refused(
    members((m) => [...m, { name: 'data/0001.tar.gz', content: 'x' }]),
    /where the end should be/,
  )
  await refused(
    members((m) => [...m, ...pick(m, 3)]),
    /where the end should be/,
  )
  await refused(
    members(() => []),
    /ends where version should be/,
  )
})

test('what the manifest says and what is there must be the same', async () => {
  const drop = (part: string) => (lines: string[]) => lines.filter((line) => !line.includes(part))
  const wrong = (part: string) => (lines: string[]) =>
    lines.map((line) => (line.includes(part) ? `${sha256('else')}${line.slice(64)}` : line))
  await refused(craft({ manifest: wrong('version') }), /version, byte 0: its checksum/)
  await refused(craft({ manifest: wrong('header') }), /header\.tar\.gz, byte 0: its checksum/)
  await refused(
    craft({ manifest: wrong('data') }),
    /data\/0000\.tar\.gz, "rootfs\.ext4", byte 0: its checksum/,
  )
  await refused(craft({ manifest: drop('data') }), /doesn’t name it/)
  await refused(craft({ manifest: drop('version') }), /has to name version/)
  await refused(craft({ manifest: drop('header') }), /has to name version and one header/)
  const line = `${sha256('x')}  data/0000/other`
  await refused(craft({ manifest: (lines) => [...lines, line] }), /2 files of a rootfs-image/)
  const headerMembers = defaultHeader.map(({ name, content }) => ({
    name,
    content: String(content).replace('rootfs-image', 'directory'),
  }))
  await refused(craft({ headerMembers, manifest: (lines) => [...lines, line] }), /"other" is missing/)
  await refused(craft({ manifest: (lines) => [...lines, line.replace('0000', '0003')] }), /doesn’t have/)
  await refused(craft({ manifest: (lines) => [...lines, ...lines] }), /twice/)
  await refused(
    craft({ manifest: (lines) => [...lines, 'nonsense'] }),
    /manifest, byte \d+: a line is malformed/,
  )
  const twice = [
    { name: 'a', content: 'x' },
    { name: 'a', content: 'x' },
  ]
  await refused(craft({ files: twice, manifest: (lines) => lines.slice(1) }), /it is there twice/)
})

test('nothing may hide after an end or between members', async () => {
  const bytes = craft()
  await refused(Buffer.concat([bytes, Buffer.from('x')]), /something follows its end/)
  await refused(Buffer.concat([bytes, bytes]), /something follows its end/)
  await refused(Buffer.concat([bytes, Buffer.alloc(1)]), /its end is cut off/)
  await inspect(Buffer.concat([bytes, Buffer.alloc(512 * 14)])) // GNU tar fills its last record
  const junk = (part: Buffer) => craft({ compress: (tar) => Buffer.concat([gzipSync(tar), part]) })
  await refused(junk(Buffer.from('junk')), /header\.tar\.gz/)
  await refused(junk(Buffer.alloc(2000)), /header\.tar\.gz/)
  const dataOnly = (part: Buffer) =>
    craft({
      members: (m) =>
        m.map((member) =>
          member.name.startsWith('data')
            ? { ...member, content: Buffer.concat([Buffer.from(member.content ?? ''), part]) }
            : member,
        ),
    })
  await refused(dataOnly(Buffer.from('junk')), /data\/0000\.tar\.gz/)
  await refused(dataOnly(Buffer.alloc(5000)), /data\/0000\.tar\.gz/)
  await refused(dataOnly(gzipSync(Buffer.from('more'))), /something follows its end/)
})

test('sizes over a limit are refused, claimed or real', async () => {
  const limits = { artifactBytes: 1 << 20, headerBytes: 4096, payloadBytes: 1 << 16 }
  await inspect(craft(), { limits })
  const big = Buffer.alloc(1 << 17)
  await refused(craft({ files: [{ name: 'a', content: big }] }), /more than 65536/, undefined, { limits })
  const script = { name: 'scripts/ArtifactInstall_Enter_00', content: Buffer.alloc(8192) }
  const [first = script, ...rest] = defaultHeader
  await refused(craft({ headerMembers: [first, script, ...rest] }), /more than 4096/, undefined, { limits })
  const plain = craft({ files: [{ name: 'a', content: big }], compress: (tar) => tar, suffix: '' })
  await refused(plain, /more than 65536/, undefined, { limits: { ...limits, artifactBytes: 1 << 17 } })
  await refused(plain, /more than 4096 bytes/, undefined, { limits: { artifactBytes: 4096 } })
  const claim = { name: 'version', content: '', claimedSize: 2 ** 32 }
  await refused(craft({ members: () => [claim] }), /version has 4294967296 bytes/)
})

test('a small file that unpacks without end is refused in bounded memory', async () => {
  const bomb = craft({ files: [{ name: 'a', content: Buffer.alloc(100 << 20) }] })
  assert.ok(bomb.length < 1 << 20)
  await refused(bomb, /more than/, undefined, { limits: { payloadBytes: 1 << 20 } })
})

test('the documents of the header are checked', async () => {
  const withInfo = (info: unknown) =>
    craft({
      headerMembers: [{ name: 'header-info', content: JSON.stringify(info) }, ...defaultHeader.slice(1)],
    })
  await refused(withInfo({ ...headerInfo, artifact_depends: {} }), /header-info.*device_type/)
  await refused(withInfo({ ...headerInfo, artifact_provides: {} }), /artifact_name/)
  await refused(withInfo({ ...headerInfo, payloads: [] }), /payloads/)
  await refused(withInfo('text'), /header-info/)
  await refused(craft({ headerMembers: [{ name: 'header-info', content: '{' }] }), /not JSON/)
  const [first = { name: '' }] = defaultHeader
  const type = { name: 'headers/0000/type-info', content: JSON.stringify({ ...typeInfo, type: 'script' }) }
  await refused(craft({ headerMembers: [first, type] }), /not the one in header-info/)
  await refused(craft({ headerMembers: [first] }), /its end stands where headers\/0000\/type-info should be/)
  await refused(craft({ headerMembers: defaultHeader.toReversed() }), /where header-info should be/)
  const script = { name: 'scripts/Idle_Enter_00', content: 'x' }
  await refused(craft({ headerMembers: [first, script, type] }), /no state script/)
  const twice = { name: 'scripts/ArtifactInstall_Enter_00', content: 'x' }
  await refused(craft({ headerMembers: [first, twice, twice, ...defaultHeader.slice(1)] }), /is there twice/)
})

test('a wrong digest of the state scripts is refused: two different updates would count as the same', async () => {
  const [first = { name: '' }] = defaultHeader
  const script = { name: 'scripts/ArtifactInstall_Enter_00', content: 'x' }
  const claim = (digest: string) => {
    const provides = { 'rootfs-image.state-scripts': digest }
    return {
      name: 'headers/0000/type-info',
      content: JSON.stringify({ ...typeInfo, artifact_provides: provides }),
    }
  }
  const list = JSON.stringify([['ArtifactInstall_Enter_00', sha256('x')]])
  await inspect(craft({ headerMembers: [first, script, claim(`sha256:${sha256(list)}`)] }))
  await refused(craft({ headerMembers: [first, script, claim(`sha256:${sha256('y')}`)] }), /state-scripts/)
  await refused(craft({ headerMembers: [first, claim(`sha256:${sha256(list)}`)] }), /state-scripts/)
})

test('another format or version is named, and is no damage', async () => {
  await refused(craft({ version: '{"format":"mender","version":2}' }), /"mender", version 2/, 'bad-input')
  await refused(craft({ version: '{"format":"other","version":3}' }), /"other", version 3/, 'bad-input')
  await refused(Buffer.from('hsqs'.repeat(1000)), /RAUC bundle/, 'bad-input')
  await refused(Buffer.from('PK34'.repeat(1000)), /byte 0/)
  await refused(Buffer.alloc(0), /byte 0/)
})

test('an abort ends it with its own reason, and closes the source', async () => {
  const controller = new AbortController()
  let isClosed = false
  async function* endless() {
    try {
      yield craft().subarray(0, 512)
      controller.abort(new Failure('cancelled', 'enough'))
      for (;;) yield Buffer.alloc(1 << 16)
    } finally {
      isClosed = true
    }
  }
  await assert.rejects(inspectArtifact(endless(), { signal: controller.signal }), { reason: 'cancelled' })
  assert.equal(isClosed, true)
})

test('an abort ends the unpacking of what is almost nothing, too', async () => {
  const small = craft({
    files: [{ name: 'a', content: Buffer.alloc(256 << 20) }],
    compress: (bytes) => zstdCompressSync(bytes),
    suffix: '.zst',
  })
  const controller = new AbortController()
  const bytes = inspectArtifact(chunks(small, small.length), { signal: controller.signal })
  setImmediate(() => controller.abort(new Failure('cancelled', 'enough')))
  await assert.rejects(bytes, { reason: 'cancelled' })
})

test("what goes wrong in the source is thrown as it is, and is no damage of the artifact's", async () => {
  const bytes = craft()
  for (const end of [100, 2000, bytes.length - 1500]) {
    async function* broken() {
      yield bytes.subarray(0, end)
      throw new Error('connection lost')
    }
    await assert.rejects(inspectArtifact(broken()), { message: 'connection lost' })
  }
})
