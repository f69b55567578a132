// What another parser reads otherwise is refused: a device may not install something else than was looked at here. Go's JSON
// takes the last of two equal keys and doesn't mind their case; its tar reader knows extended headers, prefixes and ends of
// its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspectArtifact } from '../../src/artifact/artifact.ts'
import { failure } from './failure.ts'
import { type Member, chunks, craft, headerInfo, sha256, typeInfo } from './craft.ts'
import { ec } from './keys.ts'

async function refused(bytes: Buffer, message: RegExp) {
  await assert.rejects(inspectArtifact(chunks(bytes)), failure('artifact-damaged', message))
}

const accepted = (bytes: Buffer) => inspectArtifact(chunks(bytes))
const infoText = JSON.stringify(headerInfo)
const typeText = JSON.stringify(typeInfo)
const withDocuments = (documents: { info?: string; type?: string | Buffer; metaData?: string }) =>
  craft({
    headerMembers: [
      { name: 'header-info', content: documents.info ?? infoText },
      { name: 'headers/0000/type-info', content: documents.type ?? typeText },
      ...(documents.metaData === undefined
        ? []
        : [{ name: 'headers/0000/meta-data', content: documents.metaData }]),
    ],
  })
const outer = (change: (members: Member[]) => Member[]) => craft({ members: change })
const at = (members: Member[], name: string) => members.findIndex((member) => member.name.startsWith(name))

test('a key that stands in an object twice is refused, however it is written', async () => {
  for (const info of [
    infoText.replace('"device_type":', '"device_type":["other"],"device_type":'),
    infoText.replace('"device_type":', '"device\\u005ftype":["other"],"device_type":'),
    infoText.replace('"payloads":', '"payloads":[{"type":"script"}],"payloads":'),
  ]) {
    await refused(withDocuments({ info }), /header-info, byte \d+: the key "\w+" is there twice/)
  }
  await refused(
    withDocuments({ metaData: '{"a":[{"b":1,"c":2,"b":3}]}' }),
    /meta-data.*the key "b" is there twice/,
  )
  await accepted(withDocuments({ metaData: '{"a":[{"b":1},{"b":2}],"b":{"a":1},"A":3}' }))
})

test('a key that another parser takes for a known one is refused', async () => {
  for (const info of [
    infoText.replace('"device_type":', '"Device_Type":["other"],"device_type":'),
    infoText.replace('"artifact_provides"', '"artifact_Provides"'),
    infoText.replace('"artifact_name":', '"ARTIFACT_NAME":"x","artifact_name":'),
    infoText.replace('{"type":', '{"Type":"script","type":'),
    infoText.replace('"payloads":', '"payload\u017f":[{"type":"script"}],"payloads":'),
    infoText.replace('"payloads":', '"signature":"none","payloads":'),
  ]) {
    await refused(withDocuments({ info }), /header-info/)
  }
  for (const type of [
    typeText.replace('"artifact_provides":', '"artifact_Provides":{"a":"b"},"artifact_provides":'),
    typeText.replace('{', '{"clear\u017f_artifact_provides":["*"],'),
    typeText.replace('{', '{"artifact_Depends":{"a":"b"},'),
  ]) {
    await refused(withDocuments({ type }), /type-info.*another parser/)
  }
  await accepted(withDocuments({ type: typeText.replace('{', '{"something_new":1,') }))
})

test('what a device ignores or refuses is not read as if it counted', async () => {
  const depends = (value: object) => {
    const known = { ...headerInfo.artifact_depends, ...value }
    return withDocuments({ info: JSON.stringify({ ...headerInfo, artifact_depends: known }) })
  }
  await refused(depends({ 'data-layout': '2' }), /header-info/)
  await refused(depends({ artifact_name: 'release-0' }), /header-info.*artifact_name/)
  const claims = (value: object) => withDocuments({ type: JSON.stringify({ ...typeInfo, ...value }) })
  await refused(claims({ artifact_provides: { artifact_name: 'x' } }), /artifact_name/)
  await refused(claims({ artifact_depends: { device_type: ['x'] } }), /device_type/)
})

