import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { open, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOfFile } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { baseMembers, tinyBuilder } from './tiny-base.ts'
import { ask, output, workshop } from './workshop.ts'

const skip = needs('mke2fs', 'debugfs', 'e2fsck', 'git', 'sfdisk', 'mkfs.vfat', 'mcopy', 'xz')
const recipe = `size: 16MiB
files: [{ source: boot, path: /boot/firmware }, { source: seed, path: /data/seed }]
disk:
  boot: { size: 8MiB }
  slots: 2
  data: { size: 12MiB }
`
const files = {
  'boot/config.txt': 'arm_64bit=1\n',
  'boot/overlays/a.dtbo': 'overlay\n',
  seed: 'first boot\n',
}
const mebibyte = 1 << 20

/** What sfdisk says of a disk image. */
async function tableOf(image: string) {
  const { partitiontable } = JSON.parse(await output('/usr/sbin/sfdisk', '--json', image)) as {
    partitiontable: {
      label: string
      partitions: { start: number; size: number; type: string; name?: string; bootable?: boolean }[]
    }
  }
  return partitiontable
}

async function unpacked(image: string, program = 'xz'): Promise<string> {
  await output(program, '--decompress', '--keep', image)
  return image.replace(/\.\w+$/, '')
}

/** A partition's bytes in a file of their own. */
async function partition(
  disk: string,
  { start, size }: { start: number; size: number },
  into: string,
): Promise<string> {
  await output('dd', `if=${disk}`, `of=${into}`, 'bs=512', `skip=${start}`, `count=${size}`, 'status=none')
  return into
}

test('a disk has a boot partition, two equal root slots and data', { skip }, async (t) => {
  const shop = await workshop(t, recipe, files)
  const built = await shop.build()
  assert.match(built.image, /disk\.img\.xz$/)
  const disk = await unpacked(built.image)
  const { label, partitions } = await tableOf(disk)
  assert.equal(label, 'gpt')
  assert.deepEqual(
    partitions.map(({ name, size }) => [name, (size * 512) / mebibyte]),
    [
      ['boot', 8],
      ['rootfs-a', 16],
      ['rootfs-b', 16],
      ['data', 12],
    ],
  )
  const [boot, a, b, data] = await Promise.all(
    partitions.map((one, index) => partition(disk, one, join(shop.folder, `part-${index}`))),
  )
  assert.ok(boot && a && b && data)
  assert.equal(await digestOfFile(a), built.sha256)
  assert.equal(await digestOfFile(b), built.sha256)
  assert.equal(await output('mtype', '-i', boot, '::/config.txt'), 'arm_64bit=1\n')
  assert.equal(await output('mtype', '-i', boot, '::/overlays/a.dtbo'), 'overlay\n')
  assert.equal(await ask(data, 'cat /seed'), 'first boot\n')
  await output('/usr/sbin/e2fsck', '-f', '-n', data)
  await output('/usr/sbin/fsck.vfat', '-n', boot)
  assert.deepEqual((await readdir(join(shop.folder, 'out'))).sort(), [
    'disk.img',
    'disk.img.bmap',
    'disk.img.xz',
    'manifest.json',
    'rootfs.ext4',
    'rootfs.ext4.release.json',
    'sbom.cdx.json',
  ])
})

test('an old partition table is made where the board reads no other', { skip }, async (t) => {
  const shop = await workshop(
    t,
    recipe.replace('disk:', 'disk:\n  table: mbr').replace('slots: 2', 'slots: 1'),
    files,
  )
  const { label, partitions } = await tableOf(await unpacked((await shop.build()).image))
  assert.equal(label, 'dos')
  assert.deepEqual(
    partitions.map(({ type, bootable = false }) => [type, bootable]),
    [
      ['c', true],
      ['83', false],
      ['83', false],
    ],
  )
})

test('two builds of one disk are equal byte for byte', { skip }, async (t) => {
  const shop = await workshop(t, recipe, files)
  const first = await shop.build()
  await output('touch', '-d', '2001-01-01', join(shop.source, 'boot/config.txt'))
  const second = await shop.build(tinyBuilder(), 'elsewhere')
  assert.notEqual(second.image, first.image)
  assert.equal(await digestOfFile(second.image), await digestOfFile(first.image))
  const map = (image: string) => readFile(image.replace(/xz$/, 'bmap'), 'utf8')
  assert.equal(await map(second.image), await map(first.image))
})

