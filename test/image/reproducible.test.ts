// The same recipe is the same image, whoever builds it, where and when; and what is said where it isn't.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { buildImage } from '../../src/image/image.ts'
import { digestOfFile } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { baseMembers, tarOf, tinyBuilder } from './tiny-base.ts'
import { workshop } from './workshop.ts'

const programs = ['mke2fs', 'debugfs', 'e2fsck', 'git', 'sfdisk', 'xz', 'mkfs.vfat', 'mmd', 'mcopy']
const skip = needs(...programs)

const recipe = `
files: [{ source: files, path: / }]
links: [{ path: /etc/l, target: motd }]
users: [{ name: technician, shell: /usr/bin/su, ssh-keys: [ssh-ed25519 ${'A'.repeat(68)}] }]
size: 32MiB
disk: { boot: { size: 34MiB, from: /usr/bin }, data: { size: 16MiB } }
`
const results = [
  'rootfs.ext4',
  'rootfs.ext4.release.json',
  'manifest.json',
  'sbom.cdx.json',
  'disk.img.xz',
  'disk.img.bmap',
]

test(
  'a recipe is the same image for another user, umask, language, time zone, day and folder',
  { skip },
  async (t) => {
    const shop = await workshop(t, recipe, { 'files/etc/motd': 'hello\n' })
    await shop.write('files/usr/bin/tool', '#!/bin/sh\n', 0o755)
    await shop.commit('2026-03-05T00:00:00Z')
    await shop.build()
    const expected = await Promise.all(results.map((name) => digestOfFile(join(shop.folder, 'out', name))))
    // another checkout of the same commit, elsewhere
    const place = join(shop.folder, 'elsewhere')
    await cp(shop.source, join(place, 'source'), { recursive: true })
    await writeFile(join(place, 'base.tar'), tarOf(baseMembers))
    await mkdir(join(place, 'tmp'))
    const script = `
    const { buildImage } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/image/image.ts'))})
    const { plainContext } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/platform/platform.ts'))})
    const { copyFile } = await import('node:fs/promises')
    process.umask(0o077)
    const builder = { name: 'tiny', scratchBytes: 1, build: (_, { into }) => copyFile('../base.tar', into) }
    const log = { info() {}, debug() {}, warn: console.error, group: (title, work) => work() }
    await buildImage({ recipe: 'image.yml', arch: 'amd64', output: '../out', cache: 'none' }, plainContext({ log }), builder)
    console.log(process.getuid(), new Date().getFullYear())`
    const asOther = process.getuid?.() === 0
    if (asOther) {
      await promisify(execFile)('chown', ['-R', 'nobody', place])
      await chmod(shop.folder, 0o755)
    }
    const user = asOther ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] : []
    const day = needs('faketime') ? [] : ['faketime', '2031-05-06 07:08:09']
    const [program, ...args] = [...user, ...day, process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = await promisify(execFile)(program, args, {
      cwd: join(place, 'source'),
      env: {
        PATH: process.env['PATH'],
        HOME: place,
        TMPDIR: join(place, 'tmp'),
        TZ: 'Pacific/Chatham',
        LC_ALL: 'tr_TR.UTF-8',
        SOURCE_DATE_EPOCH: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        NO_FAKE_STAT: '1', // files were written when they were
      },
    })
    t.diagnostic(`as user and in year ${stdout.trim()}`)
    assert.equal(stderr, '')
    const found = await Promise.all(results.map((name) => digestOfFile(join(place, 'out', name))))
    assert.deepEqual(
      results.filter((_, index) => found[index] !== expected[index]),
      [],
    )
  },
)

test('a check of reproducibility passes where two builds are equal, and says so', { skip }, async (t) => {
  const shop = await workshop(t, recipe, { 'files/etc/motd': 'hello\n' })
  const options = { recipe: join(shop.source, 'image.yml'), arch: 'amd64', output: join(shop.folder, 'out') }
  const builder = tinyBuilder()
  const cache = shop.cache
  const built = await buildImage({ ...options, cache, reproducible: 'check' }, shop.context(), builder)
  assert.equal(built.isChecked, true)
  assert.equal(builder.builds.length, 2)
  assert.match(shop.said.join('\n'), /built twice.*the same bytes/)
  const once = await buildImage({ ...options, cache }, shop.context(), builder)
  assert.equal(once.isChecked, false)
  assert.equal(once.sha256, built.sha256)
})

test(
  'two builds that differ are a failure that names the files, and what differs in them',
  { skip },
  async (t) => {
    const shop = await workshop(t, 'disk: { data: { size: 16MiB } }\n')
    let count = 0
    const builder = tinyBuilder()
    const changing = {
      ...builder,
      build: (...[request, place, context]: Parameters<typeof builder.build>) =>
        tinyBuilder([
          ...baseMembers,
          { path: './etc/when', text: `built on day ${++count}\nas ever\n` },
          { path: './etc/open', text: 'x\n', mode: count === 1 ? 0o644 : 0o600 },
          ...(count === 1 ? [{ path: './etc/first', text: '' }] : []),
        ]).build(request, place, context),
    }
    const options = {
      recipe: join(shop.source, 'image.yml'),
      arch: 'amd64',
      output: join(shop.folder, 'out'),
    }
    await assert.rejects(
      buildImage({ ...options, cache: 'none', reproducible: 'check' }, shop.context(), changing),
      (error: Error & { reason?: string }) => {
        assert.equal(error.reason, 'build-failed')
        assert.match(error.message, /^two builds of the recipe differ in rootfs\.ext4 \(\d+ and \d+ bytes\)/)
        assert.match(error.message, /\/etc\/first: only in the first/)
        assert.match(error.message, /\/etc\/open: mode 644 and 600/)
        assert.match(error.message, /\/etc\/when: content 23 bytes, sha256 \w+ and 23 bytes/)
        assert.doesNotMatch(error.message, /passwd|os-release/)
        if (needs('diffoscope'))
          assert.match(error.message, /Install diffoscope \(package diffoscope-minimal\)/)
        else
          assert.match(
            error.message,
            /[-+]built on day 1[^]*[-+]built on day 2|[-+]built on day 2[^]*[-+]built on day 1/,
          )
        return true
      },
    )
  },
)
