// mender-cli as people use it against the server.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import { type Artifact, acceptedDevice, fakeDevice, moduleArtifact, startLab } from './lab.ts'

test(
  'mender-cli logs in, uploads, lists and deletes artifacts, and lists devices',
  {
    skip: needs('mender-cli', 'mender-artifact'),
  },
  async (t) => {
    const lab = await startLab(t)
    const home = join(lab.folder, 'home')
    await mkdir(home)
    const cli = (...args: string[]) =>
      new Promise<{ code: number; output: string }>((resolve) => {
        const all = [...args, '--server', lab.server.url]
        const env = { PATH: process.env['PATH'], HOME: home }
        execFile('mender-cli', all, { env, cwd: home }, (error, stdout, stderr) =>
          resolve({ code: error ? 1 : 0, output: stdout + stderr }),
        )
      })
    const wrong = await cli('login', '--username', 'admin', '--password', 'wrong')
    assert.equal(wrong.code, 1)
    const login = await cli('login', '--username', 'admin', '--password', lab.server.token)
    assert.match(login.output, /login successful/)
    const session = await readFile(join(home, '.cache/mender/authtoken'), 'utf8')
    assert.equal(session.split('.').length, 3)

    await moduleArtifact(lab.folder, 'release-1')
    const file = join(lab.folder, 'artifact.mender')
    const upload = await cli('artifacts', 'upload', '--description', 'by hand', file)
    assert.equal(upload.code, 0, upload.output)
    const again = await cli('artifacts', 'upload', file)
    assert.match(again.output, /failed with status 409/)
    const list = await cli('artifacts', 'list', '--detail', '3')
    assert.equal(list.code, 0, list.output)
    assert.match(list.output, /Name: release-1/)
    const [artifact] = await lab.expect<Artifact[]>(200, 'GET', 'v1/deployments/artifacts')
    assert.equal(artifact?.description, 'by hand')
    const removal = await cli('artifacts', 'delete', artifact?.id ?? '')
    assert.equal(removal.code, 0, removal.output)
    assert.deepEqual(await lab.expect(200, 'GET', 'v1/deployments/artifacts'), [])

    const accepted = await acceptedDevice(lab, 'one')
    await fakeDevice(lab.server.url, 'two').authenticate()
    const devices = await cli('devices', 'list', '--detail', '3')
    assert.equal(devices.code, 0, devices.output)
    assert.match(devices.output, new RegExp(`ID: ${accepted.id}`))
    assert.match(devices.output, /accepted/)
    assert.match(devices.output, /pending/)
  },
)
