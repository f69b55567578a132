import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readFacts } from '../../src/ota/ota.ts'
import { openLab } from '../support/mender-lab.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('writes what all devices report, and fails with those that are silent', async (t) => {
  const lab = await openLab(t)
  const [one, two] = [await lab.device({ release: 'os<b>' }), await lab.device()]
  await two.stop()
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'fleet.yml'), `server: { url: '${lab.url}' }\n`)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const inputs = { fleet: '.', token: lab.token, 'max-age': '1s', output: 'out/facts.json' }
  const { code, outputs, errors, summary, log } = await runInRunner('gather-facts', { inputs, workspace })
  assert.equal(code, 1, log)
  const path = join(workspace, 'out/facts.json')
  assert.deepEqual(outputs, {
    facts: path,
    devices: '2',
    silent: '1',
    changed: 'false',
    'failure-reason': 'device-silent',
  })
  assert.ok(errors[0]?.message.includes(two.key), errors[0]?.message)
  assert.ok(!errors[0]?.message.includes(one.key))
  const facts = await readFacts(path)
  assert.deepEqual(new Set(facts.devices.map(({ id }) => id)), new Set([one.key, two.key]))
  assert.match(summary, /2 devices, 1 silent/)
  assert.match(summary, /os&lt;b&gt;/)
  assert.match(log, /no inventory\.yml/)
  const counted = await runInRunner('gather-facts', { inputs: { ...inputs, 'max-age': '' }, workspace })
  assert.deepEqual([counted.code, counted.outputs['silent']], [0, '0'], counted.log)
})

test('compares with Git, and leaves a redacted copy beside the file', async (t) => {
  const lab = await openLab(t)
  const secret = { ipv4_eth0: '10.78.1.2/24' }
  const [one, stranger] = [await lab.device({ attributes: secret }), await lab.device()]
  const workspace = await temporaryFolder(t)
  const files = {
    'fleet.yml': `server: { url: '${lab.url}' }\n`,
    'inventory.yml': `all:
  vars: { os_image: os-1, subscribed_branch: main }
  hosts:
    kitchen: { device_id: ${one.key} }
    cellar: { device_id: ghost }
    attic: { device_id: gone, state: retired }
`,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(workspace, name), text)
  const inputs = { fleet: '.', token: lab.token }
  const { code, log, outputs, summary } = await runInRunner('gather-facts', { inputs, workspace })
  assert.equal(code, 0, log)
  assert.equal(outputs['devices'], '2')
  assert.match(summary, /In Git and not on the server:\n\n- cellar: ghost\n/)
  assert.ok(summary.includes(`On the server and not in Git:\n\n- ${stranger.key}\n`), summary)
  const copy = await readFile(join(workspace, 'facts.redacted.json'), 'utf8')
  assert.ok(!/10\.78|kitchen|SN-/.test(copy))
  assert.ok(copy.includes(one.key))
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
