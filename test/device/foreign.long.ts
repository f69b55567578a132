// A virtual device in namespaces whose programs are another architecture's: emulated one by one, on this machine's kernel. An
// image of it is built under emulation where none is kept, which takes many minutes.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { connect } from '../../src/device/device.ts'
import { dispatch } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { registeredEmulators } from '../support/emulators.ts'
import { baseImage, cannotBoot } from '../support/base-image.ts'
import { bootDevice, until } from '../support/devices.ts'
import { allDevices, openLab } from '../support/mender-lab.ts'
import { needs } from '../support/needs.ts'

const arch = process.arch === 'arm64' ? 'amd64' : 'arm64'
const [machine, emulator] = arch === 'arm64' ? ['aarch64', 'aarch64'] : ['x86_64', 'x86_64']
const skip = cannotBoot || needs(`qemu-${emulator}-static`, 'arch-test', 'debugfs')
const context = plainContext()
const own = () => registeredEmulators().filter((name) => name.includes(`-${process.pid}-`))

test(
  'a device of another architecture runs in namespaces, updates itself, and takes its emulator with it',
  { skip, timeout: 2 * 3_600_000 },
  async (t) => {
    const lab = await openLab(t)
    const image = await baseImage(arch)
    const { device, connection } = await bootDevice(t, { image, serverUrl: lab.url, bootTimeoutMs: 300_000 })
    assert.equal((await connection.run('uname', ['-m'])).stdout.trim(), machine)
    assert.equal(own().length, 1)

    const source = join(lab.folder, 'os-2.ext4')
    execFileSync('cp', ['--reflink=auto', '--sparse=always', image, source])
    const release = join(lab.folder, 'os-release')
    const path = '/usr/lib/os-release'
    execFileSync('debugfs', ['-R', `dump ${path} ${release}`, source], { stdio: 'pipe' })
    const text = await readFile(release, 'utf8')
    await writeFile(release, text.replace(/^IMAGE_VERSION=.*$/m, 'IMAGE_VERSION=os-2'))
    const input = `rm ${path}\nwrite ${release} ${path}\n`
    execFileSync('debugfs', ['-w', '-f', '-', source], { input, stdio: 'pipe' })
    const output = join(lab.folder, 'os-2.mender')
    const options = { source, output, name: 'os-2', deviceTypes: ['virtual'], compression: 'none' as const }
    await writeMender(options, context)
    await lab.server.upload(output)
    const id = await until(
      'its client reports',
      async () => {
        const [first] = await allDevices(lab.server)
        return first?.reportedAt === undefined ? undefined : first.id
      },
      300_000,
    )
    const request = { device: id, timeoutMs: 900_000, runId: 'run', logFolder: lab.folder }
    const { result } = await dispatch(lab.server, { ...request, release: 'os-2' }, context)
    assert.equal(result, 'success')
    const facts = await lab.server.device(id)
    assert.deepEqual([facts.release, facts.attributes['slot']], ['os-2', '/dev/mmcblk0p3'])

    await connection.close()
    await device.stop()
    assert.deepEqual(own(), [])
  },
)

test('namespace: takes an image of another architecture', { skip, timeout: 2 * 3_600_000 }, async () => {
  const connection = await connect(`namespace:${await baseImage(arch)}`, { context, limitMs: 120_000 })
  assert.equal((await connection.run('uname', ['-m'])).stdout.trim(), machine)
  const bootId = await connection.bootId()
  await connection.reboot({ limitMs: 120_000 })
  assert.notEqual(await connection.bootId(), bootId)
  await connection.close()
  assert.deepEqual(own(), [])
})
