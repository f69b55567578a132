import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { openArtifact } from '../../src/artifact/artifact.ts'
import { Failure } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { authority } from './certificates.ts'
import { failure } from './failure.ts'
import { folderWithImage, judge, ours, signer, withoutRauc, writeIn } from './rauc.ts'

const bundles = { verity: Buffer.alloc(0), plain: Buffer.alloc(0) }
const verifyKeys = [ours.certificate]

before(async (t) => {
  if (withoutRauc || !('after' in t)) return
  for (const bundleFormat of ['verity', 'plain'] as const) {
    const folder = await folderWithImage(t)
    bundles[bundleFormat] = await readFile((await writeIn(folder, { bundleFormat })).path)
  }
})

function changed(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

const signatureBytes = (bundle: Buffer) => Number(bundle.readBigUInt64BE(bundle.length - 8))

test(
  'a changed payload of a verity bundle passes rauc info, and neither rauc extract nor us',
  { skip: withoutRauc },
  async (t) => {
    const path = join(await temporaryFolder(t), 'bundle.raucb')
    await writeFile(path, changed(bundles.verity, 300_000))
    assert.ok(judge('info', path).isTaken)
    assert.match(judge('extract', path).said, /payload is corrupted/)
    const block = Math.floor(300_000 / 4096) * 4096
    const expected = failure(
      'artifact-damaged',
      new RegExp(`the payload, byte ${block}:`),
      'artifact-checksum',
    )
    await assert.rejects(openArtifact(path, { verifyKeys }), expected)
    await assert.rejects(openArtifact(path), expected)
  },
)

test('a changed hash tree is found as rauc finds it', { skip: withoutRauc }, async (t) => {
  const path = join(await temporaryFolder(t), 'bundle.raucb')
  const { length } = bundles.verity
  for (const back of [1, 4096, 8192]) {
    await writeFile(path, changed(bundles.verity, length - 8 - signatureBytes(bundles.verity) - back))
    await assert.rejects(openArtifact(path), failure('artifact-damaged', /hash tree/, 'artifact-checksum'))
    assert.ok(!judge('extract', path).isTaken)
  }
})

test('a changed payload of a plain bundle passes neither rauc nor us', { skip: withoutRauc }, async (t) => {
  const path = join(await temporaryFolder(t), 'bundle.raucb')
  await writeFile(path, changed(bundles.plain, 300_000))
  assert.ok(!judge('info', path).isTaken)
  const expected = failure('artifact-unsigned', /changed after/, 'artifact-signature')
  await assert.rejects(openArtifact(path, { verifyKeys }), expected)
  await assert.rejects(openArtifact(path), expected)
})

test(
  'a single changed byte is refused, or it is where nothing that it says changes',
  { skip: withoutRauc },
  async (t) => {
    const path = join(await temporaryFolder(t), 'bundle.raucb')
    for (const bundle of Object.values(bundles)) {
      await writeFile(path, bundle)
      const whole = { ...(await openArtifact(path, { verifyKeys })), sha256: '' }
      const signature = bundle.length - 8 - signatureBytes(bundle)
      const outside = [0, 20, 24, 41, 96, 699_999, signature - 1, bundle.length - 8, bundle.length - 1]
      const step = signatureBytes(bundle) / 40
      const inside = Array.from({ length: 40 }, (_, i) => signature + Math.floor(step * i))
      let accepted = 0
      for (const at of [...outside, ...inside]) {
        await writeFile(path, changed(bundle, at))
        const info = await openArtifact(path, { verifyKeys }).catch((error: unknown) => {
          assert.ok(error instanceof Failure, `byte ${at}: ${String(error)}`)
        })
        if (info === undefined) continue
        accepted += 1
        assert.ok(inside.includes(at) && accepted < 4, `byte ${at}`)
        assert.deepEqual({ ...info, sha256: '' }, whole)
      }
    }
  },
)

test('a bundle that is cut off or goes on is refused with the place', { skip: withoutRauc }, async (t) => {
  const path = join(await temporaryFolder(t), 'bundle.raucb')
  for (const bundle of Object.values(bundles)) {
    for (const left of [4, 10, 95, 104, 5000, bundle.length - 1]) {
      await writeFile(path, bundle.subarray(0, left))
      await assert.rejects(
        openArtifact(path),
        { name: 'Failure', reason: 'artifact-damaged' },
        `${left} bytes`,
      )
    }
    for (const more of ['x', '\0'.repeat(8), '\0'.repeat(4096)]) {
      await writeFile(path, Buffer.concat([bundle, Buffer.from(more)]))
      await assert.rejects(openArtifact(path), { name: 'Failure', reason: 'artifact-damaged' })
      assert.ok(!judge('info', path).isTaken)
    }
    // within the signature's place, where rauc doesn't look
    const at = bundle.length - 8
    const size = Buffer.alloc(8)
    size.writeBigUInt64BE(BigInt(signatureBytes(bundle) + 3))
    await writeFile(path, Buffer.concat([bundle.subarray(0, at), Buffer.from('abc'), size]))
    await assert.rejects(openArtifact(path), { name: 'Failure', reason: 'artifact-damaged' })
  }
})

test(
  'a signature counts by the keyring, as for rauc, or by the signer’s own key',
  { skip: withoutRauc },
  async (t) => {
    const path = join(await temporaryFolder(t), 'bundle.raucb')
    const theirs = authority('theirs')
    for (const bundle of Object.values(bundles)) {
      await writeFile(path, bundle)
      const signatureBy = async (...keys: string[]) =>
        (await openArtifact(path, { verifyKeys: keys })).signature
      assert.equal(await signatureBy(), 'unverified')
      assert.equal(await signatureBy(ours.certificate), 'verified')
      assert.equal(await signatureBy(signer.publicKey), 'verified')
      assert.equal(await signatureBy(theirs.certificate, ours.certificate), 'verified')
      assert.equal(await signatureBy(theirs.certificate + ours.certificate), 'verified')
      const refused = failure('artifact-unsigned', /CN=ci/, 'artifact-wrong-key')
      await assert.rejects(signatureBy(theirs.certificate), refused)
      await assert.rejects(signatureBy(theirs.issue('x').publicKey), refused)
      assert.ok(!judge('info', path, theirs.certificate).isTaken)
      // a certificate that isn't an authority's is no anchor, for rauc neither
      await assert.rejects(signatureBy(signer.certificate), refused)
      assert.ok(!judge('info', path, signer.certificate).isTaken)
      await assert.rejects(signatureBy('no key'), failure('bad-key', /PEM/))
    }
  },
)

test('an expired certificate is refused, as rauc refuses it', { skip: withoutRauc }, async (t) => {
  const folder = await folderWithImage(t)
  const old = ours.issue('old', { from: '20200101000000Z', to: '20210101000000Z' })
  for (const format of ['verity', 'plain']) {
    const path = bundleBy(old, folder, `[update]\ncompatible=board\n[bundle]\nformat=${format}\n`)
    assert.match(judge('info', path).said, /certificate has expired/)
    const refused = failure('artifact-unsigned', /certificate has expired/, 'artifact-wrong-key')
    await assert.rejects(openArtifact(path, { verifyKeys }), refused)
    assert.equal((await openArtifact(path)).name, '')
  }
})

/** A bundle as somebody else makes it: with rauc alone. */
function bundleBy(who: { key: string; certificate: string }, folder: string, manifest: string): string {
  const script = `set -e; rm -rf in out.raucb; mkdir in; cp rootfs.ext4 in/; cat > in/manifest.raucm
    rauc bundle --cert cert.pem --key key.pem in out.raucb`
  execFileSync(
    'sh',
    [
      '-c',
      `cd "$1"; printf %s "$2" > key.pem; printf %s "$3" > cert.pem; ${script}`,
      'sh',
      folder,
      who.key,
      who.certificate,
    ],
    {
      input: `${manifest}[image.rootfs]\nfilename=rootfs.ext4\n`,
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  )
  return join(folder, 'out.raucb')
}

test(
  'a bundle that rauc alone made is read the same, whatever else its manifest says',
  { skip: withoutRauc },
  async (t) => {
    const folder = await folderWithImage(t)
    const texts = '[update]\ncompatible=Test Board\nversion=1.0 rc;1\ndescription=two\\nlines\nbuild=7\n'
    const path = bundleBy(signer, folder, `${texts}[meta.extra]\nkey=value\n[bundle]\nformat=verity\n`)
    const info = await openArtifact(path, { verifyKeys })
    assert.deepEqual(
      [info.name, info.deviceTypes, info.bundle],
      ['1.0 rc;1', ['Test Board'], { format: 'verity', description: 'two\nlines', build: '7' }],
    )
  },
)

test('an encrypted bundle is refused by name', { skip: withoutRauc }, async (t) => {
  const folder = await folderWithImage(t)
  const made = bundleBy(signer, folder, '[update]\ncompatible=board\n[bundle]\nformat=crypt\n')
  await assert.rejects(openArtifact(made), failure('bad-input', /crypt/))
  const [path, ring, device] = [join(folder, 'crypt.raucb'), join(folder, 'ring'), join(folder, 'device.pem')]
  await writeFile(ring, ours.certificate)
  await writeFile(device, ours.issue('device', { type: 'rsa' }).certificate)
  const args = ['encrypt', `--keyring=${ring}`, `--to=${device}`, made, path]
  execFileSync('rauc', args, { stdio: 'ignore' })
  await assert.rejects(openArtifact(path), failure('bad-input', /crypt/))
})
