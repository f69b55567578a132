import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type PackageOptions,
  openArtifact,
  packageArtifact,
  signArtifact,
  writeMender,
} from '../../src/artifact/artifact.ts'
import { Failure, digestOfFile, plainContext, run, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { craft, image, tar } from './craft.ts'
import { ec, other, rsa } from './keys.ts'
import { ecForms, passphrase } from './openssl-keys.ts'

const tool = (args: string[]) => runOk('mender-artifact', args, { what: `mender-artifact ${args.join(' ')}` })

async function prepared(t: TestContext, signingKey?: string) {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  await writeFile(at('rootfs.ext4'), image(3_000_000))
  await writeFile(at('rsa.pub'), rsa.public)
  await writeFile(at('ec.pub'), ec.public)
  await writeFile(at('rsa.key'), rsa.pkcs1)
  const options = {
    source: at('rootfs.ext4'),
    output: at('os.mender'),
    name: 'release-1',
    deviceTypes: ['board', 'board-2'],
    compression: 'gzip',
    signing: { key: signingKey },
    verify: true,
  } as const
  const written = await writeMender(options, plainContext())
  return { folder, at, options, written, path: written.path }
}

/** A context that remembers what it was told. */
function listening() {
  const said: string[] = []
  const context = plainContext()
  const log = { ...context.log, info: (line: string) => void said.push(line) }
  return { said, context: { ...context, log } }
}

for (const [kind, key, publicKey] of [
  ['RSA', rsa.pkcs1, 'rsa.pub'],
  ['ECDSA', ec.pkcs8, 'ec.pub'],
] as const) {
  test(`signed with ${kind} later is the same bytes as signed at once, and mender-artifact validates it`, async (t) => {
    const { at, options, written, path } = await prepared(t)
    const atOnce = await writeMender(
      { ...options, output: at('at-once.mender'), signing: { key } },
      plainContext(),
    )
    const signed = await signArtifact(path, { signing: { key } }, plainContext())
    assert.deepEqual(signed, { ...atOnce, path, isChanged: true })
    assert.deepEqual(await readFile(path), await readFile(atOnce.path))
    assert.equal(signed.contentDigest, written.contentDigest)
    assert.notEqual(signed.sha256, written.sha256)
    if (needs('mender-artifact')) return
    await tool(['validate', '-k', at(publicKey), path])
  })
}

test("a laboratory's signature gives way to the production one, and only that changes", async (t) => {
  const { at, path, written } = await prepared(t, other.pkcs8)
  const { said, context } = listening()
  const output = at('production.mender')
  const signed = await signArtifact(path, { signing: { key: ec.pkcs8 }, output }, context)
  assert.match(said.join('\n'), /has a signature by another key: it is replaced/)
  assert.equal(signed.contentDigest, written.contentDigest)
  assert.equal(
    (await openArtifact(output, { verifyKeys: [ec.public] })).signedBy,
    (await openArtifact(output, { verifyKeys: [ec.public, other.public] })).signedBy,
  )
  await assert.rejects(openArtifact(output, { verifyKeys: [other.public] }), { reason: 'artifact-unsigned' })
  assert.equal(await digestOfFile(path), written.sha256, 'the source stays as it was')
})

test(
  'signed again with the same key stays as it is, whoever signs',
  { skip: needs('openssl') },
  async (t) => {
    const { folder, at, path } = await prepared(t)
    await writeFile(at('ec.key'), ec.pkcs8)
    const external = {
      command: ['openssl', 'dgst', '-sha256', '-sign', 'ec.key'],
      folder,
      publicKey: ec.public,
    }
    const first = await signArtifact(path, { signing: external }, plainContext())
    const before = await stat(path, { bigint: true })
    for (const signing of [external, { key: ec.pkcs8 }, { command: ['false'], publicKey: ec.public }]) {
      const again = await signArtifact(path, { signing }, plainContext())
      assert.deepEqual(again, { ...first, isChanged: false })
    }
    const { ino, mtimeNs } = await stat(path, { bigint: true })
    assert.deepEqual([ino, mtimeNs], [before.ino, before.mtimeNs])
    const copy = await signArtifact(path, { signing: external, output: at('copy.mender') }, plainContext())
    assert.deepEqual([copy.sha256, copy.isChanged], [first.sha256, true])
  },
)

test(
  'what mender-artifact wrote is signed as mender-artifact signs it',
  { skip: needs('mender-artifact') },
  async (t) => {
    const { at } = await prepared(t)
    const path = at('theirs.mender')
    await writeFile(at('script'), '#!/bin/sh\n')
    for (const compression of ['gzip', 'none', 'lzma']) {
      const made = ['-n', 'release-1', '-t', 'board', '-f', at('rootfs.ext4'), '-o', path]
      await tool(['--compression', compression, 'write', 'rootfs-image', ...made])
      const before = await openArtifact(path)
      const theirs = await readFile(path)
      const ours = await signArtifact(
        path,
        { signing: { key: rsa.pkcs8 }, output: at('ours.mender') },
        plainContext(),
      )
      assert.equal(ours.contentDigest, before.contentDigest)
      await tool(['validate', '-k', at('rsa.pub'), at('ours.mender')])
      await tool(['sign', '-k', at('rsa.key'), '-o', at('signed.mender'), path])
      assert.deepEqual(await membersOf(at('ours.mender')), await membersOf(at('signed.mender')))
      assert.deepEqual(await readFile(path), theirs)
      // and what it signed is signed anew here
      await signArtifact(at('signed.mender'), { signing: { key: ec.pkcs8 } }, plainContext())
      await tool(['validate', '-k', at('ec.pub'), at('signed.mender')])
    }
  },
)

test('a link to an artifact stays a link, and the file behind it is signed', async (t) => {
  const { at, path } = await prepared(t)
  await symlink(path, at('link.mender'))
  const signed = await signArtifact(at('link.mender'), { signing: { key: ec.pkcs8 } }, plainContext())
  assert.equal(signed.sha256, await digestOfFile(path))
})

test('a file that is not whole is refused before anybody signs it, and nothing changes', async (t) => {
  const { folder, at, path } = await prepared(t)
  const whole = await readFile(path)
  const changed = Buffer.from(whole)
  changed[whole.length - 4000] = (changed[whole.length - 4000] ?? 0) ^ 1
  const touch = { command: ['touch', at('asked')], publicKey: ec.public }
  for (const bytes of [changed, whole.subarray(0, -2048), Buffer.concat([whole, Buffer.from('x')])]) {
    await writeFile(path, bytes)
    const before = await readdir(folder)
    await assert.rejects(signArtifact(path, { signing: touch }, plainContext()), {
      reason: 'artifact-damaged',
    })
    assert.deepEqual(await readdir(folder), before)
    assert.deepEqual(await readFile(path), bytes)
  }
  await assert.rejects(signArtifact(at('none'), { signing: touch }, plainContext()), {
    reason: 'file-missing',
  })
  await assert.rejects(signArtifact(path, { signing: {} }, plainContext()), { reason: 'bad-input' })
})

test('an abort leaves the file as it was', async (t) => {
  const { folder, path } = await prepared(t)
  const before = await readdir(folder)
  const digest = await digestOfFile(path)
  for (const afterMs of [0, 5, 20, 40]) {
    const controller = new AbortController()
    const signing = { command: ['sleep', '30'], publicKey: ec.public }
    setTimeout(() => controller.abort(new Failure('cancelled', 'enough')), afterMs)
    const context = plainContext({ signal: controller.signal })
    await assert.rejects(signArtifact(path, { signing }, context), { reason: 'cancelled' })
    assert.deepEqual([await readdir(folder), await digestOfFile(path)], [before, digest])
  }
})

test('an update file as the source is signed; what signing cannot change is refused', async (t) => {
  const { at, path, written } = await prepared(t)
  const options: PackageOptions = { format: 'mender', source: path, deviceTypes: [], compression: 'gzip' }
  const pack = (more: Partial<PackageOptions>) => packageArtifact({ ...options, ...more }, plainContext())
  const signing = { key: ec.pkcs8 }
  const optionsFile = at('options.yml')
  await writeFile(optionsFile, 'artifact-group: production\n')
  for (const [more, message] of [
    [{}, /give a signing key/],
    [{ signing, name: 'release-2' }, /leave out the name release-2 \(its name is release-1\)/],
    [{ signing, deviceTypes: ['board'] }, /the device types board \(it is for board, board-2\)/],
    [{ signing, compression: 'none' }, /the compression none \(it has gzip\)/],
    [{ signing, format: 'rauc' }, /the format rauc/],
    [{ signing, optionsFile }, /the option artifact-group/],
  ] as const) {
    await assert.rejects(pack(more), { reason: 'bad-input', message })
    assert.equal(await digestOfFile(path), written.sha256)
  }
  const same = { signing, name: 'release-1', deviceTypes: ['board-2', 'board'] }
  const signed = await pack({ ...same, output: at('signed.mender') })
  assert.deepEqual([signed.path, signed.contentDigest], [at('signed.mender'), written.contentDigest])
  assert.equal((await pack(same)).path, path)
  assert.equal((await openArtifact(path, { verifyKeys: [ec.public] })).signature, 'verified')
})

test('a source that only begins like an update file is packed, not signed', async (t) => {
  const { at } = await prepared(t)
  const squashfs = Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(8188)])
  for (const [name, bytes] of Object.entries({
    'squashfs.img': squashfs,
    'initramfs.cpio': Buffer.from(`070701${'0'.repeat(104)}init\0${'0'.repeat(600)}`),
    'other.tar': tar([{ name: 'version', content: '1.0' }]),
  })) {
    await writeFile(at(name), bytes)
    const { payloads } = await openArtifact(
      (
        await packageArtifact(
          {
            format: 'mender',
            source: at(name),
            deviceTypes: ['board'],
            compression: 'gzip',
            output: at('out.mender'),
          },
          plainContext(),
        )
      ).path,
    )
    assert.equal(payloads[0]?.files[0]?.checksum, createHash('sha256').update(bytes).digest('hex'))
  }
})

