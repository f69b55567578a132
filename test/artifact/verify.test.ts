import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type Tested,
  type VerifyPolicy,
  openArtifact,
  requireAccepted,
  verdictSummary,
  verifyArtifact,
} from '../../src/artifact/artifact.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { type Parts, craft, defaultHeader, headerInfo, sha256 } from './craft.ts'
import { ec, other, rsa } from './keys.ts'
import { signedWith } from './signed.ts'

const context = plainContext()
const name = 'os-20260112T0930-0123456789ab'
const named = (release: string, deviceTypes = ['board']): Partial<Parts> => ({
  headerMembers: [
    {
      name: 'header-info',
      content: JSON.stringify({
        ...headerInfo,
        artifact_provides: { artifact_name: release },
        artifact_depends: { device_type: deviceTypes },
      }),
    },
    ...defaultHeader.slice(1),
  ],
})

async function file(t: TestContext, parts: Partial<Parts> | Buffer): Promise<string> {
  const path = join(await temporaryFolder(t), 'a.mender')
  await writeFile(path, Buffer.isBuffer(parts) ? parts : craft(parts))
  return path
}

async function verdict(t: TestContext, parts: Partial<Parts> | Buffer, policy: Partial<VerifyPolicy> = {}) {
  return await verifyArtifact(await file(t, parts), { keys: [], deviceTypes: [], ...policy }, context)
}

test('a sound file that meets every demand is accepted, and each check says so', async (t) => {
  const path = await file(t, { ...named(name), members: signedWith(rsa.pkcs8) })
  const { contentDigest } = await openArtifact(path)
  const policy: VerifyPolicy = {
    keys: [other.public, rsa.public],
    deviceTypes: ['board'],
    variant: 'field',
    minVersion: 'os-20260112T0929-ffffffffffff',
    knownBad: new Set(['os-20260111T0000-0123456789ab']),
    receipts: [{ file: 'receipt.json', release: name, contentDigest, deviceType: 'board', result: 'pass' }],
  }
  const result = await verifyArtifact(path, policy, context)
  assert.deepEqual([result.verdict, result.reasons], ['accept', []])
  assert.deepEqual(
    result.checks.map(({ what, result }) => [what, result]),
    ['file', 'signature', 'known-bad', 'receipt', 'device types', 'variant', 'version'].map((what) => [
      what,
      'ok',
    ]),
  )
  requireAccepted(result)
})

test('without a demand a sound file is accepted, and nothing counts as checked but the file', async (t) => {
  for (const parts of [{}, { members: signedWith(ec.pkcs8) }]) {
    const result = await verdict(t, parts)
    assert.equal(result.verdict, 'accept')
    assert.deepEqual(
      result.checks.flatMap(({ what, result }) => (result === 'ok' ? [what] : [])),
      ['file'],
    )
    assert.match(verdictSummary(result), /⚠️ not checked \| signature/)
  }
})

/** A payload that can't be compressed, so that gzip stores it as it is. */
const noise = [{ name: 'rootfs.ext4', content: randomBytes(100_000) }]

function changedIn(bytes: Buffer): Buffer {
  const at = bytes.length - 50_000
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}

