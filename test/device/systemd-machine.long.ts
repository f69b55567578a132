// A system with systemd, as examples/images/virtual makes one, in QEMU: as a root file system and on a disk. Building it takes
// minutes, and its start under emulation about one.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from '../../src/device/device.ts'
import { buildImage } from '../../src/image/image.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { cannotEmulate } from '../support/machines.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const recipe = join(import.meta.dirname, '../../examples/images/virtual/image.yml')
const skip = cannotEmulate() || needs('sfdisk')
const context = plainContext()

test('systemd comes up whole, and nothing of the image is touched for our access', { skip }, async (t) => {
  const output = join(await temporaryFolder(t), 'image')
  const { rootfs } = await buildImage({ recipe, output }, context)
  await t.test('from a root file system', async (t) => {
    const connection = await connect(`vm:${rootfs}`, { context })
    undo(t, () => connection.close())
    const said = async (...words: [string, ...string[]]) =>
      (await connection.run(words[0], words.slice(1))).stdout.trim()
    assert.equal(await said('systemctl', 'is-system-running'), 'running')
    assert.equal(await said('findmnt', '-n', '-o', 'SOURCE', '/'), '/dev/mmcblk0p2')
    assert.equal(await said('findmnt', '-n', '-o', 'SOURCE', '/data'), '/dev/mmcblk0p4')
    // the image's own server is there beside ours, and has none of our keys
    assert.match(
      await said('systemctl', 'is-active', 'ssh.service', 'drover-access.service'),
      /^active\nactive$/,
    )
    assert.equal(await said('sh', '-c', 'cat /root/.ssh/authorized_keys 2>/dev/null'), '')
    const before = await connection.bootId()
    await connection.reboot({ limitMs: 300_000 })
    assert.notEqual(await connection.bootId(), before)
    const { texts, missing } = await connection.collect()
    assert.equal(texts['failed-units'], '')
    assert.match(texts.journal ?? '', /systemd\[1\]: Reached target/)
    assert.match(texts.console ?? '', /reboot: Restarting system/)
    assert.ok(texts['journal-before'] !== undefined || missing['journal-before'] !== undefined)
  })
  await t.test('from a disk', async (t) => {
    const disk = join(await temporaryFolder(t), 'disk.img')
    await makeDisk(rootfs, disk)
    const connection = await connect(`vm:${disk}`, { context })
    undo(t, () => connection.close())
    const { stdout } = await connection.run('findmnt', ['-n', '-o', 'SOURCE', '/'])
    assert.equal(stdout.trim(), '/dev/mmcblk0p2')
    assert.match((await connection.run('cat', ['/proc/partitions'])).stdout, /vda3/)
  })
})

/** A disk whose second partition is the root file system. */
async function makeDisk(rootfs: string, disk: string): Promise<void> {
  const sectors = Math.ceil((await stat(rootfs)).size / 512)
  await writeFile(disk, '')
  await truncate(disk, (sectors + 16_384) * 512)
  const table = `label: gpt\nstart=2048, size=2048\nstart=4096, size=${sectors}\nsize=2048\n`
  execFileSync('sfdisk', ['--quiet', disk], { input: table, stdio: 'pipe' })
  execFileSync('dd', [`if=${rootfs}`, `of=${disk}`, 'bs=1M', 'seek=2', 'conv=notrunc,sparse'], {
    stdio: 'pipe',
  })
}