test('a payload has as many files as its type can have', async () => {
  const files = ['a', 'b'].map((name) => ({ name, content: name }))
  await refused(craft({ files }), /rootfs-image/)
  const empty = JSON.stringify({ ...headerInfo, payloads: [{ type: null }] })
  const type = JSON.stringify({ type: null, artifact_provides: { a: 'b' } })
  const headerMembers = [
    { name: 'header-info', content: empty },
    { name: 'headers/0000/type-info', content: type },
  ]
  await refused(craft({ headerMembers }), /empty payload/)
  await accepted(craft({ headerMembers, files: [] }))
  await accepted(craft({ headerMembers, files: [], members: (members) => members.slice(0, 3) }))
  const metaData = { name: 'headers/0000/meta-data', content: '{"a":1}' }
  await refused(craft({ headerMembers: [...headerMembers, metaData], files: [] }), /empty payload/)
})

test('meta-data is read as it stands, or refused', async () => {
  const digestOf = async (metaData: string) => (await accepted(withDocuments({ metaData }))).contentDigest
  assert.notEqual(await digestOf('{"constructor":{"a":1}}'), await digestOf('{}'))
  assert.notEqual(await digestOf('{"prototype":1}'), await digestOf('{}'))
  for (const metaData of [
    '{"__proto__":{"a":1}}',
    '{"a":{"__proto__":1}}',
    '{"a":1e400}',
    '{"a":9007199254740993}',
    '{"a":1e-400}',
    '{"a":0.1000000000000000055511151231257827}',
    '{"a":"\\ud800"}',
    '{"\\udc00":1}',
    '{"a":1} {"a":2}',
    '[1]',
    'null',
  ]) {
    await refused(withDocuments({ metaData }), /meta-data/)
  }
  await accepted(
    withDocuments({ metaData: '{"a":[1.50,-0.1e+3,1E21,9007199254740992,"\\ud83d\\ude00",0.0,120,0e9]}' }),
  )
})

test('documents without end, in depth or length, are refused', async () => {
  const deep = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
  await accepted(withDocuments({ metaData: deep(50) }))
  await refused(withDocuments({ metaData: deep(101) }), /nested/)
  await refused(withDocuments({ metaData: deep(400_000) }), /nested/)
  await refused(withDocuments({ type: `${typeText}${' '.repeat(1 << 21)}` }), /type-info.*over/)
})

test('text is UTF-8 without a mark before it, and has no control characters', async () => {
  await refused(withDocuments({ info: `\ufeff${infoText}` }), /header-info.*not JSON/)
  await refused(
    withDocuments({ type: Buffer.from(typeText.replace('release-1', 'é'), 'latin1') }),
    /type-info.*not JSON/,
  )
  for (const name of ['a\\u0000b', 'a\\nb', 'a\\u001b[2Jb', 'a\\u202eb', '\\u0085']) {
    await refused(withDocuments({ info: infoText.replace('release-1', name) }), /header-info/)
    await refused(withDocuments({ info: infoText.replace('board', name) }), /header-info/)
  }
  for (const type of ['../script', 'a/b', '..', 'a\\u0000']) {
    await refused(withDocuments({ info: infoText.replace('rootfs-image', type), type: '{}' }), /header-info/)
  }
})

test('the manifest is read as a device does: every line ends, and is UTF-8', async () => {
  const manifest = (change: (text: string) => string | Buffer) =>
    outer((members) =>
      members.map((member) =>
        member.name === 'manifest' ? { ...member, content: change(String(member.content)) } : member,
      ),
    )
  await refused(
    manifest((text) => text.trimEnd()),
    /manifest, byte \d+: its last line has no end/,
  )
  await refused(
    manifest(() => ''),
    /manifest/,
  )
  const files = [{ name: 'a\ufffd', content: 'x' }]
  const line = Buffer.concat([Buffer.from(`${sha256('x')}  data/0000/a`), Buffer.from([0xff, 0x0a])])
  const rest = (text: string) => Buffer.from(text.slice(text.indexOf('\n') + 1))
  await refused(
    craft({
      files,
      members: (members) =>
        members.map((member) =>
          member.name === 'manifest'
            ? { ...member, content: Buffer.concat([line, rest(String(member.content))]) }
            : member,
        ),
    }),
    /manifest.*UTF-8/,
  )
})