test('each kind of damage has its own reason', async (t) => {
  const member = (change: (name: string) => object) => ({
    members: (all: { name: string }[]) => all.map((one) => ({ ...one, ...change(one.name) })),
  })
  const bytes = craft()
  const cases: [what: string, parts: Partial<Parts> | Buffer, reason: string][] = [
    ['cut short', bytes.subarray(0, bytes.length - 2000), 'artifact-damaged'],
    ['no archive at all', Buffer.alloc(4096, 'text'), 'artifact-damaged'],
    ['a byte of compressed content', changedIn(craft({ files: noise })), 'artifact-checksum'],
    ['no header-info', { headerMembers: [{ name: 'header-info', content: '{' }] }, 'artifact-damaged'],
    [
      'wrong checksum',
      { manifest: (lines) => lines.map((line) => line.replace(/^[0-9a-f]{64}/, sha256('else'))) },
      'artifact-checksum',
    ],
    ['a member too many', { members: (all) => [...all, { name: 'data/0001.tar.gz' }] }, 'artifact-members'],
    ['a member too few', { members: (all) => all.slice(0, 3) }, 'artifact-members'],
    ['out of order', { members: (all) => all.toReversed() }, 'artifact-members'],
    ['a payload file that the manifest lacks', { manifest: (l) => l.slice(1) }, 'artifact-members'],
    ['something after the end', Buffer.concat([bytes, bytes]), 'artifact-members'],
    ['a path upwards', { files: [{ name: '../../etc/passwd', content: 'x' }] }, 'artifact-path'],
    ['an absolute path', { files: [{ name: '/etc/passwd', content: 'x' }] }, 'artifact-path'],
    ['a member that escapes', { members: (all) => [{ name: '../version' }, ...all] }, 'artifact-path'],
    [
      'a path in the manifest alone',
      { manifest: (lines) => [`${sha256('x')}  data/0000/../../x`, ...lines] },
      'artifact-path',
    ],
    ['a link', { files: [{ name: 'rootfs.ext4', type: '2' }] }, 'artifact-path'],
    [
      'a declared size over the limit',
      member((name) => (name === 'version' ? { claimedSize: 2 ** 32 } : {})),
      'artifact-too-large',
    ],
    [
      'an actual size over the limit',
      {
        headerMembers: [
          ...defaultHeader.slice(0, 1),
          { name: 'scripts/ArtifactInstall_Enter_00', content: Buffer.alloc(17 << 20) },
          ...defaultHeader.slice(1),
        ],
      },
      'artifact-too-large',
    ],
    ['another version', { version: '{"format":"mender","version":2}' }, 'bad-input'],
  ]
  for (const [what, parts, reason] of cases) {
    const result = await verdict(t, parts, { deviceTypes: ['another'] })
    assert.deepEqual([result.verdict, result.reasons], ['refuse', [reason]], what)
    assert.equal(result.info, undefined, what)
    assert.throws(() => requireAccepted(result), { reason })
  }
})

test('a release whose name would leave a folder is refused', async (t) => {
  for (const evil of ['../x', '/etc/passwd', 'a\\\\b', '..', 'a\nb']) {
    assert.deepEqual((await verdict(t, named(evil))).reasons, ['artifact-path'], evil)
  }
})

test('a payload that unpacks beyond the limit is refused in bounded memory', async (t) => {
  const path = await file(t, { files: [{ name: 'a', content: Buffer.alloc(64 << 20) }] })
  const result = await verifyArtifact(path, { keys: [], deviceTypes: [] }, context, {
    payloadBytes: 1 << 20,
  })
  assert.deepEqual(result.reasons, ['artifact-too-large'])
})

test('a missing signature, one by another key and one of other content are told apart', async (t) => {
  const keys = [rsa.public, ec.public]
  const reasons = async (parts: Partial<Parts>) => (await verdict(t, parts, { keys })).reasons
  assert.deepEqual(await reasons({ members: signedWith(rsa.pkcs8) }), [])
  assert.deepEqual(await reasons({ members: signedWith(ec.pkcs8) }), [])
  assert.deepEqual(await reasons({}), ['artifact-unsigned'])
  assert.deepEqual(await reasons({ members: signedWith(other.pkcs8) }), ['artifact-wrong-key'])
  assert.deepEqual(await reasons({ members: signedWith(rsa.pkcs8, 'another manifest') }), [
    'artifact-signature',
  ])
  // r and s of ECDSA don't say whose they are
  assert.deepEqual(await reasons({ members: signedWith(ec.pkcs8, 'another manifest') }), [
    'artifact-wrong-key',
  ])
})

test('a signature that does not cover everything is none', async () => {
  const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name)
  const keys = [await readFile(fixture('signed.pub'), 'utf8')]
  const path = fixture('augmented-signed.mender')
  const result = await verifyArtifact(path, { keys, deviceTypes: [] }, context)
  assert.equal(result.verdict, 'refuse')
  const signature = result.checks.find(({ what }) => what === 'signature')
  assert.deepEqual(signature?.reasons, ['artifact-unsigned'])
  assert.match(signature.detail, /additions that no signature covers/)
})

test('a wrong signature hides nothing else that is wrong', async (t) => {
  const policy = { keys: [rsa.public], deviceTypes: ['other'], knownBad: new Set([name]) }
  const both = await verdict(t, { ...named(name), members: signedWith(other.pkcs8) }, policy)
  assert.deepEqual(both.reasons, ['artifact-wrong-key', 'known-bad', 'wrong-device-type'])
  const unsigned = await verdict(t, named(name), policy)
  assert.deepEqual(unsigned.reasons, ['artifact-unsigned', 'known-bad', 'wrong-device-type'])
  const files = [{ name: '../x', content: 'x' }]
  const damaged = await verdict(t, { files }, policy)
  assert.deepEqual(damaged.reasons.includes('artifact-path'), true)
})

