// An arm64 system on this machine, twice and from nothing: minutes each where qemu has to run its programs.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildImage } from '../../src/image/image.ts'
import { needs } from '../support/needs.ts'
import { ask, output, workshop } from './workshop.ts'

const skip = needs(
  'root',
  'mmdebstrap',
  'mke2fs',
  'debugfs',
  'e2fsck',
  'git',
  'arch-test',
  'qemu-aarch64-static',
)

test('two arm64 builds from nothing are equal byte for byte', { skip }, async (t) => {
  const shop = await workshop(t)
  await shop.write('image.yml', 'name: arm\nsuite: bookworm\npackages: [openssh-server]\n')
  await shop.commit('2026-03-05T00:00:00Z')
  const build = (to: string) =>
    buildImage(
      { recipe: join(shop.source, 'image.yml'), arch: 'arm64', output: join(shop.folder, to), cache: 'none' },
      shop.context(),
    )
  const [first, second] = [await build('one'), await build('two')]
  assert.equal(first.cacheHit || second.cacheHit, false)
  await ask(first.rootfs, `dump /usr/sbin/sshd ${join(shop.folder, 'sshd')}`)
  assert.equal(
    (await readFile(join(shop.folder, 'sshd'))).readUInt16LE(18),
    183,
    'the program is an arm64 one',
  )
  if (first.sha256 === second.sha256) return
  // what differs is worth more than that something does
  const listing = async (image: string) => output('/usr/sbin/dumpe2fs', image)
  assert.equal(await listing(second.rootfs), await listing(first.rootfs))
  assert.equal(second.sha256, first.sha256)
})
