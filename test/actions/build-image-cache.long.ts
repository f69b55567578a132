// The real thing but for GitHub's service: the bundled action, mmdebstrap, and the library that speaks to the cache.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { needs } from '../support/needs.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { workflowCacheServer } from '../support/workflow-cache.ts'

test(
  'a hosted runner makes a base system once: the next one gets it from the workflow’s cache',
  { skip: needs('root', 'mmdebstrap', 'mke2fs', 'debugfs', 'git', 'zstd'), timeout: 1_200_000 },
  async (t) => {
    const service = await workflowCacheServer(t)
    const home = await temporaryFolder(t)
    const build = async (machine: string) => {
      const run = await runInRunner('build-image', {
        workspace: join(import.meta.dirname, '../..'),
        // each machine has its own disk, and the same path to its cache: what is kept is known by its path
        env: { ...service.env, XDG_CACHE_HOME: join(home, 'cache') },
        inputs: { recipe: 'examples/images/minimal/image.yml', output: join(home, machine) },
      })
      assert.equal(run.code, 0, run.log)
      return run
    }
    const first = await build('one')
    await rm(join(home, 'cache'), { recursive: true })
    const second = await build('two')
    assert.deepEqual([first.outputs['cache-hit'], second.outputs['cache-hit']], ['false', 'true'])
    assert.equal(second.outputs['sha256'], first.outputs['sha256'])
    // the addresses that the service gives out are keys to it: their signatures are masked
    for (const { masks } of [first, second]) assert.ok(masks.includes('secret'))
  },
)