test('all that is wrong with a sound file is said at once, the gravest first', async (t) => {
  const parts = { ...named(name), members: signedWith(rsa.pkcs8) }
  const { contentDigest } = await openArtifact(await file(t, parts))
  const result = await verdict(t, parts, {
    keys: [rsa.public],
    deviceTypes: ['board', 'other'],
    minVersion: '20260112T0931',
    knownBad: new Set([contentDigest]),
    receipts: [],
  })
  assert.deepEqual(result.reasons, ['known-bad', 'not-as-tested', 'wrong-device-type', 'too-old'])
  assert.throws(
    () => requireAccepted(result),
    (error: unknown) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.reason, 'known-bad')
      for (const part of [contentDigest, 'not for other', 'is older than 20260112T0931', 'no receipt for'])
        assert.ok(error.message.includes(part), part)
      return true
    },
  )
})

test('releases of a recipe are compared by the time in their names, others not at all', async (t) => {
  const cases: [release: string, least: string, reasons: string[]][] = [
    [name, name, []],
    [name, 'os-20260112T0930-ffffffffffff', []],
    [name, 'os-20251231T2359-ffffffffffff', []],
    [name, 'os-20260112T0931-000000000000', ['too-old']],
    [name, 'os-20270101T0000-000000000000', ['too-old']],
    [name, '20260112T0930', []],
    [name, '20260112T0931', ['too-old']],
    [name, '20261312T0931', ['not-comparable']],
    [name, '00000000T0000', ['not-comparable']],
    [name, '2026', ['not-comparable']],
    [name, 'other-20250101T0000-000000000000', ['not-comparable']],
    [name, 'v1.2', ['not-comparable']],
    ['v1.2', 'v1.2', []],
    ['v1.2', 'v1.1', ['not-comparable']],
    ['v1.2', name, ['not-comparable']],
    ['v1.2', '20260101T0000', ['not-comparable']],
    ['os-20260230T0000-0123456789ab', '20260101T0000', ['not-comparable']],
    ['a-20260101T0000-0123456789ab-20260301T0000-0123456789ab', '20260201T0000', []],
  ]
  for (const [release, minVersion, reasons] of cases) {
    const result = await verdict(t, named(release), { minVersion })
    assert.deepEqual(result.reasons, reasons, `${release} against ${minVersion}`)
  }
})

test('known-bad lists names and content digests', async (t) => {
  const { contentDigest } = await openArtifact(await file(t, named(name)))
  for (const [entry, reasons] of [
    [name, ['known-bad']],
    [contentDigest, ['known-bad']],
    [`sha256:${'0'.repeat(64)}`, []],
    [name.slice(0, -1), []],
  ] as const) {
    assert.deepEqual((await verdict(t, named(name), { knownBad: new Set([entry]) })).reasons, reasons)
  }
})

test('every device type needs a receipt of a pass for this very content', async (t) => {
  const parts = named(name, ['board', 'plank'])
  const { contentDigest } = await openArtifact(await file(t, parts))
  const pass = (deviceType: string): Tested => ({
    file: `${deviceType}.json`,
    release: name,
    contentDigest,
    deviceType,
    result: 'pass',
  })
  const failure = new Failure('receipt-wrong-key', 'no accepted key')
  const cases: [receipts: Tested[], deviceTypes: string[], reasons: string[]][] = [
    [[pass('board'), pass('plank')], [], []],
    [[pass('board')], [], ['not-as-tested']],
    [[pass('board')], ['board'], []],
    [[pass('board')], ['plank'], ['not-as-tested']],
    [[], ['board'], ['not-as-tested']],
    [[{ ...pass('board'), result: 'fail' }], ['board'], ['not-as-tested']],
    [[{ ...pass('board'), contentDigest: `sha256:${'0'.repeat(64)}` }], ['board'], ['not-as-tested']],
    [[{ file: 'x', failure }], ['board'], ['receipt-wrong-key']],
    // one that is wrong is never outvoted
    [[pass('board'), { file: 'x', failure }], ['board'], ['receipt-wrong-key']],
  ]
  for (const [receipts, deviceTypes, reasons] of cases) {
    assert.deepEqual((await verdict(t, parts, { receipts, deviceTypes })).reasons, reasons)
  }
})

