import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { workflowCache } from '../../src/action/action.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { workflowCacheServer } from '../support/workflow-cache.ts'

/** Sets the environment of a job for a test. */
function inJob(t: TestContext, variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    process.env[name] = value
    t.after(() => {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    })
  }
}

test('in a shell, and in a job without a cache, there is none', (t) => {
  inJob(t, { GITHUB_ACTIONS: '', ACTIONS_RUNTIME_TOKEN: 't', ACTIONS_RESULTS_URL: 'http://127.0.0.1:9/' })
  assert.equal(workflowCache(), undefined)
  inJob(t, { GITHUB_ACTIONS: 'true', ACTIONS_RESULTS_URL: '' })
  assert.equal(workflowCache(), undefined)
})

test('what one job keeps, another gets back at the same place', async (t) => {
  const service = await workflowCacheServer(t)
  const folder = await temporaryFolder(t)
  inJob(t, { ...service.env, RUNNER_TEMP: folder, GITHUB_WORKSPACE: folder })
  const cache = workflowCache()
  assert.ok(cache)
  const paths = [join(folder, 'kept/base.tar'), join(folder, 'kept/base.json')]
  assert.equal(await cache.restore(paths, 'base-1'), false)
  await mkdir(join(folder, 'kept'))
  for (const path of paths) await writeFile(path, `of ${path}`)
  await cache.save(paths, 'base-1')
  await rm(join(folder, 'kept'), { recursive: true })

  assert.equal(await cache.restore(paths, 'base-1'), true)
  for (const path of paths) assert.equal(await readFile(path, 'utf8'), `of ${path}`)
  assert.equal(await cache.restore(paths, 'base-2'), false)
  await cache.save(paths, 'base-1') // nobody minds that it is there
  assert.equal(service.entries.size, 1)
})
