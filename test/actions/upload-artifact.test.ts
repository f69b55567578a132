import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openArtifact } from '../../src/artifact/artifact.ts'
import { openLab } from '../support/mender-lab.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

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

test('a pattern uploads all artifacts of one release, and nothing where they are of several', async (t) => {
  const lab = await openLab(t)
  const workspace = await temporaryFolder(t)
  const put = async (name: string, release: string, deviceType: string) =>
    copyFile(
      await lab.artifact(release, { deviceTypes: [deviceType], content: `${release} ${deviceType}` }),
      join(workspace, name),
    )
  await put('b.mender', 'os-2', 'pi5')
  await put('a.mender', 'os-2', 'pi4')
  await mkdir(join(workspace, 'more'))
  await put('more/c [1].mender', 'os-2', 'beagle')
  const upload = (artifact: string) =>
    runInRunner('upload-artifact', { workspace, inputs: { server: lab.url, token: lab.token, artifact } })
  const { code, outputs, log, summary } = await upload('*.mender\nmore/c [1].mender\na.mender')
  assert.equal(code, 0, log)
  const infos = await Promise.all(
    ['a.mender', 'b.mender', 'more/c [1].mender'].map((name) => openArtifact(join(workspace, name))),
  )
  assert.equal(outputs['release'], 'os-2')
  assert.equal(outputs['sha256'], infos.map(({ sha256 }) => sha256).join('\n'))
  assert.equal(outputs['content-digest'], infos.map(({ contentDigest }) => contentDigest).join('\n'))
  assert.equal(new Set(outputs['artifact-id']?.split('\n')).size, 3)
  assert.equal(summary.match(/Uploaded:/g)?.length, 3)
  assert.equal((await lab.server.release('os-2'))?.artifacts.length, 3)
  assert.equal((await upload('**/*.mender')).outputs['changed'], 'false')

  const refused = async (artifact: string) => {
    const { outputs, errors } = await upload(artifact)
    return `${outputs['failure-reason']}: ${errors[0]?.message}`
  }
  await put('old.mender', 'os-1', 'pi4')
  assert.match(await refused('*.mender'), /^bad-input: .*release os-2.*old\.mender of os-1/)
  await rm(join(workspace, 'old.mender'))
  await put('twin.mender', 'os-2', 'pi4')
  assert.match(await refused('*.mender'), /^bad-input: .*a\.mender.*twin\.mender.*os-2 for pi4/)
  assert.match(await refused('*.swu\nx.mender'), /^file-missing: .*\*\.swu, x\.mender/)
  await writeFile(
    join(workspace, 'cut.mender'),
    (await readFile(join(workspace, 'b.mender'))).subarray(0, 4000),
  )
  assert.match(await refused('[bc]*.mender'), /^artifact-damaged/)
  assert.deepEqual(
    (await lab.server.releases()).map(({ name }) => name),
    ['os-2'],
  )
})
