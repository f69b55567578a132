// Configurations as artifacts, from a fleet repository to the real client's own record of what it has.
import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as v from 'valibot'
import { openArtifact, writeMender } from '../../src/artifact/artifact.ts'
import type { Configuration } from '../../src/fleet/fleet.ts'
import {
  type ConfigurationSigning,
  configurationContent,
  configurationName,
  provideConfiguration,
  signingKeyOf,
  withoutSigner,
} from '../../src/ota/ota.ts'
import { plainContext, runOk } from '../../src/platform/platform.ts'
import { ec, rsa } from '../artifact/keys.ts'
import { clientDevice } from '../artifact/mender-client.ts'
import { configurationWith } from '../support/configurations.ts'
import { type Lab, openLab, until } from '../support/mender-lab.ts'
import { needs } from '../support/needs.ts'

const moduleFile = join(
  import.meta.dirname,
  '../../examples/os/files/usr/share/mender/modules/v3/mender-configure',
)
const needsClient = needs('mender', 'python3', 'unshare', 'losetup', 'root')

async function provide(
  { server }: Lab,
  configuration: Configuration,
  { release = 'os-1', signing }: { release?: string; signing?: ConfigurationSigning } = {},
): Promise<{ name: string; isNew: boolean }> {
  const { template, fingerprint = '' } = configuration
  const name = configurationName(template, fingerprint, release, signingKeyOf(signing))
  const known = await server.release(name)
  const target = { configuration, release, deviceType: 'board', name }
  const isNew = await provideConfiguration(server, target, known, signing, plainContext())
  return { name, isNew }
}

const secret = () =>
  configurationWith({ pin: '1234', url: 'x' }, { secrets: ['pin'], key: 'a key that is long enough' })

test('equal configurations are one artifact and one upload, with what a device has to know', async (t) => {
  const lab = await openLab(t)
  const one = await provide(lab, configurationWith({ a: '5', b: 'false' }))
  assert.deepEqual(one, {
    name: `configuration-kiosk-${configurationWith({ b: 'false', a: '5' }).digest.slice(7, 23)}-on-os-1`,
    isNew: true,
  })
  assert.equal((await provide(lab, configurationWith({ b: 'false', a: '5' }))).isNew, false)
  assert.notEqual((await provide(lab, configurationWith({ a: '5', b: 'true' }))).name, one.name)
  assert.notEqual(
    (await provide(lab, configurationWith({ a: '5', b: 'false' }), { release: 'os-2' })).name,
    one.name,
  )
  const path = await download(lab, one.name)
  const info = await openArtifact(path)
  assert.equal(info.depends['rootfs-image.version'], 'os-1')
  assert.deepEqual(info.deviceTypes, ['board'])
  assert.equal(
    info.provides['data-partition.mender-configure.version'],
    configurationWith({ a: '5', b: 'false' }).digest,
  )
  assert.deepEqual(info.clearsProvides, ['data-partition.mender-configure.*'])
  const [payload] = info.payloads
  assert.deepEqual([payload?.type, payload?.metaData], ['mender-configure', { a: '5', b: 'false' }])
})

test('nothing that is published of a configuration with secrets tells a guess from a hit', async (t) => {
  const lab = await openLab(t)
  const configuration = secret()
  const { name } = await provide(lab, configuration)
  const [artifact] = (await lab.server.release(name))?.artifacts ?? []
  assert.ok(artifact)
  assert.equal(artifact.contentDigest, configurationContent(configuration, 'board'))
  // the same map without the salt, as anybody could make it
  assert.notEqual(
    artifact.contentDigest,
    configurationContent({ ...configuration, salt: undefined }, 'board'),
  )
  const shown = JSON.stringify([name, artifact])
  for (const told of [configuration.digest.slice(7, 19), configuration.salt ?? '', '1234'])
    assert.ok(!shown.includes(told), told)
})