test('the action signs with a passphrase from the environment, and shows neither key nor passphrase', async (t) => {
  const { path, written, at } = await prepared(t)
  const { encrypted, public: publicKey } = ecForms()
  const key = encrypted['SEC1, AES'] ?? ''
  const inputs = { source: path, 'device-types': 'board, board-2', 'signing-key': key }
  const refused = await runInRunner('package-artifact', { inputs })
  assert.equal(refused.outputs['failure-reason'], 'bad-key', refused.log)
  const env = { DROVER_SIGNING_KEY_PASSPHRASE: passphrase }
  const signed = await runInRunner('package-artifact', { inputs, env })
  assert.equal(signed.code, 0, signed.log)
  assert.deepEqual(
    [signed.outputs['changed'], signed.outputs['content-digest']],
    ['true', written.contentDigest],
  )
  assert.equal((await openArtifact(path, { verifyKeys: [publicKey] })).signature, 'verified')
  const again = await runInRunner('package-artifact', { inputs, env })
  assert.deepEqual([again.code, again.outputs['changed']], [0, 'false'], again.log)
  const wrong = { DROVER_SIGNING_KEY_PASSPHRASE: 'not this one' }
  const failed = await runInRunner('package-artifact', { inputs: { ...inputs, output: at('x') }, env: wrong })
  assert.equal(failed.outputs['failure-reason'], 'bad-key')
  for (const { masks, log, summary } of [signed, again])
    assertHidden(passphrase, key, { masks, log, summary })
  assertHidden('not this one', key, failed)
})

function assertHidden(
  secret: string,
  key: string,
  said: { masks: string[]; log: string; summary: string },
): void {
  assert.ok(said.masks.includes(secret))
  const lines = key.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'))
  const shown = said.log.replace(/^::add-mask::.*$/gm, '') + said.summary
  for (const text of [secret, ...lines]) assert.ok(!shown.includes(text))
}

/** Names and contents of the outer members. */
async function membersOf(path: string): Promise<string> {
  const list = await run('tar', ['-tf', path])
  const sum = await run('sh', [
    '-c',
    'for m in $(tar -tf "$0"); do tar -xOf "$0" "$m" | sha256sum; done',
    path,
  ])
  return list.stdout + sum.stdout
}

test('an artifact with a header of another writer keeps its bytes around the signature', async (t) => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'crafted.mender')
  const before = craft()
  await writeFile(path, before)
  await signArtifact(path, { signing: { key: ec.pkcs8 } }, plainContext())
  const after = await readFile(path)
  const manifestEnd = before.indexOf('header.tar.gz\0')
  assert.deepEqual(after.subarray(0, manifestEnd), before.subarray(0, manifestEnd))
  assert.deepEqual(after.subarray(manifestEnd + 1024), before.subarray(manifestEnd))
})
