import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openArtifact } from '../../src/artifact/artifact.ts'
import { makeReceipt } from '../../src/receipt/receipt.ts'
import { type Parts, craft, defaultHeader, headerInfo, sha256 } from '../artifact/craft.ts'
import { ec, other, rsa } from '../artifact/keys.ts'
import { signedWith } from '../artifact/signed.ts'
import { updateFile } from '../artifact/update-file.ts'
import { makeRepository } from '../plan/fleet-repository.ts'
import { needs } from '../support/needs.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

const name = 'os-20260112T0930-0123456789ab'
const sound: Partial<Parts> = {
  headerMembers: [
    {
      name: 'header-info',
      content: JSON.stringify({ ...headerInfo, artifact_provides: { artifact_name: name } }),
    },
    ...defaultHeader.slice(1),
  ],
  members: signedWith(rsa.pkcs8),
}

/** A workspace with `os.mender`, and what the action says of it. */
async function workspaceWith(t: TestContext, parts: Partial<Parts> | Buffer = sound) {
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'os.mender'), Buffer.isBuffer(parts) ? parts : craft(parts))
  const verify = (inputs: Record<string, string> = {}) =>
    runInRunner('verify-artifact', {
      workspace,
      inputs: { artifact: 'os.mender', 'allow-unsigned': 'true', ...inputs },
    })
  return { workspace, verify }
}