for (const [compression, suffix] of [
  ['xz', 'xz'],
  ['zstd', 'zst'],
] as const) {
  const name = `bmaptool writes an image compressed by ${compression} onto a card that was used before`
  test(name, { skip: skip || needs('bmaptool', compression) }, async (t) => {
    const shop = await workshop(t, `${recipe}  compression: ${compression}\n`, files)
    const built = await shop.build()
    assert.equal(built.image, join(shop.folder, `out/disk.img.${suffix}`))
    const table = await tableOf(await unpacked(built.image, compression))
    const card = join(shop.folder, 'card')
    await writeFile(card, '')
    const { size } = await stat(join(shop.folder, 'out/disk.img'))
    await truncate(card, size)
    const used = await open(card, 'r+')
    for (let at = 0; at < size; at += mebibyte) await used.write(randomBytes(mebibyte), 0, mebibyte, at)
    await used.close()
    await rm(join(shop.folder, 'out/disk.img'))
    await output('bmaptool', 'copy', built.image, card)
    const { partitions } = await tableOf(card)
    assert.equal(partitions.length, table.partitions.length)
    const [boot, ...linux] = await Promise.all(
      partitions.map((one, index) => partition(card, one, join(shop.folder, `card-${index}`))),
    )
    assert.ok(boot)
    await output('/usr/sbin/fsck.vfat', '-n', boot)
    for (const one of linux) await output('/usr/sbin/e2fsck', '-f', '-n', one)
    assert.equal(
      await ask(linux[0] ?? '', 'cat /etc/mender/artifact_info'),
      `artifact_name=${built.version}\n`,
    )
    const map = await readFile(join(shop.folder, 'out/disk.img.bmap'), 'utf8')
    const [mapped, all] = [/<MappedBlocksCount> (\d+)/, /<BlocksCount> (\d+)/].map((one) =>
      Number(one.exec(map)?.[1]),
    )
    assert.ok(mapped && all && mapped < 0.7 * all, `${mapped} of ${all} blocks are written`)
  })
}

for (const { what, from, to, message } of [
  {
    what: 'without a file for it',
    from: 'boot, path: /boot/firmware',
    to: 'boot, path: /boot/other',
    message: /no file for the boot partition/,
  },
  {
    what: 'too small for its files',
    from: 'size: 8MiB',
    to: 'size: 1MiB',
    message: /raise the `size` of `boot`/,
  },
] as const) {
  test(`a boot partition ${what} is told, and leaves nothing`, { skip }, async (t) => {
    const shop = await workshop(t, recipe.replace(from, to), {
      ...files,
      'boot/kernel8.img': 'k'.repeat(2 * mebibyte),
    })
    await assert.rejects(shop.build(), { reason: 'build-failed', message })
    assert.deepEqual(await readdir(join(shop.folder, 'out')), [])
  })
}

test('a build says what changed in the packages since the last one', { skip }, async (t) => {
  const shop = await workshop(t)
  const status = (versions: Record<string, string>) =>
    Object.entries(versions)
      .map(
        ([name, version]) =>
          `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n`,
      )
      .join('\n')
  const withStatus = (text: string) =>
    tinyBuilder([
      ...baseMembers.filter(({ path }) => !path.endsWith('/status')),
      { path: './var/lib/dpkg/status', text },
    ])
  const first = await shop.build(withStatus(status({ a: '1', b: '1', c: '1' })))
  assert.equal(first.differences, undefined)
  shop.mirror.publish('news')
  const second = await shop.build(withStatus(status({ a: '1', b: '2', d: '1' })))
  const expected = {
    since: first.version,
    added: [{ name: 'd', version: '1' }],
    removed: [{ name: 'c', version: '1' }],
    changed: [{ name: 'b', from: '1', to: '2' }],
  }
  assert.deepEqual(second.differences, expected)
  assert.deepEqual((await shop.build(withStatus(status({ a: '1', b: '2', d: '1' })))).differences, expected)
})

test('builds of one recipe at once do not disturb one another', { skip }, async (t) => {
  const shop = await workshop(t)
  await shop.build()
  await shop.write('other', 'x')
  await shop.commit('2026-03-06T00:00:00Z')
  const built = await Promise.all(['a', 'b', 'c', 'd'].map((to) => shop.build(tinyBuilder(), to)))
  assert.equal(new Set(built.map(({ sha256 }) => sha256)).size, 1)
  assert.deepEqual(shop.warnings, [])
})
