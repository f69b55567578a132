import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readFacts } from '../../src/ota/ota.ts'
import { openLab } from '../support/mender-lab.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('writes what all devices report, and counts the silent ones', async (t) => {
  const lab = await openLab(t)
  const [one, two] = [await lab.device({ release: 'os<b>' }), await lab.device()]
  await two.stop()
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'fleet.yml'), `server: { url: '${lab.url}' }\n`)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const inputs = { fleet: '.', token: lab.token, 'max-age': '1s', output: 'out/facts.json' }
  const { code, outputs, summary, log } = await runInRunner('gather-facts', { inputs, workspace })
  assert.equal(code, 0, log)
  const path = join(workspace, 'out/facts.json')
  assert.deepEqual(outputs, {
    facts: path,
    devices: '2',
    silent: '1',
    changed: 'false',
    'failure-reason': '',
  })
  const facts = await readFacts(path)
  assert.deepEqual(new Set(facts.devices.map(({ id }) => id)), new Set([one.key, two.key]))
  assert.match(summary, /2 devices, 1 silent/)
  assert.match(summary, /os&lt;b&gt;/)
})

test('no server, no device and a token that is not accepted are failures', async (t) => {
  const lab = await openLab(t)
  const fails = async (inputs: Record<string, string>) => {
    const { code, outputs } = await runInRunner('gather-facts', { inputs: { token: lab.token, ...inputs } })
    assert.equal(code, 1)
    return outputs['failure-reason']
  }
  assert.equal(await fails({}), 'bad-input')
  assert.equal(await fails({ server: lab.url }), 'no-device-matched')
  assert.equal(await fails({ server: lab.url, token: 'wrong' }), 'bad-credentials')
  assert.equal(await fails({ server: lab.url, 'server-type': 'other' }), 'bad-input')
})
