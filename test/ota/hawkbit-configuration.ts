// Configurations on the real hawkBit server: artifacts and distribution sets of their own, whichever updater a device has.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeSwupdate } from '../../src/artifact/artifact.ts'
import type { Configuration } from '../../src/fleet/fleet.ts'
import { type ConfigurationSigning, dispatch, provideConfiguration } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { configurationWith } from '../support/configurations.ts'
import type { HawkbitLab } from '../support/hawkbit-lab.ts'
import { until } from '../support/until.ts'
import { openTenant, skip } from './hawkbit-tenant.ts'

interface Listed {
  name: string
  type: string
  modules: { type: string }[]
}

/** All distribution sets as hawkBit itself lists them. */
async function setsOf({ operate }: HawkbitLab): Promise<Listed[]> {
  const reply = await operate('GET', '/distributionsets?sort=id:ASC&limit=100')
  return ((await reply.json()) as { content: Listed[] }).content
}

async function provide(
  { server }: HawkbitLab,
  configuration: Configuration,
  { release = 'os-1', signing }: { release?: string; signing?: ConfigurationSigning } = {},
): Promise<{ name: string; isNew: boolean }> {
  const before = new Set((await server.releases()).map(({ name }) => name))
  const digits = (configuration.fingerprint ?? '').replace(/^.*:/, '').slice(0, 16)
  const name = `configuration-kiosk-${digits}-on-${release}`
  const known = await server.release(name)
  const format = (await server.release(release))?.artifacts[0]?.format
  const target = { configuration, release, deviceType: 'virtual', name, format }
  const isNew = await provideConfiguration(server, target, known, signing, plainContext())
  assert.equal(before.has(name), !isNew)
  return { name, isNew }
}

test('a configuration on hawkBit is a set of its own type, and no release of the OS', { skip }, async (t) => {
  const lab = await openTenant(t)
  await lab.server.upload(await lab.artifact('os-1'))
  const configuration = configurationWith({ url: 'https://a.example/' })
  const { name, isNew } = await provide(lab, configuration)
  assert.equal(isNew, true)
  assert.equal((await provide(lab, configuration)).isNew, false)
  assert.deepEqual(
    (await setsOf(lab)).map((set) => [set.name, set.type, set.modules.map(({ type }) => type)]),
    [
      ['os-1', 'os', ['os']],
      [name, 'app', ['application']],
    ],
  )
  const [artifact] = (await lab.server.release(name))?.artifacts ?? []
  assert.equal(artifact?.format, 'mender')
  assert.equal(artifact.provides?.['configuration'], configuration.digest)
  await assert.rejects(lab.server.upload(await lab.artifact(name)), { reason: 'artifact-conflict' })
})

test(
  'a file that brings an OS and a configuration is refused before anything is written',
  { skip },
  async (t) => {
    const lab = await openTenant(t)
    const source = join(lab.folder, 'map.json')
    await writeFile(source, '{}')
    const says = { type: 'rawfile', path: '/etc/map.json' }
    const image = join(lab.folder, 'image.ext4')
    await writeFile(image, 'an image')
    const { path } = await writeSwupdate(
      {
        source: image,
        output: join(lab.folder, 'both.swu'),
        name: 'both',
        deviceTypes: ['virtual'],
        compression: 'none',
        says: { type: 'raw', device: '/dev/null' },
        items: [{ list: 'files', source, says: { ...says, name: 'mender-configure', version: '1' } }],
      },
      plainContext(),
    )
    await assert.rejects(lab.server.upload(path), { reason: 'bad-input', message: /an artifact each/ })
    assert.deepEqual(await lab.server.releases(), [])
    const modules = (await (await lab.operate('GET', '/softwaremodules')).json()) as { total: number }
    assert.equal(modules.total, 0)
  },
)

