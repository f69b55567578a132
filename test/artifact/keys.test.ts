import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Signing, openArtifact, publicKeyOf, writeMender } from '../../src/artifact/artifact.ts'
import { Failure, digestOf, plainContext, run } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image } from './craft.ts'
import { ec, other, rsa } from './keys.ts'
import { type KeyForms, certificate, ecForms, passphrase, rsaForms } from './openssl-keys.ts'

const skip = needs('openssl')

async function prepared(t: TestContext) {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, image(5000))
  const output = join(folder, 'out.mender')
  const write = (signing: Signing) =>
    writeMender(
      { source, output, name: 'release-1', deviceTypes: ['board'], compression: 'gzip', signing },
      plainContext(),
    )
  return { folder, write }
}

for (const [kind, formsOf] of [
  ['RSA', rsaForms],
  ['ECDSA', ecForms],
] as const) {
  test(`an ${kind} key signs the same in every form that openssl writes`, { skip }, async (t) => {
    const { write } = await prepared(t)
    const forms: KeyForms = formsOf()
    const made = new Set<string>()
    for (const [form, key] of Object.entries({ ...forms.plain, ...forms.encrypted })) {
      const { path } = await write({ key, passphrase })
      const { signature, signedBy } = await openArtifact(path, { verifyKeys: [forms.public] })
      assert.equal(signature, 'verified', form)
      assert.equal(signedBy, fingerprint(forms.public), form)
      made.add((await readFile(path)).toString('base64'))
    }
    assert.equal(made.size, 1)
    for (const key of Object.values(forms.plain)) assert.equal(publicKeyOf(key), forms.public)
  })

  test(
    `an encrypted ${kind} key without its passphrase is refused, and says what to do`,
    { skip },
    async (t) => {
      const { folder, write } = await prepared(t)
      for (const [form, key] of Object.entries(formsOf().encrypted)) {
        for (const [given, message] of [
          [
            undefined,
            /is encrypted: give its passphrase in the environment variable DROVER_SIGNING_KEY_PASSPHRASE/,
          ],
          ['', /is encrypted: give its passphrase/],
          ['Wrong Passphrase', /can't be opened with the passphrase in DROVER_SIGNING_KEY_PASSPHRASE/],
          [`${passphrase} `, /can't be opened/],
          ['x'.repeat(5000), /can't be opened/],
        ] as const) {
          const failure = await failureOf(write({ key, passphrase: given }))
          assert.equal(failure.reason, 'bad-key', form)
          assert.match(failure.message, message, form)
          assertNothingSecret(failure, key, given)
        }
      }
      assert.deepEqual(await readdir(folder), ['rootfs.ext4'])
    },
  )
}

test('a terminal is never asked for a passphrase', { skip: needs('openssl', 'script') }, async (t) => {
  const folder = await temporaryFolder(t)
  for (const [i, key] of Object.values(ecForms().encrypted).entries()) {
    await writeFile(join(folder, `${i}.pem`), key)
    const program = join(folder, 'program.ts')
    const face = join(import.meta.dirname, '../../src/artifact/artifact.ts')
    await writeFile(
      program,
      `import { readFileSync } from 'node:fs'
       import { signArtifact } from ${JSON.stringify(face)}
       const key = readFileSync(${JSON.stringify(join(folder, `${i}.pem`))}, 'utf8')
       await signArtifact('none', { signing: { key } }).catch((error) => console.log('said: ' + error.message))`,
    )
    const { stdout } = await run('script', ['-qec', `${process.execPath} ${program}`, '/dev/null'], {
      input: '',
    })
    assert.match(stdout, /^said: the signing key is encrypted/m)
    assert.doesNotMatch(stdout, /pass phrase/i)
  }
})

test('a key that cannot sign for a device is refused with what it is', async (t) => {
  const { write } = await prepared(t)
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const pairs = {
    ed: generateKeyPairSync('ed25519'),
    p384: generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
    k1: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    short: generateKeyPairSync('rsa', { modulusLength: 1024 }),
    pss: generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
  }
  const body = ec.pkcs8.split('\n')[1] ?? ''
  const der = createPrivateKey(ec.pkcs8).export({ type: 'pkcs8', format: 'der' }).toString('utf8')
  const openssh = ec.pkcs8.replaceAll('PRIVATE KEY', 'OPENSSH PRIVATE KEY')
  for (const [key, message] of [
    [pairs.ed.privateKey.export(pem).toString(), /signing key is ed25519/],
    [pairs.p384.privateKey.export(pem).toString(), /signing key is ec \(secp384r1\)/],
    [pairs.k1.privateKey.export(pem).toString(), /signing key is ec \(secp256k1\)/],
    [pairs.short.privateKey.export(pem).toString(), /signing key is RSA with 1024 bits/],
    [pairs.pss.privateKey.export(pem).toString(), /signing key is rsa-pss/],
    ['', /no PEM key.*: it is empty/],
    ['nonsense', /no PEM key.*: make one with/],
    [der, /no PEM key.*: it is DER: .*openssl pkey -inform DER/],
    [openssh, /no PEM key.*: it is in the form of OpenSSH: .*ssh-keygen -p -m PEM/],
    ['ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ user@host\n', /no PEM key.*: .*ssh-keygen -e -m PKCS8/],
    [body, /no PEM key/],
    ['pkcs11:token=laboratory;object=key', /is a PKCS#11 URI, which only RAUC/],
    [ec.public, /is a public key: give the private key/],
    [`${ec.pkcs8}${rsa.pkcs8}`, /holds 2 private keys/],
    [ec.pkcs8.slice(0, 120), /is cut off/],
    [ec.pkcs8.slice(0, 100) + rsa.pkcs8, /is cut off/],
    [ec.pkcs8.replace(body.slice(0, 20), ''), /no PEM key that can be read/],
    [ec.pkcs8.replace('PRIVATE KEY-----\n', 'PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n'), /is encrypted/],
  ] as const) {
    const failure = await failureOf(write({ key, passphrase: undefined }))
    assert.equal(failure.reason, 'bad-key', failure.message)
    assert.match(failure.message, message)
    assertNothingSecret(failure, key)
  }
})

test('one of several keys is enough to verify with, as key or certificate, in one text or in many', async (t) => {
  const { write } = await prepared(t)
  const { path } = await write({ key: ec.pkcs8 })
  const accepted = [
    [other.public, ec.public],
    [`${other.public}${rsa.public}\nthe new one:\n${ec.public}`],
    [other.public, certificate(ec.pkcs8)],
    [`${certificate(other.pkcs8)}${certificate(ec.pkcs8)}`],
    [ec.sec1],
  ]
  for (const verifyKeys of accepted) {
    const info = await openArtifact(path, { verifyKeys })
    assert.equal(info.signature, 'verified')
    assert.equal(info.signedBy, fingerprint(ec.public))
  }
  const { signature, signedBy } = await openArtifact(path)
  assert.deepEqual([signature, signedBy], ['unverified', undefined])
})

test('a file that none of several keys signed is refused, and so is a key that nothing can be verified with', async (t) => {
  const { write } = await prepared(t)
  const { path } = await write({ key: ec.pkcs8 })
  const ed = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
  for (const [verifyKeys, reason, message] of [
    [[other.public], 'artifact-unsigned', /not by the given key/],
    [[other.public, certificate(rsa.pkcs8)], 'artifact-unsigned', /not by any of the 2 given keys/],
    [[`${other.public}${rsa.public}`], 'artifact-unsigned', /not by any of the 2 given keys/],
    [[ec.public, ed], 'bad-key', /the key to verify with is ed25519/],
    [[ec.public, ''], 'bad-key', /no PEM key/],
    [[`${ec.public}${ed.slice(0, 60)}`], 'bad-key', /is cut off/],
    [[ecForms().encrypted['PKCS#8, AES'] ?? ''], 'bad-key', /give the public key instead/],
  ] as const) {
    const failure = await failureOf(openArtifact(path, { verifyKeys }))
    assert.deepEqual([failure.reason, message.test(failure.message)], [reason, true], failure.message)
  }
})

function fingerprint(publicKey: string): string {
  return digestOf(createPublicKey(publicKey).export({ type: 'spki', format: 'der' }))
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => new Error('it went well'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof Failure, String(error))
  return error
}

function assertNothingSecret(failure: Failure, key: string, given?: string): void {
  for (let at: unknown = failure; at instanceof Error; at = at.cause) {
    const text = `${at.message}\n${at.stack}`
    for (const line of key.split(/\r?\n/)) {
      if (line.length > 12 && !line.startsWith('-----')) assert.ok(!text.includes(line.slice(0, 12)), text)
    }
    if (given !== undefined && given.length > 6) assert.ok(!text.includes(given.trim()), text)
  }
}
