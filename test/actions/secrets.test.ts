// A token or key that is handed to an action is found in nothing that it writes: what it prints, its summary, its outputs, its
// state, its files, and the arguments of every process while it runs.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startMenderDevice } from '../support/mender-device.ts'
import { pass, serve } from '../support/hostile-server.ts'
import { type Lab, openLab } from '../support/mender-lab.ts'
import { type RunnerOptions, type RunnerResult, runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'
import { type World, openWorld } from '../plan/world.ts'

/** Runs an action in folders of its own and fails where one of `secrets` is found afterwards, in any form. */
async function watched(
  t: TestContext,
  action: string,
  secrets: readonly string[],
  options: RunnerOptions = {},
): Promise<RunnerResult> {
  const temporary = await temporaryFolder(t)
  const workspace = options.workspace ?? (await temporaryFolder(t))
  const seen = new Set<string>()
  const look = setInterval(() => {
    for (const line of argumentsOfAll()) if (secrets.some((secret) => line.includes(secret))) seen.add(line)
  }, 5)
  const env = { RUNNER_TEMP: temporary, TMPDIR: temporary, RUNNER_DEBUG: '1', ...options.env }
  const result = await runInRunner(action, { ...options, workspace, env }).finally(() => clearInterval(look))
  assert.deepEqual([...seen], [], `${action}: in a list of arguments`)
  // the runner reads this command and shows it to nobody
  const shown = result.log.split('\n').filter((line) => !line.startsWith('::add-mask::'))
  const written = {
    'what it prints': shown.join('\n'),
    summary: result.summary,
    outputs: JSON.stringify(result.outputs),
    state: JSON.stringify(result.state),
    ...filesIn(temporary),
    ...filesIn(workspace),
  }
  for (const [what, text] of Object.entries(written))
    for (const form of secrets.flatMap(formsOf))
      assert.ok(!text.includes(form), `${action}: ${what} has the secret:\n${text.slice(0, 3000)}`)
  return result
}

/** As it is, and as it stands in a header, a URL or JSON; of a key each line of its body. */
function formsOf(secret: string): string[] {
  if (secret.includes('-----BEGIN')) return secret.split('\n').filter((line) => /^[\w+/=]{20,}$/.test(line))
  const base64 = Buffer.from(secret).toString('base64').replaceAll('=', '')
  return [secret, base64, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
}

function argumentsOfAll(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'latin1')]
      } catch {
        return [] // it has ended
      }
    })
}

function filesIn(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path, readFileSync(path, 'latin1')]
    }),
  )
}

/** A server that repeats the request's own headers in all that it says. */
async function echoing(t: TestContext, status: number): Promise<string> {
  return serve(t, ({ headers, url = '' }, outgoing) => {
    const error = `${headers.authorization} is no good for ${url}`
    outgoing
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ error, id: error }))
  })
}

/** The URLs at which an action meets: what works, what refuses, what repeats the token, and nothing at all. */
async function servers(t: TestContext, lab: Lab): Promise<Record<string, string>> {
  const gateway = await serve(t, (incoming, outgoing) => {
    if (incoming.method === 'GET') return pass(lab.url, incoming, outgoing)
    return void incoming.resume().on('end', () => outgoing.writeHead(403).end(incoming.headers.authorization))
  })
  return {
    good: lab.url,
    gateway,
    'echo with 400': await echoing(t, 400),
    'echo with 401': await echoing(t, 401),
    'echo with 200': await echoing(t, 200),
  }
}

test('upload-artifact and package-artifact show neither token nor signing key', async (t) => {
  const lab = await openLab(t)
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'image'), 'content'.padEnd(8192))
  const packing = { source: 'image', name: 'os-2', 'device-types': 'virtual', output: 'os.mender' }
  const packaged = await watched(t, 'package-artifact', [key], {
    workspace,
    inputs: { ...packing, 'signing-key': key },
  })
  assert.equal(packaged.code, 0, packaged.log)
  for (const wrong of [
    { ...packing, source: 'none', 'signing-key': key },
    { ...packing, 'signing-key': key.replace('-----BEGIN PRIVATE KEY-----\n', '') },
    { ...packing, 'signing-key': key.slice(0, -200) },
  ])
    assert.equal((await watched(t, 'package-artifact', [key], { workspace, inputs: wrong })).code, 1)

  const artifact = join(workspace, 'os.mender')
  for (const [what, server] of Object.entries(await servers(t, lab))) {
    const inputs = { server, token: lab.token, artifact }
    const { code, log } = await watched(t, 'upload-artifact', [lab.token], { inputs })
    assert.equal(code, what === 'good' || what === 'gateway' ? 0 : 1, `${what}: ${log}`)
  }
  const inputs = { server: lab.url, token: `${lab.token} `.repeat(2), artifact }
  const spaced = await watched(t, 'upload-artifact', [lab.token], { inputs })
  assert.equal(spaced.outputs['failure-reason'], 'bad-input')
  const inUrl = { server: `https://ci:${lab.token}@ota.invalid`, token: 'x'.repeat(20), artifact }
  const refused = await watched(t, 'upload-artifact', [lab.token], { inputs: inUrl })
  assert.equal(refused.outputs['failure-reason'], 'bad-input')
})

