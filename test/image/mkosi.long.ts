// A base system by a builder that is not ours: mkosi, as docs/images.md has it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildImage } from '../../src/image/image.ts'
import { needs } from '../support/needs.ts'
import { ask, workshop } from './workshop.ts'

const skip = needs('root', 'mkosi', 'debootstrap', 'systemd-nspawn', 'mke2fs', 'debugfs', 'e2fsck', 'git')

test('mkosi makes the base system of an image', { skip }, async (t) => {
  const shop = await workshop(t)
  await shop.write(
    'image.yml',
    `name: by-mkosi
suite: bookworm
builder:
  command: [./with-mkosi]
  rootfs: rootfs.tar
folders: [/data]
`,
  )
  // systemd-nspawn wants a temporary file system at /run, as machines have it that systemd started
  await shop.write(
    'with-mkosi',
    `#!/bin/sh
set -e
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
exec mkosi --force --nspawn-keep-unit --distribution debian --release "$IMAGE_SUITE" --mirror http://deb.debian.org/debian \\
  --format tar --output "$IMAGE_OUTPUT/rootfs.tar" --workspace-dir "$TMPDIR" --package busybox build
`,
    0o755,
  )
  await shop.commit('2026-03-05T00:00:00Z')
  const built = await buildImage(
    { recipe: join(shop.source, 'image.yml'), output: join(shop.folder, 'out'), cache: 'none' },
    shop.context(),
  )
  assert.match(await ask(built.rootfs, 'stat /usr/bin/busybox'), /Type: regular/)
  assert.match(
    await ask(built.rootfs, 'cat /usr/lib/os-release'),
    new RegExp(`^IMAGE_VERSION=${built.version}$`, 'm'),
  )
  assert.ok(built.packages > 60)
})
