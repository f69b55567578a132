import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openCmsSigner } from '../../src/artifact/cms-sign.ts'
import { verifyCms } from '../../src/artifact/cms.ts'
import { Failure, digestOf } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { failure } from './failure.ts'
import { type TestIdentity, authority } from './certificates.ts'
import { ec, rsa } from './keys.ts'

const skip = needs('openssl')
const content = Buffer.from('{"software":{}}')
const { signal } = new AbortController()

async function signed({ all }: TestIdentity): Promise<Buffer> {
  const signer = await openCmsSigner({ key: all }, new Date())
  return signer?.sign(content, signal) ?? Buffer.alloc(0)
}

async function refused(work: Promise<unknown>, detail: string, message: RegExp): Promise<void> {
  await assert.rejects(work, failure(detail, message))
}

/** What openssl makes of `content`. */
async function byOpenssl(t: TestContext, identity: TestIdentity, ...args: string[]): Promise<Buffer> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'signer'), identity.key + identity.certificate)
  await writeFile(join(folder, 'others'), identity.intermediates)
  const others = identity.intermediates === '' ? [] : ['-certfile', 'others']
  const shape = ['-binary', '-nosmimecap', '-outform', 'DER', '-signer', 'signer', ...others]
  return execFileSync('openssl', ['cms', '-sign', ...shape, ...args], { cwd: folder, input: content })
}

test('with RSA a signature is the one that openssl makes without attributes', { skip }, async (t) => {
  const fleet = authority('fleet')
  for (const isIndirect of [false, true]) {
    const identity = fleet.issue('signer', { type: 'rsa', isIndirect })
    const own = await signed(identity)
    assert.ok(own.equals(await byOpenssl(t, identity, '-noattr', '-md', 'sha256')))
  }
})

test('with ECDSA the same input gives the same signature', { skip }, async () => {
  const identity = authority('fleet').issue('signer')
  assert.ok((await signed(identity)).equals(await signed(identity)))
})

test('an authority, the signer’s key, or one of several is accepted', { skip }, async (t) => {
  const fleet = authority('fleet')
  const other = authority('fleet')
  for (const identity of [
    fleet.issue('a'),
    fleet.issue('b', { type: 'rsa' }),
    fleet.issue('c', { isIndirect: true }),
  ]) {
    const signedBy = digestOf(
      new X509Certificate(identity.certificate).publicKey.export({ type: 'spki', format: 'der' }),
    )
    const ways = identity.intermediates === '' ? [await signed(identity)] : [await byOpenssl(t, identity)]
    for (const signature of ways) {
      for (const accepted of [
        [fleet.certificate],
        [identity.publicKey],
        [other.certificate, fleet.certificate],
        [other.certificate + fleet.certificate],
        [other.certificate + identity.publicKey],
        [rsa.public + ec.public + identity.publicKey],
      ]) {
        const verified = await verifyCms(signature, content, accepted, signal)
        assert.equal(verified.signature, 'verified')
        assert.equal(verified.signedBy, signedBy)
      }
      assert.equal((await verifyCms(signature, content, [], signal)).signature, 'unverified')
      for (const accepted of [
        [other.certificate],
        [rsa.public],
        [ec.public, other.certificate],
        [identity.certificate],
      ]) {
        await refused(verifyCms(signature, content, accepted, signal), 'artifact-wrong-key', /signed by CN=/)
      }
    }
  }
})

test('what a signature carries itself is given back', { skip }, async (t) => {
  const fleet = authority('fleet')
  const signature = await byOpenssl(t, fleet.issue('signer'), '-nodetach')
  const verified = await verifyCms(signature, undefined, [fleet.certificate], signal)
  assert.ok(verified.content.equals(content))
})

test('a key lets dates pass, an authority doesn’t', { skip }, async (t) => {
  const fleet = authority('fleet')
  const late = fleet.issue('late', { from: '20200101000000Z', to: '20210101000000Z' })
  const early = fleet.issue('early', { from: '20900101000000Z', to: '20910101000000Z' })
  for (const identity of [late, early]) {
    const signature = await byOpenssl(t, identity, '-noattr')
    await refused(
      verifyCms(signature, content, [fleet.certificate], signal),
      'artifact-wrong-key',
      /expired|not yet valid/,
    )
    assert.equal((await verifyCms(signature, content, [identity.publicKey], signal)).signature, 'verified')
    await refused(openCmsSigner({ key: identity.all }, new Date()), 'bad-key', /not today/)
  }
})

test('the authorities that the machine trusts don’t count', { skip }, async (t) => {
  const fleet = authority('fleet')
  const web = authority('web')
  const signature = await signed(web.issue('somebody'))
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'web.pem'), web.certificate)
  const hash = execFileSync('openssl', ['x509', '-hash', '-noout', '-in', join(folder, 'web.pem')], {
    encoding: 'utf8',
  })
  await copyFile(join(folder, 'web.pem'), join(folder, `${hash.trim()}.0`))
  for (const [name, value] of [
    ['SSL_CERT_DIR', folder],
    ['SSL_CERT_FILE', join(folder, 'web.pem')],
  ] as const) {
    process.env[name] = value
    undo(t, () => delete process.env[name])
    await refused(
      verifyCms(signature, content, [fleet.certificate], signal),
      'artifact-wrong-key',
      /CN=somebody/,
    )
  }
})

test('a changed byte of a signature is refused, or signer and content are the same', { skip }, async () => {
  const fleet = authority('fleet')
  const signature = await signed(fleet.issue('signer'))
  const { signedBy } = await verifyCms(signature, content, [fleet.certificate], signal)
  let refusals = 0
  for (let at = 0; at < signature.length; at += 23) {
    const changed = Buffer.from(signature)
    changed[at] = (changed[at] ?? 0) ^ 0x10
    const after = await verifyCms(changed, content, [fleet.certificate], signal).catch((error: unknown) => {
      assert.ok(error instanceof Failure, String(error))
      refusals += 1
    })
    // CMS says twice which digest was used, and a reader needs it once
    if (after) assert.deepEqual([after.signature, after.signedBy], ['verified', signedBy], `byte ${at}`)
  }
  assert.ok(refusals > 20)
  await refused(
    verifyCms(signature, Buffer.from('{}'), [fleet.certificate], signal),
    'artifact-signature',
    /changed/,
  )
  const more = Buffer.concat([signature, Buffer.alloc(1)])
  await refused(verifyCms(more, content, [fleet.certificate], signal), 'artifact-damaged', /nothing else/)
})

test('nothing of a check stays on the disk, whatever came of it', { skip }, async () => {
  const fleet = authority('fleet')
  const signature = await signed(fleet.issue('signer'))
  const mine = async () => {
    const found = await readdir(tmpdir())
    return found.filter((name) => name.startsWith('drover-cms.') && name.includes(`-${process.pid}-`))
  }
  await verifyCms(signature, content, [fleet.certificate], signal)
  await refused(verifyCms(Buffer.from([0x30, 0]), content, [], signal), 'artifact-damaged', /CMS/)
  const controller = new AbortController()
  const checking = verifyCms(signature, content, [fleet.certificate], controller.signal)
  controller.abort(new Error('told so'))
  await assert.rejects(checking, /told so/)
  assert.deepEqual(await mine(), [])
})
