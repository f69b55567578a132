// Debian's own swupdate as a device of the real hawkBit server: it asks, downloads a signed .swu of ours and installs it.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { packageArtifact } from '../../src/artifact/artifact.ts'
import { writeConfigurationUpdate } from '../../src/ota/configuration-update.ts'
import { plainContext, start } from '../../src/platform/platform.ts'
import { authority } from '../artifact/certificates.ts'
import { configurationWith } from '../support/configurations.ts'
import { installConfigureProgram } from '../support/configure-program.ts'
import type { HawkbitLab } from '../support/hawkbit-lab.ts'
import { needs } from '../support/needs.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

const imageBytes = 1_500_000

interface Daemon {
  lab: HawkbitLab
  folder: string
  id: string
  token: string
  /** The release that its image says it is. */
  release: string
  configuration?: string
}

/** Starts swupdate as it runs on a device; returns what it prints, and how to turn the device off. */
async function startSwupdate(
  t: TestContext,
  { lab, folder, id, token, release, configuration = 'none' }: Daemon,
  args: string,
) {
  // sockets of two that run one after the other would be in each other's way
  const own = await mkdtemp(join(folder, 'run-'))
  const facts = { device_type: 'board', 'rootfs-image.version': release, configuration }
  const identify = Object.entries(facts).map(([name, value]) => `{ name = "${name}"; value = "${value}"; }`)
  await writeFile(
    join(own, 'swupdate.cfg'),
    `globals: { verbose = true; public-key-file = "${join(folder, 'trust.pem')}";
  no-transaction-marker = true; no-state-marker = true; };
identify: ( ${identify.join(', ')} );
suricatta: { tenant = "${lab.tenant}"; id = "${id}"; url = "${lab.url}"; polldelay = 1; targettoken = "${token}";
  enable = true; };
`,
  )
  const said: string[] = []
  const options = ['-f', join(own, 'swupdate.cfg'), '-H', 'board:1.0', '--cert-purpose', 'codeSigning']
  const daemon = start('swupdate', [...options, '-u', args], {
    cwd: own,
    env: { TMPDIR: own },
    onLine: (line) => said.push(line),
  })
  undo(t, () => daemon.stop())
  return { said, stop: async () => daemon.stop() }
}

test(
  'swupdate installs a release, and has it only once it runs it',
  { skip: skip || needs('swupdate', 'openssl') },
  async (t) => {
    const lab = await openTenant(t)
    const { server, folder } = lab
    const fleet = authority('fleet')
    await writeFile(join(folder, 'trust.pem'), fleet.certificate)
    const source = join(folder, 'rootfs.img')
    await writeFile(source, Buffer.alloc(imageBytes, 'an image '))
    await mkdir(join(folder, 'device'))
    const slot = join(folder, 'device', 'slot')
    await writeFile(slot, '')
    await truncate(slot, imageBytes)
    await writeFile(join(folder, 'options.yml'), `swupdate: { device: ${slot} }\n`)
    const { path } = await packageArtifact(
      {
        format: 'swupdate',
        source,
        deviceTypes: ['board'],
        compression: 'gzip',
        name: 'os-2',
        output: join(folder, 'os-2.swu'),
        signing: {
          key: fleet.issue('signer', { extensions: 'extendedKeyUsage=codeSigning', type: 'rsa' }).all,
        },
        optionsFile: join(folder, 'options.yml'),
      },
      plainContext(),
    )
    await server.upload(path)

    const device = { lab, folder, id: 'board-1', token: await lab.createTarget('board-1'), release: 'os-1' }
    const before = await startSwupdate(t, device, '')
    const facts = () => server.device(device.id)
    await until(
      'it reports',
      async () => (await facts()).release === 'os-1',
      30_000,
      () => before.said.join('\n'),
    )
    const { id } = await server.deploy({ name: 'wave-1', release: 'os-2', devices: [device.id] })
    const isInstalled = () => before.said.some((line) => line.includes('SWUPDATE successful'))
    await until('it installs', isInstalled, 60_000, () => before.said.slice(-30).join('\n'))
    assert.ok((await readFile(slot)).equals(await readFile(source)), 'the image, byte for byte')
    const state = async () => (await server.deployment(id)).devices.get(device.id)
    assert.equal(await state(), 'downloading', 'what is installed does not run yet')
    assert.deepEqual(await server.withdraw(id), [device.id], 'and is left alone')
    await before.stop()

    // the device restarts, runs the new image, and says that it is well
    const after = await startSwupdate(t, { ...device, release: 'os-2' }, '-c 2')
    await until(
      'it confirms',
      async () => (await state()) === 'success',
      60_000,
      () => after.said.join('\n'),
    )
    await until('it reports again', async () => (await facts()).release === 'os-2', 60_000)
    assert.equal((await server.deployment(id)).isFinished, true)
    assert.match((await server.log(id, device.id)) ?? '', /SWUPDATE successful|Installed/i)
  },
)

