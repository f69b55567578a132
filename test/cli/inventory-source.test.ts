import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeFacts } from '../../src/ota/ota.ts'
import { run } from '../../src/platform/platform.ts'
import { dist } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('a plan is made of the inventory that a command prints, and of no other one', async (t) => {
  const base = await temporaryFolder(t)
  const [folder, program, facts] = [join(base, 'fleet'), join(base, 'list.sh'), join(base, 'facts.json')]
  await mkdir(join(folder, 'group_vars'), { recursive: true })
  await writeFile(join(folder, 'inventory.yml'), 'all:\n  hosts:\n    old:\n')
  await writeFile(join(folder, 'group_vars', 'all.yml'), 'subscribed_branch: main\nos_image: os-1\n')
  const list = JSON.stringify({ _meta: { hostvars: { new: { device_id: 'the id' } } }, g: ['new'] })
  await writeFile(program, `#!/bin/sh\necho '${list}'\n`)
  await chmod(program, 0o755)
  const now = new Date().toISOString()
  const device = {
    id: 'the id',
    status: 'accepted' as const,
    reportedAt: now,
    deviceType: 'pi',
    release: 'os-1',
    group: undefined,
    identity: {},
    attributes: {},
  }
  const server = 'https://ota.example.com'
  await writeFacts(facts, { server, gatheredAt: now, devices: [device], releases: [], openDeployments: [] })
  const drover = async (inventory: string) => {
    const args = ['--fleet', folder, '--stage', 'main', '--facts', facts, '--inventory', inventory, '--json']
    return await run(
      process.execPath,
      [join(dist, 'drover.mjs'), 'plan-updates', ...args, '--output', join(base, 'plan.json')],
      { cwd: base },
    )
  }
  const { code, stderr } = await drover(program)
  assert.equal(code, 0, stderr)
  const plan: { changes: unknown[] } = JSON.parse(await readFile(join(base, 'plan.json'), 'utf8'))
  assert.partialDeepStrictEqual(plan.changes, [{ device: 'the id', host: 'new', kind: 'no-op' }])
  assert.equal(plan.changes.length, 1)
  const refused = await drover('http://example.com/list?key=s3cr3t')
  assert.equal(JSON.parse(refused.stdout)['failure-reason'], 'bad-input')
  assert.doesNotMatch(refused.stderr, /s3cr3t/)
})
