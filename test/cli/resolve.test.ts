import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { run } from '../../src/platform/platform.ts'
import { dist } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

async function resolve(t: TestContext, files: Record<string, string>, ...args: string[]) {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return await run(process.execPath, [join(dist, 'drover.mjs'), 'resolve', '--fleet', folder, ...args])
}

test('drover resolve prints groups and variables as ansible-inventory --list does', async (t) => {
  const files = { 'inventory.ini': '[lab]\npi[1:2] a=1\n', 'group_vars/lab.yml': 'site: bench\n' }
  const { code, stdout } = await resolve(t, files, '--json')
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(stdout), {
    _meta: { hostvars: { pi1: { a: 1, site: 'bench' }, pi2: { a: 1, site: 'bench' } } },
    all: { children: ['ungrouped', 'lab'] },
    lab: { hosts: ['pi1', 'pi2'] },
  })
})

test('drover resolve lets templates read what is allowed on its command line, and nothing else', async (t) => {
  const files = {
    'inventory.ini': '[all]\npi\n',
    'group_vars/all.yml': 'subscribed_branch: main\nos_image: r1\nconfiguration: { template: a.json }\n',
    'templates/a.json': '{ "path": {{ lookup("env", "PATH") | to_json }} }',
  }
  const refused = await resolve(t, files)
  assert.match(refused.stderr, /a\.json:1:.*rename PATH, or let the workflow allow it with allow-env/)
  const { code, stdout, stderr } = await resolve(t, files, '--allow-env', 'HOME, PATH')
  assert.equal(code, 0, stderr)
  assert.deepEqual(JSON.parse(stdout)._meta.configurations.pi.values, { path: '(secret)' })
  assert.equal((await resolve(t, files, '--allow-env', 'PA*')).code, 1)
})

test('drover resolve names everything wrong with its place, and prints no half list', async (t) => {
  const files = { 'inventory.ini': '[lab]\npi[1:] a=1\nb "\n', 'host_vars/ghost.yml': 'a: [\n' }
  const { code, stdout, stderr } = await resolve(t, files, '--json')
  assert.equal(code, 1)
  assert.deepEqual(JSON.parse(stdout), { 'failure-reason': 'invalid-file' })
  for (const place of ['inventory.ini:2:1 ', 'inventory.ini:3:1 ', 'host_vars/ghost.yml:1:1 '])
    assert.ok(stderr.includes(place), `${place} in ${stderr}`)
})
