import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { chown, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Builder } from '../../src/image/image.ts'
import { needs } from '../support/needs.ts'
import { tinyBuilder } from './tiny-base.ts'
import { workshop } from './workshop.ts'

const skip = needs('mke2fs', 'debugfs', 'e2fsck', 'git')

test('a base system is built once for the same packages, whatever the files are', { skip }, async (t) => {
  const shop = await workshop(t, 'packages: [vim, gdb]\nfiles: [{source: motd, path: /etc/motd}]\n', {
    motd: 'one\n',
  })
  const builder = tinyBuilder()
  assert.equal((await shop.build(builder)).cacheHit, false)
  await shop.write('motd', 'two\n')
  assert.equal((await shop.build(builder)).cacheHit, true)
  assert.equal(builder.builds.length, 1)
  assert.deepEqual(builder.builds[0]?.packages, ['gdb', 'vim'])
  await shop.write(
    'image.yml',
    `name: tiny-os\nsuite: tiny\nmirror: ${shop.mirror.url}\npackages: [gdb, less]\n`,
  )
  assert.equal((await shop.build(builder)).cacheHit, false)
})

test('news on the mirror make a new base system', { skip }, async (t) => {
  const shop = await workshop(t)
  const builder = tinyBuilder()
  await shop.build(builder)
  shop.mirror.publish('second')
  assert.equal((await shop.build(builder)).cacheHit, false)
  assert.equal((await shop.build(builder)).cacheHit, true)
})

test(
  'without the mirror the newest base system from the cache is used, with a warning',
  { skip },
  async (t) => {
    const shop = await workshop(t)
    await shop.build()
    await shop.mirror.stop()
    assert.equal((await shop.build()).cacheHit, true)
    assert.match(shop.warnings.join(), /no mirror can be reached/)
  },
)

test('without the mirror and without a cache the build fails and says so first', { skip }, async (t) => {
  const shop = await workshop(t)
  await shop.mirror.stop()
  await assert.rejects(shop.build(), {
    reason: 'build-failed',
    message: /^http:\/\/127.0.0.1:\d+\/debian can't be reached/,
  })
})

test('a suite that the mirror doesn’t have fails at once', { skip }, async (t) => {
  const shop = await workshop(t)
  await shop.write('image.yml', `name: tiny-os\nsuite: bokworm\nmirror: ${shop.mirror.url}\n`)
  await assert.rejects(shop.build(), { reason: 'build-failed', message: /has no suite bokworm/ })
})

test('a cached base system that was damaged is built anew', { skip }, async (t) => {
  const shop = await workshop(t)
  const good = await shop.build()
  const [tar = ''] = (await readdir(shop.cache)).filter((name) => name.endsWith('.tar'))
  await writeFile(join(shop.cache, tar), 'x', { flag: 'a' })
  const again = await shop.build()
  assert.equal(again.cacheHit, false)
  assert.equal(again.sha256, good.sha256)
  assert.match(shop.warnings.join(), /damaged/)
})

test('two builds at once share a cache without harm', { skip }, async (t) => {
  const shop = await workshop(t)
  const [one, two] = await Promise.all([shop.build(tinyBuilder(), 'one'), shop.build(tinyBuilder(), 'two')])
  assert.equal(one.sha256, two.sha256)
  assert.equal((await shop.build()).cacheHit, true)
})

test('a cache keeps the six base systems that were used last', { skip }, async (t) => {
  const shop = await workshop(t)
  for (let number = 0; number < 8; number++) {
    shop.mirror.publish(`state-${number}`)
    await shop.build()
  }
  const names = (await readdir(shop.cache)).filter((name) => name !== 'manifests')
  assert.equal(names.filter((name) => name.endsWith('.tar')).length, 6)
  assert.equal(names.length, 12)
  assert.equal((await shop.build()).cacheHit, true)
})

