// What was tested is what ships: the real update client installs an artifact, and the receipt has its own word for it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { startVirtualDevice } from '../../src/device/device.ts'
import { verifyUpdate } from '../../src/operate/operate.ts'
import { dispatch } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { readReceipt, receiptKeys } from '../../src/receipt/receipt.ts'
import { testDevice } from '../../src/testing/testing.ts'
import { ec } from '../artifact/keys.ts'
import { baseImage, cannotBoot } from '../support/base-image.ts'
import { sshKey } from '../support/devices.ts'
import { allDevices, openLab, until } from '../support/mender-lab.ts'
import { undo } from '../support/undo.ts'

const context = plainContext()

test(
  'the receipt of an updated device has the checksum that its client reports, and opens the gate',
  { skip: cannotBoot },
  async (t) => {
    const lab = await openLab(t)
    const key = await sshKey(t)
    const image = await baseImage()
    const release = 'os-2'
    const artifact = join(lab.folder, 'os-2.mender')
    const source = await renamed(image, release, lab.folder)
    const { contentDigest } = await writeMender(
      { source, output: artifact, name: release, deviceTypes: ['virtual'], compression: 'gzip' },
      context,
    )
    await lab.server.upload(artifact)
    const folder = join(lab.folder, 'device')
    const given = { deviceType: 'virtual', serial: 'SN-1', authorizedKey: key.publicKey, serverUrl: lab.url }
    const running = await startVirtualDevice({ image, folder, ...given }, context)
    undo(t, () => running.stop())
    let device = ''
    await until(async () => {
      const [first] = await allDevices(lab.server)
      device = first?.reportedAt === undefined ? '' : first.id
      return device !== ''
    })
    const request = { release, device, timeoutMs: 240_000, runId: 'run', logFolder: lab.folder }
    await dispatch(lab.server, request, context)

    const checks = join(lab.folder, 'checks.yml')
    await writeFile(
      checks,
      'mounts: { /: { type: ext4 }, /data: }\nports: { tcp/22: }\npackages: { mender-client: }\n',
    )
    const run = await testDevice(
      {
        device: running.sshUrl,
        sshKey: key.privateKey,
        hostKey: running.hostKey,
        tests: checks,
        output: join(lab.folder, 'results'),
        expectRelease: `${release}@${contentDigest}`,
        signingKey: ec.pkcs8,
      },
      context,
    )
    assert.equal(run.result, 'pass', JSON.stringify(run.cases))
    const stated = await readReceipt(run.receipt ?? '', receiptKeys(ec.public))
    const sum = execFileSync('sha256sum', [source], { encoding: 'utf8' }).slice(0, 64)
    assert.equal(stated.reported?.provides['rootfs-image.checksum'], sum)
    assert.equal(stated.reported?.provides['artifact_name'], release)
    assert.equal(stated.reported?.release, release)

    const verify = (path: string) =>
      verifyUpdate(
        {
          artifact: path,
          verifyKeys: [],
          deviceTypes: [],
          receipts: [run.receipt ?? ''],
          receiptKeys: [ec.public],
        },
        context,
      )
    assert.equal((await verify(artifact)).verdict, 'accept')
  },
)

/** A copy of the image that says of itself that it is `release`. */
async function renamed(image: string, release: string, folder: string): Promise<string> {
  const copy = join(folder, 'update.ext4')
  execFileSync('cp', ['--reflink=auto', '--sparse=always', image, copy])
  const path = '/usr/lib/os-release'
  const text = execFileSync('debugfs', ['-R', `cat ${path}`, copy], { encoding: 'utf8', stdio: 'pipe' })
  const file = join(folder, 'os-release')
  await writeFile(file, text.replace(/^IMAGE_VERSION=.*$/m, `IMAGE_VERSION=${release}`))
  const commands = join(folder, 'commands')
  await writeFile(commands, `rm ${path}\ncd /usr/lib\nwrite ${file} os-release\n`)
  execFileSync('debugfs', ['-w', '-f', commands, copy], { stdio: 'pipe' })
  return copy
}
