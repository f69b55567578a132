// Devices with RAUC on the real hawkBit server. RAUC itself is Debian's, with its service on a bus of its own; its updater is a
// stand-in, since Debian 12 has none.
import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type RaucOptions, openArtifact, writeRauc } from '../../src/artifact/artifact.ts'
import { writeConfigurationUpdate } from '../../src/ota/configuration-update.ts'
import { dispatch } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { authority } from '../artifact/certificates.ts'
import { configurationWith } from '../support/configurations.ts'
import { installConfigureProgram } from '../support/configure-program.ts'
import type { HawkbitLab } from '../support/hawkbit-lab.ts'
import { startRaucSystem, withoutRaucSystem, writeRaucImage } from '../support/rauc-system.ts'
import { startRaucUpdater } from '../support/rauc-updater.ts'
import { runInRunner } from '../support/runner.ts'
import { undo } from '../support/undo.ts'
import { until } from '../support/until.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

const needed = skip || withoutRaucSystem
const fleet = authority('fleet')
const signer = fleet.issue('signer', { extensions: 'extendedKeyUsage=codeSigning' })

/** A bundle whose image says that it is `name`. */
async function bundle(
  { folder }: Pick<HawkbitLab, 'folder'>,
  name: string,
  options: Partial<RaucOptions> & { key?: string; compatible?: string } = {},
): Promise<string> {
  const { key = signer.all, compatible = 'board', ...more } = options
  const source = join(folder, `${name}.img`)
  await writeRaucImage(source, name)
  const { path } = await writeRauc(
    {
      source,
      output: join(folder, `${name}.raucb`),
      name,
      deviceTypes: [compatible],
      compression: 'gzip',
      signing: { key },
      bundleFormat: 'plain',
      ...more,
    },
    plainContext(),
  )
  return path
}

/** A device with RAUC that runs `os-1`, known to the server, and polling. */
async function raucDevice(t: TestContext, lab: HawkbitLab, id: string) {
  const system = await startRaucSystem(t, lab.folder, {
    compatible: 'board',
    keyring: fleet.certificate,
    firstLine: 'os-1',
  })
  const program = await installConfigureProgram(system.folder, 'os-1')
  const updater = startRaucUpdater({
    url: `${lab.url}/${lab.tenant}`,
    id,
    token: await lab.createTarget(id),
    attributes: async () => ({
      device_type: 'board',
      'rootfs-image.version': await system.running(),
      configuration: await program.reported(),
    }),
    bundle: join(system.folder, 'bundle.raucb'),
    install: system.install,
    restart: system.restart,
  })
  undo(t, () => updater.stop())
  await until('it reports', async () => (await lab.server.device(id)).release === 'os-1')
  return { system, updater, program }
}

test('a device with RAUC installs a release, restarts, and reports it', { skip: needed }, async (t) => {
  const lab = await openTenant(t)
  const { system, updater } = await raucDevice(t, lab, 'board-1')
  const path = await bundle(lab, 'os-2')
  const inputs = { server: lab.url, 'server-type': 'hawkbit', token: lab.token, artifact: path }
  const uploaded = await runInRunner('upload-artifact', { inputs })
  assert.equal(uploaded.code, 0, uploaded.log)

  const info = await openArtifact(path)
  const release = await lab.server.release('os-2')
  assert.deepEqual(release?.artifacts, [
    {
      id: uploaded.outputs['artifact-id'],
      deviceTypes: ['board'],
      sizeBytes: info.sizeBytes,
      isSigned: true,
      format: 'rauc',
      contentDigest: info.contentDigest,
      provides: { artifact_name: 'os-2' },
    },
  ])
  assert.equal(uploaded.outputs['content-digest'], info.contentDigest)
  assert.ok((await system.info(path)).isTaken, 'the real RAUC takes it')

  const request = {
    release: 'os-2',
    device: 'board-1',
    timeoutMs: 60_000,
    runId: 'run',
    logFolder: lab.folder,
  }
  const done = await dispatch(lab.server, request, plainContext())
  assert.deepEqual([done.result, done.changed], ['success', true], updater.said.join('\n'))
  assert.equal(await system.running(), 'os-2')
  assert.equal((await lab.server.device('board-1')).release, 'os-2')
  const said = await lab.server.log(done.deployment, 'board-1')
  assert.match(said ?? '', /File checksum OK[^]*bundle installed successfully/)
})

test('a bundle that RAUC refuses leaves the device as it was, and tells why', { skip: needed }, async (t) => {
  const lab = await openTenant(t)
  const { system, updater } = await raucDevice(t, lab, 'board-1')
  await lab.server.upload(await bundle(lab, 'os-2', { key: authority('nobody').issue('x').all }))
  const request = {
    release: 'os-2',
    device: 'board-1',
    timeoutMs: 60_000,
    runId: 'run',
    logFolder: lab.folder,
  }
  await assert.rejects(dispatch(lab.server, request, plainContext()), {
    reason: 'update-failed',
    message: /Failed to install software bundle/,
  })
  assert.deepEqual(await lab.server.openDeployments(), [])
  assert.match(updater.said.join('\n'), /Invalid bundle signature|signature verification failed/i)
  assert.equal(await system.running(), 'os-1')
})