test('a file that meets every demand is accepted, with a table of what was checked', async (t) => {
  const { workspace, verify } = await workspaceWith(t)
  const { contentDigest } = await openArtifact(join(workspace, 'os.mender'))
  await writeFile(join(workspace, 'receipt.json'), receiptFor(contentDigest))
  await writeFile(join(workspace, 'keys.pem'), other.public + rsa.public)
  await writeFile(join(workspace, 'fleet.yml'), 'known-bad: [os-20250101T0000-0123456789ab]\n')
  const result = await verify({
    'verify-key': 'keys.pem',
    'device-types': 'board',
    variant: 'field',
    'min-version': '20260101T0000',
    receipt: 'receipt.json',
    'receipt-key': other.public + ec.public,
    fleet: '.',
  })
  assert.equal(result.code, 0, result.log)
  assert.deepEqual(result.outputs, { verdict: 'accept', reasons: '', changed: 'false', 'failure-reason': '' })
  assert.match(result.summary, /### ✅ Accepted: os-20260112T0930/)
  assert.equal(result.summary.match(/^\| ✅ \|/gm)?.length, 7, result.summary)
})

test('a signature that nobody checked is a warning, in the log and in the summary', async (t) => {
  const { verify } = await workspaceWith(t)
  const result = await verify()
  assert.deepEqual([result.code, result.outputs['verdict']], [0, 'accept'])
  assert.match(result.log, /no key was given to check that with/)
  assert.match(result.warnings[0]?.message ?? '', /anybody may have made this file/)
  assert.match(result.summary, /⚠️ not checked \| signature/)
})

test('without any key nothing is accepted, unless that was said', async (t) => {
  for (const parts of [sound, {}]) {
    const { verify } = await workspaceWith(t, parts)
    const empty = { 'verify-key': '', receipt: '', 'receipt-key': '' }
    for (const inputs of [empty, { ...empty, 'device-types': 'board' }]) {
      const { code, outputs, errors } = await verify({ ...inputs, 'allow-unsigned': 'false' })
      assert.deepEqual([code, outputs['failure-reason'], outputs['verdict']], [1, 'bad-input', undefined])
      assert.match(errors[0]?.message ?? '', /no key to check .*os\.mender with: give verify-key/)
      assert.equal((await verify(inputs)).outputs['verdict'], 'accept')
    }
    // a signed receipt is a key's word for the content, so it does
    const { outputs } = await verify({ 'receipt-key': ec.public, 'allow-unsigned': 'false' })
    assert.equal(outputs['failure-reason'], 'not-as-tested')
  }
})

test('what is allowed without a key is not allowed with one', async (t) => {
  const { verify } = await workspaceWith(t, {})
  const { outputs } = await verify({ 'verify-key': rsa.public, 'allow-unsigned': 'true' })
  assert.equal(outputs['failure-reason'], 'artifact-unsigned')
})

test('each refusal is red, with its reason in both outputs', async (t) => {
  const bytes = craft(sound)
  const key = { 'verify-key': rsa.public }
  const wrong = (lines: string[]) => lines.map((line) => line.replace(/^[0-9a-f]{64}/, sha256('else')))
  const cases: [reason: string, parts: Partial<Parts> | Buffer, inputs?: Record<string, string>][] = [
    ['artifact-damaged', bytes.subarray(0, bytes.length / 2)],
    ['artifact-checksum', { manifest: wrong }],
    ['artifact-members', { members: (all) => all.slice(0, 3) }],
    ['artifact-path', { files: [{ name: '../../etc/passwd', content: 'x' }] }],
    ['artifact-too-large', { members: () => [{ name: 'version', claimedSize: 2 ** 32 }] }],
    ['artifact-unsigned', {}, key],
    ['artifact-wrong-key', { members: signedWith(other.pkcs8) }, key],
    ['artifact-signature', { members: signedWith(rsa.pkcs8, 'else') }, key],
    ['wrong-device-type', sound, { 'device-types': 'board,plank' }],
    ['too-old', sound, { 'min-version': 'os-20260112T0931-0123456789ab' }],
    ['not-comparable', sound, { 'min-version': 'other-20260101T0000-0123456789ab' }],
    ['not-as-tested', sound, { 'receipt-key': ec.public }],
  ]
  for (const [reason, parts, inputs] of cases) {
    const { verify } = await workspaceWith(t, parts)
    const { code, outputs, summary, errors } = await verify(inputs)
    assert.equal(code, 1, reason)
    assert.deepEqual(outputs, {
      verdict: 'refuse',
      reasons: reason,
      changed: 'false',
      'failure-reason': reason,
    })
    assert.match(summary, new RegExp(`❌ \\| .*\`${reason}\``), summary)
    assert.equal(errors.length, 1)
  }
})

for (const [format, program] of [
  ['swupdate', 'openssl'],
  ['rauc', 'rauc'],
] as const) {
  const skip = needs('openssl', program)
  test(`a ${format} file is judged in the same words`, { skip }, async (t) => {
    const { workspace, verify } = await workspaceWith(t)
    const { path, contentDigest } = await updateFile(format, workspace)
    const certificate = { 'verify-key': 'certificate.pem' }
    const judged = async (artifact: string, inputs: Record<string, string> = certificate) => {
      const { outputs, log } = await verify({ artifact, ...inputs })
      assert.equal(outputs['verdict'], outputs['reasons'] === '' ? 'accept' : 'refuse', log)
      return outputs['reasons']
    }
    await writeFile(join(workspace, 'receipt.json'), receiptFor(contentDigest))
    await writeFile(join(workspace, 'fleet.yml'), `known-bad: ["${contentDigest}"]\n`)
    const tested = { receipt: 'receipt.json', 'receipt-key': ec.public, 'device-types': 'board' }
    assert.equal(await judged(path, { ...certificate, ...tested, 'min-version': name }), '')
    assert.equal(await judged(path, { 'verify-key': other.public }), 'artifact-wrong-key')
    const wrong = { fleet: '.', 'device-types': 'none', 'min-version': '20270101T0000' }
    assert.equal(await judged(path, { ...certificate, ...wrong }), 'known-bad,wrong-device-type,too-old')
    const bytes = await readFile(path)
    await writeFile(join(workspace, 'cut'), bytes.subarray(0, bytes.length / 2))
    assert.match((await judged('cut')) ?? '', /^artifact-(damaged|members)$/)
    const at = Math.floor(bytes.length / 3)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await writeFile(join(workspace, 'changed'), bytes)
    assert.match((await judged('changed')) ?? '', /^artifact-(damaged|checksum)$/)
  })
}

test('all reasons are said at once, and the gravest is the failure', async (t) => {
  const { workspace, verify } = await workspaceWith(t, { ...sound, members: signedWith(other.pkcs8) })
  await writeFile(join(workspace, 'fleet.yml'), `known-bad: [${name}]\n`)
  const { outputs } = await verify({
    'verify-key': rsa.public,
    'device-types': 'plank',
    'min-version': '20270101T0000',
    fleet: '.',
  })
  assert.equal(outputs['reasons'], 'artifact-wrong-key,known-bad,wrong-device-type,too-old')
  assert.equal(outputs['failure-reason'], 'artifact-wrong-key')
})

test('known-bad is that of the default branch as the remote has it, whatever is checked out', async (t) => {
  const { workspace, verify } = await workspaceWith(t)
  const { contentDigest } = await openArtifact(join(workspace, 'os.mender'))
  const repository = await makeRepository(t, { 'fleet.yml': 'known-bad: []\n' })
  const fleet = repository.folder
  assert.equal((await verify({ fleet })).outputs['verdict'], 'accept')
  for (const entry of [name, contentDigest]) {
    await repository.git('checkout', '--quiet', 'main')
    await repository.commit({ 'fleet.yml': `known-bad: ["${entry}"]\n` })
    await repository.push()
    // a stage's branch, which doesn't have the switch; nor has this clone's own main
    await repository.git('checkout', '--quiet', '-B', 'production', 'HEAD^')
    await repository.git('branch', '--quiet', '--force', 'main', 'HEAD')
    const { outputs, errors } = await verify({ fleet })
    assert.deepEqual([outputs['reasons'], outputs['failure-reason']], ['known-bad', 'known-bad'])
    assert.ok(errors[0]?.message.includes(`${entry} is listed in known-bad`))
  }
  await repository.git('remote', 'set-url', 'origin', join(workspace, 'nowhere'))
  const { outputs } = await verify({ fleet })
  assert.deepEqual([outputs['verdict'], outputs['failure-reason']], [undefined, 'unreachable'])
})

test('a receipt counts only where an accepted key signed it for this content and device type', async (t) => {
  const { workspace, verify } = await workspaceWith(t)
  const { contentDigest } = await openArtifact(join(workspace, 'os.mender'))
  const other0: `sha256:${string}` = `sha256:${'0'.repeat(64)}`
  const good = receiptFor(contentDigest)
  const cases: [reason: string, receipt: string][] = [
    ['', good],
    ['receipt-wrong-key', receiptFor(contentDigest, {}, other.pkcs8)],
    ['not-as-tested', receiptFor(other0)],
    ['not-as-tested', receiptFor(contentDigest, { deviceType: 'plank' })],
    ['not-as-tested', receiptFor(contentDigest, { result: 'fail' })],
    ['receipt-invalid', good.slice(0, -20)],
    ['receipt-invalid', JSON.stringify({ ...(JSON.parse(good) as object), signatures: [] })],
    ['receipt-invalid', 'x'.repeat(2 << 20)],
  ]
  for (const [reason, receipt] of cases) {
    await writeFile(join(workspace, 'receipt.json'), receipt)
    const { outputs } = await verify({ receipt: 'receipt.json', 'receipt-key': ec.public })
    assert.equal(outputs['reasons'], reason)
    assert.equal(outputs['verdict'], reason === '' ? 'accept' : 'refuse')
  }
})

test('what was given wrongly is named and is no verdict', async (t) => {
  const { verify } = await workspaceWith(t)
  const cases: [reason: string, inputs: Record<string, string>][] = [
    ['file-missing', { artifact: 'nowhere.mender' }],
    ['file-missing', { fleet: 'nowhere' }],
    ['file-missing', { receipt: 'nowhere.json', 'receipt-key': ec.public }],
    ['bad-input', { receipt: 'os.mender' }],
    ['bad-input', { artifact: '' }],
    ['bad-key', { 'verify-key': '-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----' }],
    ['bad-key', { 'receipt-key': '-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----' }],
  ]
  for (const [reason, inputs] of cases) {
    const { code, outputs } = await verify(inputs)
    assert.deepEqual([code, outputs['failure-reason'], outputs['verdict']], [1, reason, undefined])
  }
})

function receiptFor(
  contentDigest: `sha256:${string}`,
  change: { deviceType?: string; result?: 'fail' } = {},
  key = ec.pkcs8,
): string {
  return makeReceipt(
    {
      contentDigest,
      release: name,
      deviceType: 'board',
      result: 'pass',
      tests: { passed: 3, failed: change.result === 'fail' ? 1 : 0, skipped: 0 },
      facts: {},
      testedAt: new Date(),
      ...change,
    },
    key,
  )
}