test('a configuration with secrets needs the key that they are compared with', async (t) => {
  const lab = await openLab(t)
  const configuration = configurationWith({ pin: '1234' }, { secrets: ['pin'] })
  const target = { configuration, release: 'os-1', deviceType: 'board', name: 'a' }
  await assert.rejects(provideConfiguration(lab.server, target, undefined, undefined, plainContext()), {
    reason: 'bad-input',
    message: /kiosk\.json has secret values \(pin\): .* DROVER_CONFIGURATION_KEY/,
  })
})

test('what is there unsigned is not taken for what is to be signed', async (t) => {
  const lab = await openLab(t)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signing = { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  const configuration = configurationWith({ a: '1' })
  const signed = await provide(lab, configuration, { signing })
  assert.equal((await lab.server.release(signed.name))?.artifacts[0]?.isSigned, true)
  const unsigned = await provide(lab, configuration)
  assert.deepEqual([unsigned.isNew, unsigned.name], [true, withoutSigner(signed.name)])
  // somebody put it there under the name of what is signed
  const known = await lab.server.release(unsigned.name)
  const target = { configuration, release: 'os-1', deviceType: 'board', name: unsigned.name }
  await assert.rejects(provideConfiguration(lab.server, target, known, signing, plainContext()), {
    reason: 'artifact-conflict',
    message: /unsigned/,
  })
})

test('what one key signed is not taken for what another is to sign', async (t) => {
  const lab = await openLab(t)
  const [one, other] = [{ key: ec.pkcs8 }, { key: rsa.pkcs8 }]
  const configuration = configurationWith({ a: '1' })
  const first = await provide(lab, configuration, { signing: one })
  const second = await provide(lab, configuration, { signing: other })
  assert.deepEqual([first.isNew, second.isNew], [true, true])
  assert.equal((await provide(lab, configuration, { signing: one })).isNew, false)
  assert.equal(withoutSigner(first.name), withoutSigner(second.name))
  const path = await download(lab, second.name)
  assert.equal((await openArtifact(path, { verifyKeys: [rsa.public] })).signature, 'verified')
})

test('a name tells which configuration it is, whoever signs it, and fits every server', () => {
  const signer = signingKeyOf({ key: ec.pkcs8 })
  assert.equal(signingKeyOf({ command: ['kms'], publicKey: ec.public }), signer)
  assert.deepEqual(
    [signingKeyOf(undefined), signingKeyOf({ certificate: ec.public })],
    [undefined, undefined],
  )
  assert.throws(() => signingKeyOf({ key: 'no key' }), { reason: 'bad-key' })
  const fingerprint = `hmac-sha256:${'ab'.repeat(32)}`
  for (const template of ['kiosk.json', `${'a folder/'.repeat(9)}kiosk.json`, 'by-01234567-on-b.json'])
    for (const release of ['os-1', `os-${'1'.repeat(49)}`, 'x'.repeat(200), 'a-by-01234567-on-b']) {
      const plain = configurationName(template, fingerprint, release)
      const signed = configurationName(template, fingerprint, release, signer)
      assert.ok(signed.length <= 128, signed)
      assert.notEqual(signed, plain)
      assert.deepEqual([withoutSigner(signed), withoutSigner(plain)], [plain, plain])
      assert.equal(withoutSigner(release), release)
    }
})

test('the server gives a configuration to no device that runs another release', async (t) => {
  const lab = await openLab(t)
  const configuration = configurationWith({ a: '1' })
  const [right, wrong] = [
    await lab.device({ deviceType: 'board', release: 'os-1' }),
    await lab.device({ deviceType: 'board', release: 'os-2' }),
  ]
  const { name } = await provide(lab, configuration)
  const { id } = await lab.server.deploy({ name: 'a', release: name, devices: [right.key, wrong.key] })
  await until(async () => (await lab.server.deployment(id)).isFinished)
  const { devices } = await lab.server.deployment(id)
  assert.deepEqual([devices.get(right.key), devices.get(wrong.key)], ['success', 'no-artifact'])
})

test(
  'the real client takes a configuration on its release alone, and reports its fingerprint',
  { skip: needsClient },
  async (t) => {
    const lab = await openLab(t)
    const device = await realDevice(t)
    const configuration = secret()
    const early = await device.update(await download(lab, (await provide(lab, configuration)).name))
    assert.notEqual(early.code, 0, 'it does not say which release it runs')
    await device.update(await device.os('os-1'))
    const other = await device.update(
      await download(lab, (await provide(lab, configuration, { release: 'os-2' })).name),
    )
    assert.notEqual(other.code, 0)
    assert.match(other.stderr, /rootfs-image\.version/)
    assert.equal(await device.report(), 'configuration=none')
    const right = await device.update(await download(lab, (await provide(lab, configuration)).name))
    assert.equal(right.code, 0, right.stderr)
    assert.equal(right.provides['data-partition.mender-configure.version'], configuration.fingerprint)
    assert.equal(right.provides['rootfs-image.version'], 'os-1')
    assert.equal(await device.report(), `configuration=${configuration.fingerprint}`)
    const next = configurationWith({ url: 'y' })
    await device.update(await download(lab, (await provide(lab, next)).name))
    assert.equal(await device.report(), `configuration=${next.digest}`)
    await device.fail()
    const refused = configurationWith({ pin: '9' }, { secrets: ['pin'], key: 'a key that is long enough' })
    const failed = await device.update(await download(lab, (await provide(lab, refused)).name))
    assert.notEqual(failed.code, 0)
    assert.equal(await device.report(), `configuration=${next.digest}`)
  },
)

test(
  'after one that is refused, the fingerprint from before is reported',
  { skip: needsClient },
  async (t) => {
    const lab = await openLab(t)
    const device = await realDevice(t)
    await device.update(await device.os('os-1'))
    const configuration = secret()
    await device.update(await download(lab, (await provide(lab, configuration)).name))
    await device.fail()
    const refused = configurationWith({ pin: '9' }, { secrets: ['pin'], key: 'a key that is long enough' })
    await device.update(await download(lab, (await provide(lab, refused)).name))
    assert.equal(await device.report(), `configuration=${configuration.fingerprint}`)
  },
)

async function realDevice(t: TestContext) {
  const device = await clientDevice(t)
  const at = (name: string) => join(device.folder, name)
  await mkdir(at('programs'))
  const wrapper = at('share/modules/v3/mender-configure')
  const settings = `CONFIGURE_FOLDER=${at('configure')} CONFIGURE_PROGRAMS=${at('programs')}`
  await writeFile(wrapper, `#!/bin/sh\n${settings} exec ${moduleFile} "$@"\n`)
  await chmod(wrapper, 0o755)
  return {
    update: (path: string) => device.update(path),
    report: async () => (await runOk(wrapper, ['Report'], { what: 'the module' })).trim(),
    /** An artifact after which the device says that it runs a release. */
    os: async (release: string) => {
      const { path } = await writeMender(
        {
          source: moduleFile,
          output: at(`${release}.mender`),
          name: release,
          deviceTypes: ['board'],
          compression: 'none',
          payload: { kind: 'module-image', type: 'copy', hasSource: true, files: [], metaData: {} },
          provides: { 'rootfs-image.version': release },
        },
        plainContext(),
      )
      return path
    },
    /** From here on one of its programs refuses everything that has a pin of 9. */
    fail: async () => {
      await writeFile(at('programs/10-refuse'), '#!/bin/sh\n! grep -q \'"pin":"9"\' "$1"\n')
      await chmod(at('programs/10-refuse'), 0o755)
    },
  }
}

/** The one artifact of a release, as a device would get it. */
async function download(lab: Lab, name: string): Promise<string> {
  const [artifact] = (await lab.server.release(name))?.artifacts ?? []
  const link = await lab.operate('GET', `/v1/deployments/artifacts/${artifact?.id}/download`)
  const { uri } = v.parse(v.object({ uri: v.string() }), await link.json())
  const path = join(lab.folder, `${name}.mender`)
  await writeFile(path, await (await fetch(uri)).bytes())
  return path
}