test('a signature has one form', async () => {
  const signature = Buffer.alloc(64, 7).toString('base64')
  const signed = (content: string) =>
    outer((members) =>
      members.toSpliced(2, 0, { name: 'manifest.sig', content: Buffer.from(content, 'latin1') }),
    )
  await accepted(signed(signature))
  await accepted(signed(`${signature}\n`))
  for (const content of [
    ` ${signature}`,
    `${signature} `,
    `${signature}\n\n`,
    `${signature}\xa0`,
    signature.replace(/=+$/, ''),
    signature.replace('w==', 'x=='),
    signature.replaceAll('B', '-'),
    `${signature.slice(0, 9)}\n${signature.slice(9)}`,
    '',
  ]) {
    await refused(signed(content), /manifest\.sig/)
  }
  assert.ok(ec.public)
})

test('a member has one name and one size', async () => {
  const pax = (...records: string[]) => ({
    name: 'PaxHeaders/x',
    type: 'x',
    content: records.map(paxRecord).join(''),
  })
  const before = (...extended: Member[]) =>
    outer((members) => members.toSpliced(at(members, 'manifest'), 0, ...extended))
  const long = (content: string) => ({ name: '././@LongLink', type: 'L', content })
  await accepted(before(pax('path=manifest')))
  await accepted(before(long('manifest\0')))
  await accepted(before(pax('mtime=1700000000.123', 'comment=x')))
  for (const extended of [
    [pax('path=manifest'), pax('mtime=1')],
    [long('manifest\0'), pax('path=other')],
    [pax('path=other'), long('manifest\0')],
    [long('other\0'), long('manifest\0')],
    [pax('path=other', 'path=manifest')],
    [pax('path=')],
    [pax('path=manifest\0')],
    [pax('path=\ufeffmanifest')],
    [pax('mtime=0x10')],
    [pax('mtime=')],
    [pax('size=99999999999999999')],
    [long('manifest\0hidden')],
    [long('\ufeffmanifest\0')],
  ]) {
    await refused(before(...extended), /the artifact, byte/)
  }
})

test('what a header hides where its format has nothing is refused', async () => {
  const bytes = craft()
  const changed = (change: (header: Buffer) => void) => {
    const copy = Buffer.from(bytes)
    const header = copy.subarray(0, 512)
    change(header)
    header.write('        ', 148)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    return copy
  }
  await accepted(changed((header) => header.fill(0, 257, 265))) // as before POSIX
  await accepted(changed((header) => header.write('ustar  \0', 257, 'latin1')))
  for (const change of [
    (header: Buffer) => header.write('tar\0', 508, 'latin1'),
    (header: Buffer) => header.write('x', 500, 'latin1'),
    (header: Buffer) => header.write('ustar  \0', 257, 'latin1') + header.write('hidden', 345),
    (header: Buffer) => header.write('ustar\x0001', 257, 'latin1'),
    (header: Buffer) => header.write('x', 20, 'latin1'), // behind the name's end
    (header: Buffer) => header.write('target', 157, 'latin1'),
    (header: Buffer) => header.write('0x1ff', 100, 'latin1'),
    (header: Buffer) => header.write('-1', 108, 'latin1'),
    (header: Buffer) => header.write('9', 329, 'latin1'),
  ]) {
    await refused(changed(change), /byte 0/)
  }
})

test('a stream that nobody reads is closed', async () => {
  for (const start of ['hsqs'.repeat(200), 'x']) {
    let isClosed = false
    async function* source() {
      try {
        yield Buffer.from(start)
        yield Buffer.from(start)
      } finally {
        isClosed = true
      }
    }
    await assert.rejects(inspectArtifact(source()))
    assert.ok(isClosed)
  }
})

function paxRecord(text: string): string {
  const bytes = Buffer.byteLength(text) + 2
  const guess = bytes + String(bytes).length
  return `${bytes + String(guess).length} ${text}\n`
}
