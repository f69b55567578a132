import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actionNames, manifest } from '../../src/action/action.ts'
import { runnerHost } from '../../src/action/runner-host.ts'
import { runInRunner } from '../support/runner.ts'

for (const name of actionNames) {
  const required = Object.entries(manifest[name].inputs)
    .filter(([, { required }]) => required)
    .map(([input]) => input)
  if (required.length === 0) continue

  test(
    `${name} without its inputs names each of them and its environment variable`,
    { skip: required.length === 0 ? 'it needs no input' : false },
    async () => {
      const { code, outputs, errors, log } = await runInRunner(name)
      assert.equal(code, 1)
      assert.equal(outputs['failure-reason'], 'bad-input')
      assert.equal(errors.length, 1, log)
      for (const input of required) {
        assert.match(
          errors[0]?.message ?? '',
          new RegExp(`\\b${input} \\(environment: INPUT_${input.toUpperCase()}`),
        )
      }
    },
  )
}

test('of a user and a password all that travels is masked, and the name is not', async () => {
  const token = 'drover:very-secret-password'
  const { masks } = await runInRunner('upload-artifact', {
    inputs: { server: 'http://127.0.0.1:9', token, artifact: 'none.mender' },
  })
  for (const form of [token, 'very-secret-password', Buffer.from(token).toString('base64')])
    assert.ok(masks.includes(form), form)
  assert.equal(masks.includes('drover'), false)
})

test('a token is masked before anything else is said', async () => {
  const { log, masks } = await runInRunner('upload-artifact', {
    inputs: { server: 'http://127.0.0.1:9', token: 'very-secret-token', artifact: 'none.mender' },
  })
  assert.ok(masks.includes('very-secret-token'))
  assert.equal(log.replaceAll('::add-mask::very-secret-token', '').includes('very-secret-token'), false)
})

test('a failed action says its reason once as an error, in its outputs and in the summary', async () => {
  const { code, outputs, errors, summary } = await runInRunner('package-artifact', {
    inputs: { source: 'no-such-image.ext4', 'device-types': 'pi' },
  })
  assert.equal(code, 1)
  assert.equal(errors.length, 1)
  assert.equal(outputs['failure-reason'], 'file-missing')
  assert.equal(outputs['changed'], 'false')
  assert.match(summary, /package-artifact: `file-missing`/)
})

test('a line from outside can not become a command of the runner', async (t) => {
  const said: string[] = []
  t.mock.method(process.stdout, 'write', (text: string) => said.push(text))
  const { log } = runnerHost()
  for (const line of ['::add-mask::x', '  ::error::x', 'x\n::stop-commands::y', 'a ##[error] b', 'a::b'])
    log.info(line)
  t.mock.restoreAll()
  const lines = said.join('').split('\n')
  assert.deepEqual(
    lines.filter((line) => /^\s*::|##\[/.test(line)),
    [],
  )
  assert.ok(lines.includes('a::b'))
})