test('dispatch-artifact, lease-device and gather-facts show no token', async (t) => {
  const lab = await openLab(t)
  const [good, bad] = [await lab.device(), await lab.device({ behaviour: 'fails' })]
  await lab.server.upload(await lab.artifact('os-2'))
  for (const [what, server] of Object.entries(await servers(t, lab))) {
    const inputs = { server, token: lab.token }
    for (const [action, more, isGreen] of [
      ['dispatch-artifact', { release: 'os-2', device: good.key, timeout: '20s' }, what === 'good'],
      ['dispatch-artifact', { release: 'os-2', device: bad.key, timeout: '20s' }, false],
      ['lease-device', { device: good.key, timeout: '5s' }, what === 'good'],
      ['gather-facts', {}, what === 'good'],
    ] as const) {
      const result = await watched(t, action, [lab.token], { inputs: { ...inputs, ...more } })
      assert.equal(result.code, isGreen ? 0 : 1, `${action}, ${what}: ${result.log}`)
      if (action !== 'lease-device') continue
      const { lease = '' } = result.outputs
      const given = { ...inputs, ...more, lease }
      await watched(t, action, [lab.token], { phase: 'post', state: result.state, inputs: given })
      if (lease !== '') await lab.server.returnLease(good.key, lease)
    }
  }
})

test('plan-updates and schedule-updates show no token', async (t) => {
  const world = await openWorld(t, { count: 1 })
  const { git, commit, folder, push } = world.repository
  await git('checkout', '--quiet', 'canary')
  await world.release('new')
  const run = async (action: string, { lab }: World = world) =>
    watched(t, action, [lab.token], { workspace: folder, inputs: { token: lab.token } })
  for (const action of ['plan-updates', 'schedule-updates']) {
    const { code, log } = await run(action)
    assert.equal(code, 0, `${action}: ${log}`)
  }
  const fleet = await readFile(join(folder, 'fleet.yml'), 'utf8')
  for (const status of [400, 401, 200]) {
    await commit({ 'fleet.yml': fleet.replaceAll(world.lab.url, await echoing(t, status)) })
    await push()
    for (const action of ['plan-updates', 'schedule-updates']) {
      const { code, log } = await run(action)
      assert.equal(code, 1, `${action}, ${status}: ${log}`)
    }
  }
})

test('serve-ota keeps its secrets to their files, and those of its devices and programs nowhere', async (t) => {
  const workspace = await temporaryFolder(t)
  const options = { workspace, inputs: { 'data-dir': 'ota', accept: 'all' }, env: { RUNNER_DEBUG: '1' } }
  const main = await runInRunner('serve-ota', options)
  undo(t, () => runInRunner('serve-ota', { phase: 'post', state: main.state }))
  assert.equal(main.code, 0, main.log)
  const { url = '', token = '' } = main.outputs
  const headers = { authorization: `Bearer ${token}` }
  const program = await fetch(`${url}/api/management/v1/useradm/settings/tokens`, {
    method: 'POST',
    headers,
    body: '{"name":"ci"}',
  })
  const basic = `Basic ${Buffer.from(`admin:${token}`).toString('base64')}`
  const login = await fetch(`${url}/api/management/v1/useradm/auth/login`, {
    method: 'POST',
    headers: { authorization: basic },
  })
  const tokens = new Set([await program.text(), await login.text()])
  const proxy = await serve(t, (incoming, outgoing) => {
    const bearer = /^Bearer (\S{20,})$/.exec(incoming.headers.authorization ?? '')?.[1]
    if (bearer !== undefined) tokens.add(bearer)
    pass(url, incoming, outgoing)
  })
  const device = startMenderDevice({ url: proxy, serial: 'one' })
  undo(t, () => device.stop())
  await device.id
  await until('the device has a token', () => tokens.size === 3)
  for (const used of tokens) await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${used}` } })
  await fetch(`${url}/metrics?token=${token}`, { headers: { authorization: 'Bearer wrong' } })

  const own = ['token', 'signing.key', 'link.key'].map((name) => join(workspace, 'ota', name))
  const planted = [...tokens, ...own.map((path) => readFileSync(path, 'utf8').trim())]
  const files = Object.entries(filesIn(workspace)).filter(([path]) => !own.includes(path))
  assert.ok(files.some(([path]) => path.endsWith('server.log')))
  const shown = main.log.split('\n').filter((line) => !line.startsWith('::add-mask::'))
  const written = [['what it prints', shown.join('\n')], ['summary', main.summary], ...files] as const
  for (const [what, text] of written)
    for (const form of planted.flatMap(formsOf)) assert.ok(!text.includes(form), `${what} has a secret`)
  for (const line of argumentsOfAll())
    for (const secret of planted) assert.ok(!line.includes(secret), `in a list of arguments: ${line}`)
})

test('simulate-fleet shows no token of its devices', async (t) => {
  const lab = await openLab(t)
  const tokens = new Set<string>()
  const proxy = await serve(t, (incoming, outgoing) => {
    const bearer = /^Bearer (\S{20,})$/.exec(incoming.headers.authorization ?? '')?.[1]
    if (bearer !== undefined) tokens.add(bearer)
    pass(lab.url, incoming, outgoing)
  })
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'crowd.yml'), 'device-types: { virtual: 5 }\nspeed: 18000\n')
  const inputs = { server: proxy, devices: 'crowd.yml' }
  const main = await watched(t, 'simulate-fleet', [lab.token], { workspace, inputs })
  let isOver = false
  undo(t, async () => isOver || (await runInRunner('simulate-fleet', { phase: 'post', state: main.state })))
  assert.equal(main.code, 0, main.log)
  await until('each device has a token', () => tokens.size >= 5)
  const post = await watched(t, 'simulate-fleet', [...tokens], {
    workspace,
    phase: 'post',
    state: main.state,
  })
  isOver = true
  assert.equal(post.code, 0, post.log)
  const shown = main.log + main.summary + JSON.stringify([main.outputs, main.state])
  for (const token of tokens) assert.ok(!shown.includes(token))
})