test('devices with RAUC are offered nothing but bundles', { skip: needed }, async (t) => {
  const lab = await openTenant(t)
  await lab.server.upload(await bundle(lab, 'os-2'))
  const wrong = await lab.artifact('os-3', { deviceTypes: ['other', 'board'] })
  await assert.rejects(lab.server.upload(wrong), {
    reason: 'wrong-device-type',
    message: /\.mender file.*type board use RAUC.*bundle os-2/,
  })
  const names = async () => (await lab.server.releases()).map(({ name }) => name)
  assert.deepEqual(await names(), ['os-2'])
  const modules = await (await lab.operate('GET', '/softwaremodules')).json()
  assert.equal((modules as { total: number }).total, 1, 'nothing was written')
  await lab.server.upload(await lab.artifact('os-3', { deviceTypes: ['other'] }))
  assert.deepEqual(await names(), ['os-2', 'os-3'])
})

test(
  'of what others made only one bundle in one module goes to a device with RAUC',
  { skip: needed },
  async (t) => {
    const lab = await openTenant(t)
    const { key } = await lab.device({ deviceType: 'board', behaviour: 'never asks' })
    await lab.server.upload(await bundle(lab, 'os-2'))
    const set = async (name: string, modules: readonly (readonly string[])[]) => {
      const ids = []
      for (const [at, files] of modules.entries()) {
        const type = at === 0 ? 'os' : 'application'
        const reply = await lab.operate('POST', '/softwaremodules', [{ name, version: String(at), type }])
        const [made] = (await reply.json()) as { id: number }[]
        ids.push({ id: made?.id ?? 0 })
        for (const file of files) await lab.putFile(made?.id ?? 0, file)
      }
      await lab.operate('POST', '/distributionsets', [{ name, version: '1', type: 'os_app', modules: ids }])
      return `${name}:1`
    }
    const wrong = [
      await set('two bundles', [['a.raucb', 'b.raucb']]),
      await set('two modules', [['a.raucb'], ['b.raucb']]),
      await set('a bundle and more', [['a.raucb'], ['notes.txt']]),
      await set('no bundle', [['os.swu']]),
    ]
    for (const release of wrong) {
      const order = { name: `wave of ${release}`, release, devices: [key] }
      await assert.rejects(lab.server.deploy(order), {
        reason: 'bad-input',
        message: /RAUC takes one bundle/,
      })
      assert.equal(await lab.server.findDeployment(order.name), undefined, release)
    }
    assert.deepEqual(await lab.server.openDeployments(), [])
    const right = await set('one bundle', [['a.raucb']])
    await lab.server.deploy({ name: 'wave', release: right, devices: [key] })
    assert.equal((await lab.server.findDeployment('wave'))?.devices.get(key), 'pending')
  },
)

test('a device with RAUC takes a configuration as a bundle of its own', { skip: needed }, async (t) => {
  const lab = await openTenant(t)
  const { system, updater, program } = await raucDevice(t, lab, 'board-1')
  const send = async (name: string, values: Readonly<Record<string, string>>, release = 'os-1') => {
    const folder = await mkdtemp(join(lab.folder, 'configuration-'))
    const { fingerprint = '', ...configuration } = configurationWith(values)
    const { path } = await writeConfigurationUpdate(
      'rauc',
      { ...configuration, name, deviceType: 'board', fingerprint, release },
      { folder, signing: { key: signer.all }, place: program.place, bundleFormat: 'plain' },
      plainContext(),
    )
    await lab.server.upload(path)
    const request = { release: name, device: 'board-1', timeoutMs: 60_000, runId: name }
    return dispatch(lab.server, { ...request, logFolder: lab.folder }, plainContext())
  }
  const good = { url: 'https://a.example/' }
  const { result } = await send('configuration-1', good)
  assert.equal(result, 'success', updater.said.join('\n'))
  assert.deepEqual(await program.applied(), good)
  const facts = await lab.server.device('board-1')
  assert.equal(facts.attributes['configuration'], configurationWith(good).fingerprint)
  assert.equal(facts.release, 'os-1')
  assert.equal(await system.running(), 'os-1', 'no slot was written')
  for (const [name, values, release] of [
    ['configuration-2', { url: 'no address' }, 'os-1'],
    ['configuration-3', { url: 'https://b.example/' }, 'os-9'],
  ] as const) {
    await assert.rejects(send(name, values, release), { reason: 'update-failed' })
    assert.deepEqual(await program.applied(), good, 'what was before still holds')
  }
})
