// An update of the whole system by the real Mender client, unmodified, in a virtual machine that boots from two slots: one
// that is good and stays, and one that doesn't boot and is given up.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFile, mkdir, readFile, readdir, truncate, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { type DeviceEvent, startVirtualMachine } from '../../src/device/device.ts'
import { dispatch } from '../../src/ota/ota.ts'
import { plainContext, silentLog } from '../../src/platform/platform.ts'
import { type Lab, allDevices, openLab } from '../support/mender-lab.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'

/** Updates a machine of `image` twice; each of its starts may take up to `bootMs`. */
export async function updateMachine(
  t: TestContext,
  image: string,
  { arch, bootMs }: { arch: 'amd64' | 'arm64'; bootMs: number },
): Promise<void> {
  const lab = await openLab(t)
  const told: string[] = []
  const log = {
    ...silentLog,
    info: (line: string) => {
      told.push(line)
      t.diagnostic(line)
    },
  }
  const context = plainContext({ log })
  const machine = await startVirtualMachine(
    {
      image,
      folder: join(lab.folder, 'device'),
      deviceType: 'virtual',
      serial: 'SN-1',
      serverUrl: lab.url,
      bootTimeoutMs: bootMs,
    },
    context,
  )
  undo(t, () => machine.stop())
  const kit = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'drover/machines', arch)
  await uploadGood(lab, image, 'os-2', kit)
  await uploadBad(lab, 'os-3')
  const device = await until(
    'its client reports',
    async () => {
      const [first] = await allDevices(lab.server)
      return first?.reportedAt === undefined ? undefined : first.id
    },
    bootMs,
  )
  const request = { device, timeoutMs: 3 * bootMs, runId: 'run', logFolder: lab.folder }
  const { result } = await dispatch(lab.server, { ...request, release: 'os-2' }, context)
  assert.equal(result, 'success')
  assert.equal((await lab.server.device(device)).attributes['slot'], '/dev/mmcblk0p3')
  assert.deepEqual(historyOf(machine.events()), ['boot 2', 'reboot', 'boot 3 trial'])
  // the update brought a kernel, as the image before had not
  const kernels = told.filter((line) => line.startsWith('SN-1: kernel '))
  assert.deepEqual(
    kernels.map((line) => line.includes('own')),
    [false, true],
  )

  const second = dispatch(lab.server, { ...request, release: 'os-3' }, context)
  await assert.rejects(second, { reason: 'rolled-back' })
  const facts = await lab.server.device(device)
  assert.equal(facts.release, 'os-2')
  assert.equal(facts.attributes['slot'], '/dev/mmcblk0p3')
  // the last reboot is the client's: it makes sure of where it is
  const after = ['reboot', 'boot 2 trial', 'crash', 'boot 3 fallback', 'reboot', 'boot 3']
  assert.deepEqual(historyOf(machine.events()).slice(3), after)
}

function historyOf(events: readonly DeviceEvent[]): string[] {
  return events.map((event) =>
    event.kind === 'down'
      ? event.why
      : `boot ${event.slot}${event.isTrial ? ' trial' : ''}${event.isFallback ? ' fallback' : ''}`,
  )
}

/** Uploads the image with another name in its os-release and a kernel of its own, no larger than it has to be. */
async function uploadGood(lab: Lab, image: string, name: string, kit: string): Promise<void> {
  const source = join(lab.folder, `${name}.ext4`)
  execFileSync('cp', ['--reflink=auto', '--sparse=always', image, source])
  const path = '/usr/lib/os-release'
  const text = execFileSync('debugfs', ['-R', `cat ${path}`, source], { encoding: 'utf8', stdio: 'pipe' })
  const commands = join(lab.folder, `${name}.commands`)
  await writeFile(`${commands}.text`, text.replace(/^IMAGE_VERSION=.*$/m, `IMAGE_VERSION=${name}`))
  const kernel = await kernelCommands(kit, join(lab.folder, 'kernel'))
  await writeFile(commands, `rm ${path}\nwrite ${commands}.text ${path}\n${kernel}`)
  execFileSync('debugfs', ['-w', '-f', commands, source], { stdio: 'pipe' })
  execFileSync('resize2fs', ['-M', source], { stdio: 'pipe' })
  await upload(lab, source, name)
}

/** What puts the kernel of `kit` into an image as a package would, its modules compressed as Debian 13 has them. */
async function kernelCommands(kit: string, scratch: string): Promise<string> {
  const version = (await readFile(join(kit, 'version'), 'utf8')).trim()
  const folder = `/usr/lib/modules/${version}`
  const lines = [
    'mkdir /usr/lib/modules',
    `mkdir ${folder}`,
    `write ${join(kit, 'vmlinuz')} /boot/vmlinuz-${version}`,
  ]
  await mkdir(scratch)
  const names: string[] = []
  for (const file of await readdir(join(kit, 'modules'))) {
    const name = `${file.slice('00-'.length)}.ko`
    await copyFile(join(kit, 'modules', file), join(scratch, name))
    execFileSync('xz', ['--check=crc32', join(scratch, name)])
    lines.push(`write ${join(scratch, name)}.xz ${folder}/${name}.xz`)
    names.push(`${name}.xz:`)
  }
  await writeFile(join(scratch, 'modules.dep'), `${names.join('\n')}\n`)
  return `${[...lines, `write ${join(scratch, 'modules.dep')} ${folder}/modules.dep`].join('\n')}\n`
}

/** Uploads a file system with nothing in it that could be started. */
async function uploadBad(lab: Lab, name: string): Promise<void> {
  const source = join(lab.folder, `${name}.ext4`)
  await writeFile(source, '')
  await truncate(source, 4 << 20)
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', source])
  await upload(lab, source, name)
}

async function upload(lab: Lab, source: string, name: string): Promise<void> {
  const output = join(lab.folder, `${name}.mender`)
  const options = { source, output, name, deviceTypes: ['virtual'], compression: 'none' as const }
  await writeMender(options, plainContext())
  await lab.server.upload(output)
}
