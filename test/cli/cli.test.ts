import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { actionNames } from '../../src/action/action.ts'
import { dist } from '../support/runner.ts'

async function drover(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(dist, 'drover.mjs'), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, ...said }
}

test('help lists every action', async () => {
  const { code, stdout } = await drover(['--help'])
  assert.equal(code, 0)
  for (const name of actionNames) assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
})

test("an action's help says what every input is", async () => {
  const { code, stdout } = await drover(['package-artifact', '--help'])
  assert.equal(code, 0)
  assert.match(stdout, /^ {2}--source +What the update brings/m)
  assert.match(stdout, /^ {2}--format +.*\n? .*Default: mender\./m)
  assert.ok(stdout.split('\n').every((line) => line.length <= 100))
})

test('a misspelt option or command is told with the one that was meant', async () => {
  const option = await drover(['package-artifact', '--device-typs', 'x'])
  assert.match(option.stderr, /no option --device-typs; did you mean --device-types\?/)
  const command = await drover(['pakage-artifact'])
  assert.match(command.stderr, /no command "pakage-artifact"; did you mean package-artifact\?/)
  assert.doesNotMatch((await drover(['install'])).stderr, /did you mean/)
})

test('an option that is given twice is refused, for only one of them would count', async () => {
  const keys = ['--verify-key', 'old.pub', '--verify-key', 'new.pub']
  const { code, stderr } = await drover(['verify-artifact', '--artifact', 'x', ...keys])
  assert.equal(code, 2)
  assert.match(stderr, /--verify-key was given twice/)
})

test('wrong usage ends with 2 and says what would be right', async () => {
  for (const args of [
    [],
    ['no-such-command'],
    ['constructor'],
    ['__proto__'],
    ['upload-artifact', '--no-such-input', 'x'],
    ['upload-artifact', 'word'],
  ]) {
    const { code, stdout, stderr } = await drover(args)
    assert.equal(code, 2, args.join(' '))
    assert.match(stdout + stderr, /drover/)
  }
})

test('a failure ends with 1, with outputs as one JSON object on standard output and the rest on standard error', async () => {
  const { code, stdout, stderr } = await drover(
    ['upload-artifact', '--server', 'http://127.0.0.1:9', '--artifact', 'x', '--json'],
    {
      DROVER_TOKEN: 'very-secret-token',
    },
  )
  assert.equal(code, 1)
  const outputs = JSON.parse(stdout) as Record<string, string>
  assert.equal(outputs['failure-reason'], 'file-missing')
  assert.match(stderr, /^error: file-missing: /m)
  assert.equal(stderr.includes('very-secret-token'), false)
})

test('a secret may come from the environment', async () => {
  const { stderr } = await drover(['upload-artifact', '--server', 'http://127.0.0.1:9', '--artifact', 'x'])
  assert.match(stderr, /token \(environment: INPUT_TOKEN or DROVER_TOKEN\)/)
})

test('each output is told once', async () => {
  const args = ['--artifact', import.meta.filename, '--allow-unsigned', 'true']
  const { code, stderr } = await drover(['verify-artifact', ...args])
  assert.equal(code, 1)
  for (const line of ['verdict: refuse', 'changed: false', 'failure-reason: artifact-damaged']) {
    assert.equal(stderr.split('\n').filter((one) => one === line).length, 1, `${line} in ${stderr}`)
  }
})
