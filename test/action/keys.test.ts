// Keys as inputs of an action: in the input, in files, in the environment; and that none of it is shown.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { ec, other, rsa } from '../artifact/keys.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** What becomes of an upload of a file that `ec` signed: `unreachable` once its signature was accepted. */
async function uploads(t: TestContext) {
  const workspace = await temporaryFolder(t)
  const at = (name: string) => join(workspace, name)
  for (const [name, content] of Object.entries({
    'rootfs.ext4': 'an image',
    'ec.pub': ec.public,
    'other.pub': other.public,
    'both.pem': `# the old one\n${other.public}# the new one\n${ec.public}`,
    'notes.txt': 'no key',
  })) {
    await writeFile(at(name), content)
  }
  await writeMender(
    {
      source: at('rootfs.ext4'),
      output: at('os.mender'),
      name: 'release-1',
      deviceTypes: ['board'],
      compression: 'gzip',
      signing: { key: ec.pkcs8 },
    },
    plainContext(),
  )
  return async (verifyKey: string) => {
    const inputs = {
      server: 'http://127.0.0.1:9',
      token: 'token',
      artifact: 'os.mender',
      'verify-key': verifyKey,
    }
    const { outputs, errors } = await runInRunner('upload-artifact', { inputs, workspace })
    return { reason: outputs['failure-reason'], message: errors[0]?.message ?? '' }
  }
}

test('several keys to verify with are given as texts, or as paths with commas or lines between', async (t) => {
  const upload = await uploads(t)
  for (const [verifyKey, reason, message] of [
    [`${other.public}${ec.public}`, 'unreachable', /./],
    ['other.pub, ec.pub', 'unreachable', /./],
    ['other.pub\nboth.pem\n', 'unreachable', /./],
    [`${other.public}${rsa.public}`, 'artifact-unsigned', /any of the 2 given keys/],
    ['other.pub', 'artifact-unsigned', /the given key/],
    ['ec.pub, none.pub', 'bad-input', /verify-key is neither .*: none\.pub \(there is no such file\)/],
    ['ec.pub, notes.txt', 'bad-key', /no PEM key/],
    [',', 'bad-input', /verify-key names no key/],
  ] as const) {
    const found = await upload(verifyKey)
    assert.equal(found.reason, reason, found.message)
    assert.match(found.message, message)
  }
})

test('a key whose first line was left out is taken for a path, and not quoted', async () => {
  const body = rsa.pkcs8.split('\n').slice(1, -2).join('\n')
  for (const key of [body, body.replaceAll('\n', ''), body.split('\n')[3] ?? '']) {
    const { outputs, log, summary } = await runInRunner('package-artifact', {
      inputs: { source: 'rootfs.ext4', 'device-types': 'board' },
      env: { DROVER_SIGNING_KEY: key },
    })
    assert.equal(outputs['failure-reason'], 'bad-input', log)
    assert.match(log, /signing-key is neither a PEM text nor a file that can be read/)
    for (const line of key.split('\n')) assert.ok(!(log + summary).includes(line.slice(0, 20)))
  }
})
