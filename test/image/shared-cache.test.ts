import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type SharedCache, buildImage } from '../../src/image/image.ts'
import { Failure } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { tinyBuilder } from './tiny-base.ts'
import { workshop } from './workshop.ts'

const skip = needs('mke2fs', 'debugfs', 'e2fsck', 'git')

class Memory implements SharedCache {
  readonly entries = new Map<string, Map<string, Buffer>>()

  async restore(paths: string[], key: string): Promise<boolean> {
    const kept = this.entries.get(key)
    if (!kept) return false
    await mkdir(dirname(paths[0] ?? ''), { recursive: true })
    for (const path of paths) await writeFile(path, kept.get(path) ?? '')
    return true
  }

  async save(paths: string[], key: string): Promise<void> {
    const bytes = await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const))
    this.entries.set(key, new Map(bytes))
  }
}

type Shop = Awaited<ReturnType<typeof workshop>>

const buildWith = (shop: Shop, shared: SharedCache, builder = tinyBuilder(), signal?: AbortSignal) =>
  buildImage(
    {
      recipe: join(shop.source, 'image.yml'),
      arch: 'amd64',
      output: join(shop.folder, 'out'),
      cache: shop.cache,
      shared,
    },
    shop.context(signal ? { signal } : {}),
    builder,
  )

/** The next job has another machine, with nothing on it. */
const nextMachine = ({ cache }: Shop) => rm(cache, { recursive: true })

test('a machine that begins empty gets its base system from the shared cache', { skip }, async (t) => {
  const shop = await workshop(t)
  const [shared, builder] = [new Memory(), tinyBuilder()]
  const first = await buildWith(shop, shared, builder)
  await nextMachine(shop)
  const second = await buildWith(shop, shared, builder)
  assert.deepEqual([first.cacheHit, second.cacheHit, builder.builds.length], [false, true, 1])
  assert.equal(second.sha256, first.sha256)

  shop.mirror.publish('news')
  await nextMachine(shop)
  assert.equal((await buildWith(shop, shared, builder)).cacheHit, false)
  assert.equal(shared.entries.size, 2)
})

test('what is damaged in the shared cache is not used', { skip }, async (t) => {
  const shop = await workshop(t)
  const shared = new Memory()
  const first = await buildWith(shop, shared)
  for (const kept of shared.entries.values())
    for (const [path, bytes] of kept) if (path.endsWith('.tar')) kept.set(path, bytes.subarray(512))
  await nextMachine(shop)
  const second = await buildWith(shop, shared)
  assert.deepEqual([second.cacheHit, second.sha256], [false, first.sha256])
  assert.match(shop.warnings.join(), /damaged/)
})

test('a shared cache that does not work costs a warning, and no build', { skip }, async (t) => {
  const shop = await workshop(t)
  const broken: SharedCache = {
    restore: () => Promise.reject(new Error('the service is down')),
    save: () => Promise.reject(new Error('the service is down')),
  }
  assert.equal((await buildWith(shop, broken)).cacheHit, false)
  assert.match(shop.warnings.join('\n'), /restoring .*the service is down\nsaving .*the service is down/)
})

test('a shared cache that hangs holds up no abort', { skip }, async (t) => {
  const shop = await workshop(t)
  const controller = new AbortController()
  const hangs: SharedCache = {
    restore: () => {
      controller.abort(new Failure('cancelled', 'enough'))
      return new Promise(() => {})
    },
    save: async () => {},
  }
  await assert.rejects(buildWith(shop, hangs, tinyBuilder(), controller.signal), { reason: 'cancelled' })
})