test('an abort while the base system is built leaves nothing', { skip }, async (t) => {
  const shop = await workshop(t)
  const abort = new AbortController()
  const slow: Builder = {
    ...tinyBuilder(),
    build: async (_request, { into, scratch }) => {
      await writeFile(into, 'half of it')
      await writeFile(join(scratch, 'half'), 'half of it')
      abort.abort(new Error('enough'))
      abort.signal.throwIfAborted()
    },
  }
  await assert.rejects(shop.build(slow, 'out', { signal: abort.signal }), /enough/)
  assert.deepEqual(await readdir(shop.cache), [])
  assert.deepEqual(await ours(tmpdir()), [])
  assert.deepEqual(await ours('/dev/shm'), [])
})

test(
  'an abort while the image is written leaves the earlier results and nothing else',
  { skip },
  async (t) => {
    const shop = await workshop(t)
    await shop.build()
    const before = await readFile(join(shop.folder, 'out/rootfs.ext4.release.json'), 'utf8')
    const names = await readdir(join(shop.folder, 'out'))
    const abort = new AbortController()
    const signal = abort.signal
    // the last thing that is told before the image is written
    const log = {
      ...shop.context().log,
      info: (line: string) => {
        if (/files and folders/.test(line)) setImmediate(() => abort.abort(new Error('enough')))
      },
    }
    await assert.rejects(shop.build(tinyBuilder(), 'out', { signal, log }), /enough/)
    assert.deepEqual(await readdir(join(shop.folder, 'out')), names)
    assert.equal(await readFile(join(shop.folder, 'out/rootfs.ext4.release.json'), 'utf8'), before)
    assert.deepEqual(await ours('/dev/shm'), [])
  },
)

test('what a killed build left goes with the next one; what a living one uses stays', { skip }, async (t) => {
  const shop = await workshop(t)
  await shop.build()
  const child = spawn('sleep', ['60'])
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const mark = await markOf(child.pid ?? 0)
  const left = [
    join(tmpdir(), `image${mark}`),
    join(shop.cache, `x${mark}`),
    join(shop.folder, `out/rootfs.ext4${mark}`),
  ]
  t.after(() => Promise.all(left.map((path) => rm(path, { recursive: true, force: true }))))
  for (const path of left) await mkdir(path)
  shop.mirror.publish('second')
  await shop.build()
  assert.deepEqual(await Promise.all(left.map(isThere)), [true, true, true])
  child.kill('SIGKILL')
  await once(child, 'exit')
  shop.mirror.publish('third')
  await shop.build()
  assert.deepEqual(await Promise.all(left.map(isThere)), [false, false, false])
})

const asRoot = skip || needs('root')

test(
  'what an image is made of is for its builder alone, and others keep what they left',
  { skip: asRoot },
  async (t) => {
    const shop = await workshop(t, 'files:\n  - { source: psk, path: /etc/psk, mode: "0600" }\n', {
      psk: 'secret\n',
    })
    const mark = (await markOf(process.pid)).replace(`-${process.pid}-`, '-4194305-') // no process can have this number
    const foreign = join(tmpdir(), `image${mark}`)
    await mkdir(foreign)
    t.after(() => rm(foreign, { recursive: true, force: true }))
    await chown(foreign, 65_534, 65_534)
    const modes = new Set<string>()
    const watch = () => {
      for (const parent of ['/dev/shm', tmpdir()])
        for (const name of readdirSync(parent).filter((name) => name.includes(`-${process.pid}-`)))
          if (existsSync(join(parent, name, 'contents')))
            modes.add((statSync(join(parent, name)).mode & 0o777).toString(8))
    }
    const log = {
      info: watch,
      warn: watch,
      debug: watch,
      group: <T>(_title: string, work: () => Promise<T>) => work(),
    }
    await shop.build(tinyBuilder(), 'out', { log })
    assert.deepEqual([...modes], ['700'])
    assert.ok(await isThere(foreign))
  },
)

/** Temporary things of this very process. */
async function ours(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter(
    (name) => name.includes(`-${process.pid}-`) && name.includes('.drover-'),
  )
}

async function markOf(pid: number): Promise<string> {
  const { readlink } = await import('node:fs/promises')
  const namespace = /\d+/.exec((await readlink('/proc/self/ns/pid')).split(':')[1] ?? '')?.[0] ?? ''
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return `.drover-${namespace}-${pid}-${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}-0123abcd`
}

async function isThere(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  )
}
