import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { buildImage } from '../../src/image/image.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { until } from '../support/until.ts'
import { ask, workshop } from './workshop.ts'

const skip = needs('mke2fs', 'debugfs', 'e2fsck', 'git', 'tar', 'xz', 'zstd', 'setpriv', 'unshare')

/** Makes a small system in $TMPDIR/root, then does what is asked with it. */
const script = `#!/bin/sh
set -e
root=$TMPDIR/root
mkdir -p $root/etc $root/var/lib/dpkg $root/usr/bin
printf 'ID=other\\nVERSION_ID=7\\n' > $root/etc/os-release
printf 'root:x:0:0:root:/root:/bin/sh\\n' > $root/etc/passwd
printf 'root:*:20254:0:99999:7:::\\n' > $root/etc/shadow
printf 'Package: only\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 3\\n' > $root/var/lib/dpkg/status
echo "$IMAGE_ARCH $IMAGE_SUITE $IMAGE_VARIANT \${DROVER_TOKEN:-none}" > $root/etc/built
`

async function build(t: TestContext, ending: string, rootfs: string, files: Record<string, string> = {}) {
  const shop = await workshop(t, '', files)
  await shop.write('make-base', `${script}${ending}\n`, 0o755)
  await shop.write(
    'image.yml',
    `name: tiny-os\nsuite: seven\nbuilder: { command: [./make-base], rootfs: ${rootfs} }\nfolders: [/data]\nvariants: { lab: {} }\n`,
  )
  await shop.commit('2026-03-05T00:00:00Z')
  const options = {
    recipe: join(shop.source, 'image.yml'),
    arch: 'amd64',
    variant: 'lab',
    output: join(shop.folder, 'out'),
  }
  const built = () => buildImage({ ...options, cache: shop.cache }, shop.context())
  return { shop, built }
}

for (const [what, ending, rootfs] of [
  ['a tar file', 'tar -C $root -cf $IMAGE_OUTPUT/rootfs.tar .', 'rootfs.tar'],
  ['a gzip-compressed tar file', 'tar -C $root -czf $IMAGE_OUTPUT/rootfs.tgz .', 'rootfs.tgz'],
  ['an xz-compressed tar file', 'tar -C $root -cJf $IMAGE_OUTPUT/r.tar.xz .', 'r.tar.xz'],
  ['a zstd-compressed tar file', 'tar -C $root --zstd -cf $IMAGE_OUTPUT/r.tar.zst .', 'r.tar.zst'],
  ['a folder', 'mkdir $IMAGE_OUTPUT/deep && mv $root $IMAGE_OUTPUT/deep/root', 'deep/root'],
] as const) {
  test(`any program may make the base system, and leave ${what}`, { skip }, async (t) => {
    process.env['DROVER_TOKEN'] = 'not for programs'
    t.after(() => delete process.env['DROVER_TOKEN'])
    const { shop, built } = await build(t, ending, rootfs)
    const { rootfs: image, version, packages } = await built()
    assert.equal(packages, 1)
    assert.equal(await ask(image, 'cat /etc/built'), 'amd64 seven lab none\n')
    assert.match(await ask(image, 'cat /etc/os-release'), new RegExp(`^IMAGE_VERSION=${version}$`, 'm'))
    assert.match(await ask(image, 'stat /data'), /Type: directory/)
    // the checkout is as it was
    assert.deepEqual((await readdir(shop.source)).sort(), ['.git', 'image.yml', 'make-base'])
    // and another build of it is the same image, with times of a later day
    assert.equal((await built()).version, version)
  })
}

test('the umask of who builds does not show in what a program makes', { skip }, async (t) => {
  const { built } = await build(t, 'tar -C $root -cf $IMAGE_OUTPUT/rootfs.tar .', 'rootfs.tar')
  const before = process.umask(0o077)
  t.after(() => process.umask(before))
  const { rootfs } = await built()
  assert.match(await ask(rootfs, 'stat /etc/built'), /Mode: {2}0644/)
  assert.match(await ask(rootfs, 'stat /usr/bin'), /Mode: {2}0755/)
})

test('a builder that fails, or leaves nothing, is told with its own words', { skip }, async (t) => {
  const failing = await build(t, 'echo "no such board" >&2; exit 7', 'rootfs.tar')
  await assert.rejects(failing.built(), {
    reason: 'build-failed',
    message: /make-base` failed with 7\. It said: no such board/,
  })
  const empty = await build(t, '', 'rootfs.tar')
  await assert.rejects(empty.built(), {
    reason: 'build-failed',
    message: /left no rootfs\.tar in \$IMAGE_OUTPUT/,
  })
})

test(
  'what a builder has running goes with a build that is cancelled',
  { skip: skip || needs('root') },
  async (t) => {
    // nobody else sleeps this long, so it is found again by that
    const seconds = `98765.${process.pid}`
    const { shop } = await build(t, `mount -t tmpfs none /mnt; sleep ${seconds}`, 'rootfs.tar')
    const cancelled = new AbortController()
    const options = {
      recipe: join(shop.source, 'image.yml'),
      output: join(shop.folder, 'out'),
      cache: 'none',
    }
    const building = buildImage({ ...options, variant: 'lab' }, plainContext({ signal: cancelled.signal }))
    building.catch(() => {}) // looked at below
    await until('the builder runs', async () => (await running(seconds)) > 0)
    cancelled.abort(new Failure('cancelled', 'enough'))
    await assert.rejects(building, { reason: 'cancelled' })
    await until('the builder is gone', async () => (await running(seconds)) === 0)
    assert.doesNotMatch(await readFile('/proc/self/mounts', 'utf8'), / \/mnt tmpfs /)
  },
)

/** How many processes sleep for so many seconds. */
async function running(seconds: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter((line) => line === `sleep\0${seconds}\0`).length
}

test('what only our own builder can do is told for another', { skip }, async (t) => {
  const shop = await workshop(t)
  await shop.write(
    'image.yml',
    'name: a\nsuite: b\nbuilder: { command: [x], rootfs: r }\npackages: [vim]\nvariants: { lab: { hooks: [] } }\n',
  )
  await assert.rejects(shop.build(), (error: unknown) => {
    assert.ok(error instanceof Failure)
    assert.deepEqual(
      error.problems.map(({ line }) => line),
      [4, 5],
    )
    return true
  })
})
