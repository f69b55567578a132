import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { dist, runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

/** Runs main, and post when the test ends whatever happened. */
async function serve(t: TestContext, workspace: string, inputs: Record<string, string>) {
  const result = await runInRunner('serve-ota', { workspace, inputs })
  // in no workspace: hooks run in the order they were made, so it has gone by then
  undo(t, () => runInRunner('serve-ota', { phase: 'post', state: result.state }))
  return result
}

/** Whether a process runs; one that has ended and was not collected yet does not. */
function isThere(pid: string | undefined): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !/\) [ZX] /.test(readFileSync(path, 'utf8'))
}

test('the server outlives main, answers with its token, and is gone after post', async (t) => {
  const workspace = await temporaryFolder(t)
  const main = await serve(t, workspace, { 'data-dir': 'ota' })
  assert.equal(main.code, 0, main.log)
  assert.equal(main.outputs['failure-reason'], '')
  assert.equal(main.outputs['changed'], 'true')
  const { url = '', token = '' } = main.outputs
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  const reply = await fetch(`${url}/api/management/v2/devauth/devices`, {
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(reply.status, 200)
  await reply.text()
  assert.equal(isThere(main.state['pid']), true)

  const post = await runInRunner('serve-ota', { phase: 'post', workspace, state: main.state })
  assert.equal(post.code, 0)
  assert.match(post.log, /has ended/)
  assert.equal(isThere(main.state['pid']), false)
  await assert.rejects(fetch(`${url}/healthz`))
})

test('the token is masked before anything could show it, and stands in no log, summary, argument or readable file', async (t) => {
  const workspace = await temporaryFolder(t)
  const main = await serve(t, workspace, { 'data-dir': 'ota' })
  const { token = '' } = main.outputs
  assert.ok(token.length >= 32)
  assert.deepEqual(main.masks, [token])
  const shown = main.log.split('\n').filter((line) => !line.startsWith('::add-mask::'))
  assert.ok(!shown.join('\n').includes(token))
  assert.ok(!main.summary.includes(token))
  assert.ok(!readFileSync(`/proc/${main.state['pid']}/cmdline`, 'utf8').includes(token))
  assert.ok(!readFileSync(`/proc/${main.state['pid']}/environ`, 'utf8').includes(token))
  assert.ok(!(await readFile(join(workspace, 'ota/server.log'), 'utf8')).includes(token))
  assert.equal((await readFile(join(workspace, 'ota/token'), 'utf8')).trim(), token)
  for (const name of ['token', 'signing.key', 'link.key'])
    assert.equal(statSync(join(workspace, 'ota', name)).mode & 0o777, 0o600, name)
})

test('a later job finds the same token and state in the same data dir', async (t) => {
  const workspace = await temporaryFolder(t)
  const first = await serve(t, workspace, { 'data-dir': 'ota' })
  await runInRunner('serve-ota', { phase: 'post', workspace, state: first.state })
  const second = await serve(t, workspace, { 'data-dir': 'ota' })
  assert.equal(second.code, 0, second.log)
  assert.equal(second.outputs['token'], first.outputs['token'])
})

test('post ends nothing but the process that main started', async (t) => {
  const workspace = await temporaryFolder(t)
  const other = spawn('sleep', ['60'], { stdio: 'ignore' })
  undo(t, () => other.kill())
  const state = { pid: String(other.pid), 'start-time': '1', 'data-dir': workspace }
  const post = await runInRunner('serve-ota', { phase: 'post', workspace, state })
  assert.equal(post.code, 0)
  assert.match(post.log, /not running any more/)
  assert.equal(isThere(String(other.pid)), true)
})

test('a second server on the same data dir is refused, and the first goes on', async (t) => {
  const workspace = await temporaryFolder(t)
  const first = await serve(t, workspace, { 'data-dir': 'ota' })
  const second = await serve(t, workspace, { 'data-dir': 'ota' })
  assert.equal(second.code, 1)
  assert.equal(second.outputs['failure-reason'], 'bad-input')
  assert.match(second.errors[0]?.message ?? '', /in use by another OTA server/)
  const reply = await fetch(`${first.outputs['url']}/healthz`)
  assert.equal(reply.status, 200)
  await reply.text()
})

test('a port that is taken, a port that is none and a data dir that is a file are named', async (t) => {
  const workspace = await temporaryFolder(t)
  const listener = createServer().listen(0, '127.0.0.1')
  undo(t, () => listener.close())
  await new Promise((resolve) => listener.once('listening', resolve))
  const address = listener.address()
  const port = typeof address === 'object' && address ? String(address.port) : ''
  const taken = await serve(t, workspace, { 'data-dir': 'ota', port })
  assert.equal(taken.outputs['failure-reason'], 'bad-input')
  assert.match(taken.errors[0]?.message ?? '', new RegExp(`port ${port}`))

  const none = await serve(t, workspace, { port: 'http' })
  assert.equal(none.outputs['failure-reason'], 'bad-input')
  assert.match(none.errors[0]?.message ?? '', /port is "http"/)

  await writeFile(join(workspace, 'file'), '')
  const file = await serve(t, workspace, { 'data-dir': 'file' })
  assert.equal(file.outputs['failure-reason'], 'missing-rights')
})

test('a damaged data dir is a named failure and not a crash', async (t) => {
  const workspace = await temporaryFolder(t)
  await mkdir(join(workspace, 'ota'))
  await writeFile(
    join(workspace, 'ota/ota.sqlite'),
    'this is no database, and long enough to be looked at'.repeat(50),
  )
  const main = await serve(t, workspace, { 'data-dir': 'ota' })
  assert.equal(main.code, 1)
  assert.equal(main.outputs['failure-reason'], 'invalid-file')
})

test('in a terminal it hands over its outputs when it is ready, serves until it is interrupted and ends with 0', async (t) => {
  const workspace = await temporaryFolder(t)
  const args = [join(dist, 'drover.mjs'), 'serve-ota', '--data-dir', join(workspace, 'ota'), '--json']
  const child = spawn(process.execPath, args, { cwd: workspace, stdio: ['ignore', 'pipe', 'pipe'] })
  undo(t, () => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  let stdout = ''
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (stdout.includes('\n')) resolve(stdout)
    })
    child.once('exit', () => reject(new Error(stderr)))
  })
  const outputs = JSON.parse(line) as Record<string, string>
  assert.equal(outputs['failure-reason'], '')
  const reply = await fetch(`${outputs['url']}/healthz`)
  assert.equal(reply.status, 200)
  await reply.text()
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  // as a terminal and a launcher do for one Ctrl-C
  child.kill('SIGINT')
  await new Promise((resolve) => setTimeout(resolve, 50))
  child.kill('SIGINT')
  assert.equal(await ended, 0, stderr)
  assert.equal(stdout.trim().split('\n').length, 1)
  assert.match(stderr, /its token: .*\/ota\/token/)
  assert.ok(!stderr.includes(outputs['token'] ?? ''))
})
