import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openArtifact, signArtifact } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { undo } from '../support/undo.ts'
import { failure } from './failure.ts'
import { folderWithImage, judge, ours, withoutRauc, writeIn } from './rauc.ts'

const [module] = globSync('/usr/lib/{,*/}softhsm/libsofthsm2.so')
const [engine] = globSync('/usr/lib/*/engines-3/pkcs11.so')
const withoutToken =
  withoutRauc ||
  needs('softhsm2-util') ||
  (module === undefined || engine === undefined ? 'needs softhsm2 and libengine-pkcs11-openssl' : false)

/** A token in software that has the private key `rauc`; rauc and openssl of this process find it. */
async function token(t: TestContext, folder: string, key: string): Promise<void> {
  const tokens = join(folder, 'tokens')
  await mkdir(tokens)
  await writeFile(join(tokens, 'conf'), `directories.tokendir = ${tokens}\n`)
  await writeFile(join(tokens, 'key.pem'), key)
  const variables = {
    SOFTHSM2_CONF: join(tokens, 'conf'),
    RAUC_PKCS11_MODULE: module ?? '',
    RAUC_PKCS11_PIN: '493817',
  }
  Object.assign(process.env, variables)
  undo(t, () => Object.keys(variables).forEach((name) => delete process.env[name]))
  const pin = ['--pin', '493817']
  const quietly = { stdio: 'ignore' } as const
  execFileSync(
    'softhsm2-util',
    ['--init-token', '--free', '--label', 'ci', '--so-pin', '0000', ...pin],
    quietly,
  )
  const imported = ['--import', join(tokens, 'key.pem'), '--token', 'ci', '--label', 'rauc', '--id', '01']
  execFileSync('softhsm2-util', [...imported, ...pin], quietly)
}

test('a key that a token has makes bundles and signs them anew', { skip: withoutToken }, async (t) => {
  const folder = await folderWithImage(t)
  const tokened = ours.issue('token')
  await token(t, folder, tokened.key)
  const signing = { key: 'pkcs11:token=ci;object=rauc;type=private\n', certificate: tokened.certificate }
  for (const bundleFormat of ['verity', 'plain'] as const) {
    const made = await writeIn(folder, { signing, bundleFormat })
    assert.ok(judge('extract', made.path).isTaken)
    const other = await writeIn(folder, { bundleFormat })
    const signed = await signArtifact(other.path, { signing }, plainContext())
    assert.equal(signed.contentDigest, made.contentDigest)
    const info = await openArtifact(signed.path, { verifyKeys: [tokened.publicKey] })
    assert.equal(info.signature, 'verified')
    assert.ok(judge('extract', signed.path).isTaken)
  }
  const none = { ...signing, key: 'pkcs11:token=ci;object=none;type=private' }
  await assert.rejects(writeIn(folder, { signing: none }), failure('bad-key', /object=none/))
  process.env['RAUC_PKCS11_PIN'] = '000000'
  await assert.rejects(writeIn(folder, { signing }), (error: unknown) => {
    assert.ok(error instanceof Error && !error.message.includes('000000'))
    return failure('bad-key', /can't sign/)(error)
  })
})
