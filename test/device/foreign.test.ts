// An image of another architecture in namespaces: whether its programs run at all. What a whole system does is shown where one
// is built under emulation, which takes minutes.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from '../../src/device/device.ts'
import { type Failure, plainContext } from '../../src/platform/platform.ts'
import { registeredEmulators } from '../support/emulators.ts'
import { cannotBoot } from '../support/base-image.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'

const other = process.arch === 'arm64' ? 'amd64' : 'arm64'
const emulator = process.arch === 'arm64' ? 'qemu-x86_64-static' : 'qemu-aarch64-static'

test(
  'a device of another architecture has its programs emulated for as long as it is there',
  { skip: cannotBoot || needs(emulator, 'arch-test', 'debugfs') },
  async (t) => {
    const folder = await temporaryFolder(t)
    const image = join(folder, 'image.ext4')
    const root = join(folder, 'root')
    for (const name of ['usr/bin', 'usr/sbin', 'data', 'dev', 'proc', 'sys', 'run', 'tmp'])
      await mkdir(join(root, name), { recursive: true })
    // a program that says ok, whatever it is asked for
    for (const name of ['usr/sbin/chroot', 'usr/bin/env'])
      execFileSync('cp', [`/usr/lib/arch-test/${other}`, join(root, name)])
    await writeFile(image, '')
    await truncate(image, 8 << 20)
    execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', root, image])

    const told: string[] = []
    const context = plainContext()
    const log = { ...context.log, info: (line: string) => void told.push(line) }
    await assert.rejects(
      connect(`namespace:${image}`, { context: { ...context, log } }),
      (error: Failure) => {
        assert.equal(error.reason, 'device-unreachable')
        assert.match(error.message, /doesn't boot.*Its console says: (?:ok\W*)+$/s)
        return true
      },
    )
    assert.ok(
      told.some((line) => line.startsWith(`programs for ${other} run under qemu here`)),
      told.join('\n'),
    )
    assert.deepEqual(
      registeredEmulators().filter((name) => name.includes(`-${process.pid}-`)),
      [],
    )
  },
)
