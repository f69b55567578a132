// Programs that sign: the real openssl in several ways, and small ones that do each thing that a signer can do wrong.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type Signing,
  artifactOptionsSchema,
  openArtifact,
  packageArtifact,
  writeMender,
} from '../../src/artifact/artifact.ts'
import { Failure, parseYaml, plainContext, run, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { until } from '../support/until.ts'
import { image } from './craft.ts'
import { ec, other, rsa } from './keys.ts'

const skip = needs('openssl')

async function prepared(t: TestContext) {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  const options = {
    source: at('rootfs.ext4'),
    output: at('out.mender'),
    name: 'release-1',
    deviceTypes: ['board'],
    compression: 'gzip',
  } as const
  const files = {
    'rootfs.ext4': image(5000),
    'rsa.key': rsa.pkcs8,
    'ec.key': ec.sec1,
    'other.key': other.pkcs8,
    'rsa.pub': rsa.public,
    'ec.pub': ec.public,
  }
  for (const [name, content] of Object.entries(files)) await writeFile(at(name), content)
  const write = (signing: Signing, signal = new AbortController().signal) =>
    writeMender({ ...options, signing: { folder, ...signing } }, plainContext({ signal }))
  const failureOf = async (signing: Signing) => {
    const before = await readdir(folder)
    const failure: unknown = await write({ publicKey: ec.public, ...signing }).catch(
      (error: unknown) => error,
    )
    assert.ok(failure instanceof Failure, String(failure))
    assert.deepEqual(await readdir(folder), before)
    return failure
  }
  return { folder, at, options, write, failureOf }
}

const tell = (program: string, args: string[]) =>
  runOk(program, args, { what: `${program} ${args.join(' ')}` })
const sh = (script: string) => ['sh', '-c', script]

test('openssl signs as an external program, in each of its ways', { skip }, async (t) => {
  const { at, write } = await prepared(t)
  const dgst = (key: string) => ['openssl', 'dgst', '-sha256', '-sign', key]
  const pkeyutl = (key: string) => [
    'openssl',
    'pkeyutl',
    '-sign',
    '-rawin',
    '-digest',
    'sha256',
    '-inkey',
    key,
  ]
  const digestFirst = (key: string) =>
    sh(`openssl dgst -sha256 -binary | openssl pkeyutl -sign -pkeyopt digest:sha256 -inkey ${key}`)
  for (const [kind, publicKey] of Object.entries({ rsa: rsa.public, ec: ec.public })) {
    const made = new Set<string>()
    for (const command of [
      dgst(`${kind}.key`),
      [...dgst(`${kind}.key`), '/dev/stdin'],
      [...pkeyutl(`${kind}.key`), '-in', '/dev/stdin'],
      digestFirst(`${kind}.key`),
      sh(`openssl dgst -sha256 -sign ${kind}.key | base64`),
      sh(`openssl dgst -sha256 -sign ${kind}.key | base64 -w0 | tr +/ -_`),
    ]) {
      const { path } = await write({ command, publicKey })
      const { signature } = await openArtifact(path, { verifyKeys: [publicKey] })
      assert.equal(signature, 'verified', command.join(' '))
      made.add((await readFile(path)).toString('base64'))
      const { code } = await run('mender-artifact', ['validate', '-k', at(`${kind}.pub`), path])
      assert.equal(code, 0)
    }
    // RSA has one signature for each file, ECDSA as many as there are numbers
    assert.ok(kind === 'ec' || made.size === 1)
  }
})

test('an ECDSA signature may be r and s, too', { skip }, async (t) => {
  const { at, write } = await prepared(t)
  await writeFile(
    at('sign.mjs'),
    `import { sign } from 'node:crypto'
     import { readFileSync } from 'node:fs'
     const key = readFileSync('ec.key', 'utf8')
     process.stdout.write(sign('sha256', readFileSync(0), { key, dsaEncoding: 'ieee-p1363' }))`,
  )
  const { path } = await write({ command: [process.execPath, 'sign.mjs'], publicKey: ec.public })
  assert.equal((await openArtifact(path, { verifyKeys: [ec.public] })).signature, 'verified')
})

test(
  'a token signs through PKCS#11, as the documentation shows',
  { skip: needs('openssl', 'pkcs11-tool', 'softhsm2-util') },
  async (t) => {
    const { folder, at, write } = await prepared(t)
    await mkdir(at('tokens'))
    await writeFile(at('softhsm2.conf'), `directories.tokendir = ${at('tokens')}\n`)
    const module = '/usr/lib/softhsm/libsofthsm2.so'
    const env = { SOFTHSM2_CONF: at('softhsm2.conf'), TOKEN_PIN: '1234', TOKEN_MODULE: module }
    Object.assign(process.env, env)
    t.after(() => {
      for (const name of Object.keys(env)) Reflect.deleteProperty(process.env, name)
    })
    await tell('softhsm2-util', [
      '--init-token',
      '--free',
      '--label',
      'fleet',
      '--pin',
      '1234',
      '--so-pin',
      '5678',
    ])
    const token = ['--module', module, '--token-label', 'fleet', '--login', '--pin', 'env:TOKEN_PIN']
    await tell('pkcs11-tool', [
      ...token,
      '--keypairgen',
      '--key-type',
      'EC:prime256v1',
      '--label',
      'artifacts',
    ])
    await tell('pkcs11-tool', [
      ...token,
      '--read-object',
      '--type',
      'pubkey',
      '--label',
      'artifacts',
      '-o',
      at('pub'),
    ])
    const publicKey = await tell('openssl', ['pkey', '-pubin', '-inform', 'DER', '-in', at('pub')])
    const shown = documentedSigners().find(({ command = [] }) => command.join(' ').includes('pkcs11-tool'))
    const { path } = await write({ command: shown?.command, folder, publicKey })
    assert.equal((await openArtifact(path, { verifyKeys: [publicKey] })).signature, 'verified')
  },
)

test(
  'every signer that the documentation shows is an option, and plain openssl signs as shown',
  { skip },
  async (t) => {
    const { at, write } = await prepared(t)
    const [first, ...others] = documentedSigners()
    assert.ok(others.length >= 4)
    const command = first?.command?.map((word) => word.replace('/run/keys/production.key', at('ec.key')))
    const { path } = await write({ command, publicKey: ec.public })
    assert.equal((await openArtifact(path, { verifyKeys: [ec.public] })).signature, 'verified')
  },
)

/** The options files in docs/artifacts.md that name a signer, in their order. */
function documentedSigners() {
  const text = readFileSync(join(import.meta.dirname, '../../docs/artifacts.md'), 'utf8')
  const blocks = [...text.matchAll(/^```yaml\n((?:#.*\n+)?signing:\n[\s\S]*?)^```/gm)].map(
    ([, block = '']) => block,
  )
  return blocks.flatMap(
    (block) => parseYaml(block, 'docs/artifacts.md', artifactOptionsSchema).value.signing ?? [],
  )
}

test('an answer that is no signature by the public key never becomes a file', { skip }, async (t) => {
  const { failureOf } = await prepared(t)
  const pss = ['-sigopt', 'rsa_padding_mode:pss']
  for (const [command, message, publicKey = ec.public] of [
    [['openssl', 'dgst', '-sha256', '-sign', 'other.key'], /signature that the public key does not verify/],
    [['openssl', 'dgst', '-sha512', '-sign', 'ec.key'], /signature that the public key does not verify/],
    [sh('head -c 20 | openssl dgst -sha256 -sign ec.key'), /signature that the public key does not verify/],
    [['openssl', 'dgst', '-sha256', '-sign', 'rsa.key'], /256 bytes that are no ECDSA P-256 signature/],
    [['openssl', 'dgst', '-sha256', '-sign', 'ec.key'], /bytes that are no RSA 2048 signature/, rsa.public],
    [['openssl', 'dgst', '-sha256', '-sign', 'rsa.key', ...pss], /signed with RSA-PSS/, rsa.public],
    [['true'], /answered with 0 bytes/],
    [['echo', 'done.'], /answered with 6 bytes/],
    [['head', '-c', '64', '/dev/zero'], /signature that the public key does not verify/],
    [['cat', '/dev/zero'], /answered with more than 65536 bytes/],
  ] as const) {
    const failure = await failureOf({ command, publicKey })
    assert.equal(failure.reason, 'signing-failed', failure.message)
    assert.match(failure.message, message)
  }
})

test('a signer that fails is named with its last words, which can do nothing to a terminal', async (t) => {
  const { folder, failureOf } = await prepared(t)
  const script = `printf 'first\\n\\033[31mAccessDenied: no such key\\033[0m\\n::error::x\\n' >&2; echo half; exit 3`
  const failure = await failureOf({ command: sh(script) })
  assert.equal(failure.reason, 'signing-failed')
  assert.match(failure.message, /^the external signer sh failed: first \/ .*AccessDenied: no such key/)
  // oxlint-disable-next-line no-control-regex -- what must not be there
  assert.doesNotMatch(failure.message, /[\u0000-\u001f]/)
  assert.match((await failureOf({ command: ['false'] })).message, /ended with 1 and said nothing/)
  const missing = await failureOf({ command: ['no-such-signer', '--pin=1234'] })
  assert.equal(missing.reason, 'missing-tool')
  assert.doesNotMatch(missing.message, /1234/)
  assert.equal((await failureOf({ command: ['./no-such-signer'] })).reason, 'missing-tool')
  assert.equal((await failureOf({ command: [`${folder}/rsa.key`] })).reason, 'missing-tool')
})

test('a signer that gives no answer in time is ended with all its children', async (t) => {
  const { at, failureOf } = await prepared(t)
  const elsewhere = await temporaryFolder(t)
  const command = sh(`echo $$ > ${elsewhere}/pid; sleep 60 & sleep 60`)
  const failure = await failureOf({ command, timeoutMs: 400 })
  assert.equal(failure.reason, 'signing-failed')
  assert.match(failure.message, /gave no answer within 0.4s and was ended/)
  const group = Number(await readFile(join(elsewhere, 'pid'), 'utf8'))
  await gone(group)
  assert.ok(!existsSync(at('out.mender')))
})

test('an abort ends the signer, and nothing is left', async (t) => {
  const { folder, write, at } = await prepared(t)
  const before = await readdir(folder)
  await mkdir(at('elsewhere'))
  const controller = new AbortController()
  const signing = { command: sh('echo $$ > elsewhere/pid; sleep 60'), publicKey: ec.public }
  const work = write(signing, controller.signal)
  work.catch(() => {})
  const group = await until(
    'the signer',
    async () => Number(await readFile(at('elsewhere/pid'), 'utf8').catch(() => '')) || undefined,
  )
  controller.abort(new Failure('cancelled', 'enough'))
  await assert.rejects(work, { reason: 'cancelled' })
  await gone(group)
  assert.deepEqual((await readdir(folder)).sort(), [...before, 'elsewhere'].sort())
})

test('a signer sees its own credentials and none of ours', async (t) => {
  const { at, failureOf } = await prepared(t)
  const ours = {
    DROVER_SIGNING_KEY: 'our key',
    DROVER_SIGNING_KEY_PASSPHRASE: 'our passphrase',
    'INPUT_SIGNING-KEY': 'our key',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'our token',
    ACTIONS_RUNTIME_TOKEN: 'our token',
  }
  Object.assign(process.env, ours, { VAULT_TOKEN: 'its own' })
  t.after(() => {
    for (const name of [...Object.keys(ours), 'VAULT_TOKEN']) Reflect.deleteProperty(process.env, name)
  })
  await mkdir(at('seen'))
  await failureOf({ command: sh('env > seen/env') })
  const seen = await readFile(at('seen/env'), 'utf8')
  assert.match(seen, /^VAULT_TOKEN=its own$/m)
  for (const name of Object.keys(ours)) assert.ok(!seen.includes(name), name)
  assert.doesNotMatch(seen, /our (key|passphrase|token)/)
})

test('the options file names the signer, with paths that are relative to it', { skip }, async (t) => {
  const { at, options } = await prepared(t)
  await mkdir(at('config'))
  await writeFile(at('config/sign.sh'), '#!/bin/sh\nexec openssl dgst -sha256 -sign ../ec.key\n')
  await chmod(at('config/sign.sh'), 0o755)
  const optionsFile = at('config/options.yml')
  await writeFile(optionsFile, 'signing:\n  command: [./sign.sh]\n  public-key: ../ec.pub\n  timeout: 30s\n')
  const { path } = await packageArtifact({ ...options, format: 'mender', optionsFile }, plainContext())
  assert.equal((await openArtifact(path, { verifyKeys: [ec.public] })).signature, 'verified')
  const both = { ...options, format: 'mender', optionsFile, signing: { key: ec.pkcs8 } } as const
  await assert.rejects(packageArtifact(both, plainContext()), {
    reason: 'bad-input',
    message: /both a signing key and a signing command/,
  })
})

test('what is wrong in the section is told with its line', async (t) => {
  const { at, options } = await prepared(t)
  const optionsFile = at('options.yml')
  for (const [yaml, line, message] of [
    ['signing:\n  command: openssl dgst\n  public-key: ec.pub', 2, /write it as a list/],
    ['signing:\n  command: []\n  public-key: ec.pub', 2, /names no program/],
    ['signing:\n  command: [x, 5]\n  public-key: ec.pub', 2, /in quotes/],
    ['signing:\n  command: [x]', 1, /needs public-key/],
    ['signing:\n  public-key: ec.pub', 1, /there is none/],
    ['signing:\n  command: [x]\n  public-key: ec.pub\n  timeout: soon', 4, /30s or 5m/],
    ['signing:\n  comand: [x]', 2, /not a known key/],
    ['signing:\n  key: x', 2, /not a known key/],
  ] as const) {
    await writeFile(optionsFile, yaml)
    const failure: unknown = await packageArtifact(
      { ...options, format: 'mender', optionsFile },
      plainContext(),
    ).catch((error: unknown) => error)
    assert.ok(failure instanceof Failure && failure.reason === 'invalid-file', String(failure))
    assert.ok(
      failure.problems.some((problem) => problem.line === line && message.test(problem.message)),
      JSON.stringify(failure.problems),
    )
  }
  await writeFile(optionsFile, 'signing:\n  command: [x]\n  public-key: none.pub')
  await assert.rejects(packageArtifact({ ...options, format: 'mender', optionsFile }, plainContext()), {
    reason: 'file-missing',
    message: /signing.public-key, .*none\.pub: there is no such file/,
  })
})

/** Waits until no process of the group is left; an orphan stays a moment until somebody takes note of its end. */
async function gone(group: number): Promise<void> {
  await until(`the end of group ${group}`, () => {
    try {
      process.kill(-group, 0)
      return false
    } catch {
      return true
    }
  })
}