test("a receipt whose device reported another image than the artifact's is none for it", async (t) => {
  const { contentDigest, payloads } = await openArtifact(await file(t, named(name)))
  const image = payloads[0]?.files[0]?.checksum ?? ''
  assert.match(image, /^[0-9a-f]{64}$/)
  const reasonsOf = async (provides: Record<string, string>) => {
    const base = {
      file: 'r.json',
      release: name,
      contentDigest,
      deviceType: 'board',
      result: 'pass',
    } as const
    return (await verdict(t, named(name), { receipts: [{ ...base, reported: { provides } }] })).reasons
  }
  assert.deepEqual(await reasonsOf({}), [])
  assert.deepEqual(await reasonsOf({ 'rootfs-image.checksum': image }), [])
  assert.deepEqual(await reasonsOf({ 'rootfs-image.checksum': '0'.repeat(64) }), ['not-as-tested'])
})

test('a new name makes no tested release younger, and takes none off known-bad', async (t) => {
  const parts = named('os-20270101T0000-0123456789ab')
  const { contentDigest } = await openArtifact(await file(t, parts))
  const receipts: Tested[] = [
    { file: 'receipt.json', release: name, contentDigest, deviceType: 'board', result: 'pass' },
  ]
  const reasonsOf = async (policy: Partial<VerifyPolicy>) =>
    (await verdict(t, parts, { receipts, ...policy })).reasons
  assert.deepEqual(await reasonsOf({ minVersion: '20260112T0930' }), [])
  assert.deepEqual(await reasonsOf({ minVersion: '20260112T0931' }), ['too-old'])
  assert.deepEqual(await reasonsOf({ minVersion: 'other-20260101T0000-0123456789ab' }), ['not-comparable'])
  assert.deepEqual(await reasonsOf({ knownBad: new Set([name]) }), ['known-bad'])
  const unnamed = receipts.map((one) => ({ ...one, release: 'v1' }))
  assert.deepEqual(await reasonsOf({ receipts: unnamed, minVersion: '20260101T0000' }), ['not-comparable'])
})

test('state scripts that the content digest leaves out were not tested, whatever a receipt says', async (t) => {
  const plain = named(name)
  const [first = { name: '' }, ...rest] = plain.headerMembers ?? []
  const script = { name: 'scripts/ArtifactInstall_Enter_00', content: '#!/bin/sh\n' }
  const added = { headerMembers: [first, script, ...rest] }
  const { contentDigest } = await openArtifact(await file(t, plain))
  const receipts: Tested[] = [
    { file: 'receipt.json', release: name, contentDigest, deviceType: 'board', result: 'pass' },
  ]
  assert.deepEqual((await verdict(t, plain, { receipts })).reasons, [])
  assert.deepEqual((await verdict(t, added, { receipts })).reasons, ['not-as-tested'])
})

test('a summary shows text of the file and does nothing else with it', async (t) => {
  const evil = 'x|<img-src=x>[a](http://x)@octocat'
  const summary = verdictSummary(await verdict(t, named(evil, ['a|b', '`c`']), { deviceTypes: ['d|e'] }))
  assert.doesNotMatch(summary, /<img|\]\(http|@octocat/)
  for (const row of summary.split('\n').filter((line) => line.startsWith('|')))
    assert.equal(row.match(/(?<!\\)\|/g)?.length, 4, row)
})

test('what a person has to correct is thrown and is no verdict', async (t) => {
  const path = await file(t, { members: signedWith(rsa.pkcs8) })
  const policy = { keys: [], deviceTypes: [] }
  await assert.rejects(verifyArtifact(`${path}x`, policy, context), { reason: 'file-missing' })
  await assert.rejects(verifyArtifact(path, { ...policy, keys: ['x'] }, context), { reason: 'bad-key' })
  const stop = AbortSignal.abort(new Failure('cancelled', 'enough'))
  await assert.rejects(verifyArtifact(path, policy, { ...context, signal: stop }), { reason: 'cancelled' })
})

test('what never was an update file is told as that, not by what a tar would lack', async (t) => {
  for (const [bytes, message] of [
    [Buffer.alloc(4096), /is no update file: one begins as a tar/],
    [Buffer.from('some text, and more of it\n'.repeat(100)), /is no update file/],
    [Buffer.alloc(0), /is empty/],
    [craft().subarray(0, 300), /byte 300: it ends too early/],
  ] as const) {
    const { reasons, checks } = await verdict(t, bytes)
    assert.deepEqual(reasons, ['artifact-damaged'])
    assert.match(checks[0]?.detail ?? '', message)
  }
})