test(
  'swupdate takes a configuration as a file of its own',
  { skip: skip || needs('swupdate', 'openssl') },
  async (t) => {
    const lab = await openTenant(t)
    const { server, folder } = lab
    const fleet = authority('fleet')
    await writeFile(join(folder, 'trust.pem'), fleet.certificate)
    const signing = {
      key: fleet.issue('signer', { extensions: 'extendedKeyUsage=codeSigning', type: 'rsa' }).all,
    }
    const program = await installConfigureProgram(folder, 'os-1')
    const send = async (name: string, values: Readonly<Record<string, string>>) => {
      const { fingerprint = '', ...configuration } = configurationWith(values)
      const update = { ...configuration, name, deviceType: 'board', fingerprint, release: 'os-1' }
      const own = await mkdtemp(join(folder, 'configuration-'))
      const options = { folder: own, signing, place: program.place }
      const { path } = await writeConfigurationUpdate('swupdate', update, options, plainContext())
      await server.upload(path)
      return server.deploy({ name: `order ${name}`, release: name, devices: ['board-1'] })
    }
    const device = { lab, folder, id: 'board-1', token: await lab.createTarget('board-1'), release: 'os-1' }
    const daemon = await startSwupdate(t, device, '')
    const said = () => daemon.said.slice(-30).join('\n')
    await until('it reports', async () => (await server.device(device.id)).release === 'os-1', 30_000, said)
    const values = { url: 'https://a.example/' }
    const { id } = await send('configuration-1', values)
    await until('it is applied', async () => (await program.applied()) !== undefined, 60_000, said)
    assert.deepEqual(await program.applied(), values)
    assert.equal(await program.folderMode(), 0o700, 'nobody else could read it')
    await until('it says so', () => daemon.said.some((line) => line.includes('SWUPDATE successful')))
    assert.equal(existsSync(program.place.file), false, 'no copy of the file is left')
    await daemon.stop()

    // the updater starts anew with what the program wrote down, and confirms
    const configuration = await program.reported()
    const after = await startSwupdate(t, { ...device, configuration }, '-c 2')
    const words = () => after.said.slice(-30).join('\n')
    await until('it confirms', async () => (await server.deployment(id)).isFinished, 60_000, words)
    const facts = async () => (await server.device(device.id)).attributes['configuration']
    await until(
      'it reports it',
      async () => (await facts()) === configurationWith(values).fingerprint,
      60_000,
    )
    assert.equal((await server.deployment(id)).devices.get(device.id), 'success')

    const refused = await send('configuration-2', { url: 'no address' })
    const state = async () => (await server.deployment(refused.id)).devices.get(device.id)
    await until('it says that it failed', async () => (await state()) === 'failure', 60_000, words)
    assert.deepEqual(await program.applied(), values, 'what was before still holds')
  },
)
