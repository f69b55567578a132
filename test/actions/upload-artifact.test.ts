import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { openArtifact } from '../../src/artifact/artifact.ts'
import { openLab } from '../support/mender-lab.ts'
import { runInRunner } from '../support/runner.ts'

test('uploads once, says what it is, and finds it again', async (t) => {
  const lab = await openLab(t)
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signingKey = keys.privateKey.export({ type: 'sec1', format: 'pem' }).toString()
  const verifyKey = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const path = await lab.artifact('os-2', { signingKey })
  const info = await openArtifact(path)
  const inputs = { server: lab.url, token: lab.token, artifact: path, 'verify-key': verifyKey }
  const first = await runInRunner('upload-artifact', { inputs })
  assert.equal(first.code, 0, first.log)
  const [artifact] = (await lab.server.release('os-2'))?.artifacts ?? []
  assert.deepEqual(first.outputs, {
    release: 'os-2',
    'artifact-id': artifact?.id,
    sha256: info.sha256,
    'content-digest': info.contentDigest,
    url: `${lab.url}/ui/releases/os-2`,
    changed: 'true',
    'failure-reason': '',
  })
  assert.match(first.summary, /Uploaded.*os-2/)
  assert.ok(first.masks.includes(lab.token))
  const second = await runInRunner('upload-artifact', { inputs })
  assert.deepEqual(second.outputs, { ...first.outputs, changed: 'false' })
})

test('a wrong token, a wrong file and no server are told apart', async (t) => {
  const lab = await openLab(t)
  const inputs = { server: lab.url, token: lab.token, artifact: await lab.artifact('os-2') }
  const fails = async (given: Record<string, string>) => {
    const { code, outputs, errors } = await runInRunner('upload-artifact', {
      inputs: { ...inputs, ...given },
    })
    assert.equal(code, 1)
    assert.equal(errors.length, 1)
    return outputs['failure-reason']
  }
  assert.equal(await fails({ token: 'wrong' }), 'bad-credentials')
  assert.equal(await fails({ artifact: 'nowhere.mender' }), 'file-missing')
  assert.equal(await fails({ artifact: import.meta.filename }), 'artifact-damaged')
  assert.equal(await fails({ server: 'http://127.0.0.1:1' }), 'unreachable')
  assert.equal(await fails({ server: 'http://ota.example.com' }), 'bad-input')
  assert.equal(await fails({ 'server-type': 'hawkbit' }), 'unexpected-reply')
  assert.equal(await fails({ 'server-type': 'other' }), 'bad-input')
  assert.deepEqual(await lab.server.releases(), [])
})