test('a configuration waits until the order of an OS release has ended', { skip }, async (t) => {
  const lab = await openTenant(t)
  const { server, folder } = lab
  const device = await lab.device({ behaviour: 'hangs', attributes: { configuration: 'none' } })
  const { key } = device
  await server.upload(await lab.artifact('os-1'))
  const configuration = configurationWith({ url: 'https://a.example/' })
  const { name } = await provide(lab, configuration)
  const { id } = await server.deploy({ name: 'os', release: 'os-1', devices: [key] })
  await until('it has begun', async () => (await server.deployment(id)).devices.get(key) === 'downloading')
  const order = { name: 'configure', release: name, devices: [key] }
  await assert.rejects(server.deploy(order), { reason: 'device-busy', message: /would cancel/ })
  assert.equal(await server.findDeployment('configure'), undefined)
  assert.equal((await server.deployment(id)).devices.get(key), 'downloading', 'and the OS goes on')

  device.behave('success')
  await until('it has ended', async () => (await server.deployment(id)).isFinished)
  await until('it reports it', async () => (await server.device(key)).release === 'os-1')
  const request = { release: name, device: key, timeoutMs: 60_000, runId: 'run', logFolder: folder }
  const done = await dispatch(server, request, plainContext())
  assert.deepEqual([done.result, done.changed], ['success', true])
  const facts = await server.device(key)
  assert.deepEqual([facts.release, facts.attributes['configuration']], ['os-1', configuration.digest])
  const again = await server.deploy({ name: 'again', release: name, devices: [key] })
  assert.equal(again.devices.get(key), 'already-installed', 'who has it is not given it again')
})

test('a device that has not come back with its OS yet is given no configuration', { skip }, async (t) => {
  const lab = await openTenant(t)
  const { server } = lab
  // says success as RAUC's updater does: before it runs the new release
  const { key } = await lab.device({ release: 'os-0', behaviour: 'lies' })
  await server.upload(await lab.artifact('os-1'))
  const { name } = await provide(lab, configurationWith({ url: 'https://a.example/' }))
  const { id } = await server.deploy({ name: 'os', release: 'os-1', devices: [key] })
  await until('it is written', async () => (await server.deployment(id)).isFinished)
  const order = { name: 'configure', release: name, devices: [key] }
  await assert.rejects(server.deploy(order), {
    reason: 'device-busy',
    message: /don't report yet: SN-1 \(os-1, reports os-0\)/,
  })
  assert.equal(await server.findDeployment('configure'), undefined)
})

test('a configuration has the format of the release that it is for', { skip }, async (t) => {
  const lab = await openTenant(t)
  const source = join(lab.folder, 'image.ext4')
  await writeFile(source, 'an image')
  const { path } = await writeSwupdate(
    {
      source,
      output: join(lab.folder, 'os-1.swu'),
      name: 'os-1',
      deviceTypes: ['virtual'],
      compression: 'none',
      says: { type: 'raw', device: '/dev/mmcblk0p2' },
    },
    plainContext(),
  )
  await lab.server.upload(path)
  const options = { secrets: ['pin'], key: 'a key that is long enough' }
  const configuration = configurationWith({ url: 'https://a.example/', pin: '1234' }, options)
  const { name, isNew } = await provide(lab, configuration)
  assert.equal(isNew, true)
  const [artifact] = (await lab.server.release(name))?.artifacts ?? []
  assert.equal(artifact?.format, 'swupdate')
  assert.equal(artifact.provides?.['configuration'], configuration.fingerprint)
  assert.equal((await provide(lab, configuration)).isNew, false, 'once, whatever the format')
  const other = configurationWith({ url: 'https://b.example/', pin: '1234' }, options)
  const signing = { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }
  const key = signing.key.export({ type: 'pkcs8', format: 'pem' }).toString()
  // the key's certificate is missing, which swupdate has to have
  await assert.rejects(provide(lab, other, { signing: { key } }), { reason: 'bad-key' })
})

test(
  'a target type that may not get configurations is told before anything is written',
  { skip },
  async (t) => {
    const lab = await openTenant(t)
    const { server, operate } = lab
    const { key } = await lab.device({ release: 'os-1', behaviour: 'never asks' })
    await server.upload(await lab.artifact('os-1'))
    await server.upload(await lab.artifact('os-2'))
    const { name } = await provide(lab, configurationWith({ url: 'https://a.example/' }))
    const reply = await operate('GET', '/distributionsettypes?q=key==os')
    const { content } = (await reply.json()) as { content: { id: number }[] }
    const compatibledistributionsettypes = content.map(({ id }) => ({ id }))
    const type = { name: 'board', compatibledistributionsettypes }
    const [made] = (await (await operate('POST', '/targettypes', [type])).json()) as { id: number }[]
    await operate('POST', `/targets/${key}/targettype`, { id: made?.id })
    const before = await setsOf(lab)
    const order = { name: 'configure', release: name, devices: [key] }
    await assert.rejects(server.deploy(order), {
      reason: 'wrong-device-type',
      message: /type app may go to: SN-1 \(board\)/,
    })
    assert.deepEqual(await setsOf(lab), before)
    const placed = await server.deploy({ name: 'os', release: 'os-2', devices: [key] })
    assert.equal(placed.devices.get(key), 'pending', 'what is compatible goes there')
  },
)
