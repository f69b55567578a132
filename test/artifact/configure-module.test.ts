// The update module of the example image that applies configurations, run by the real client.
import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { writeMender } from '../../src/artifact/artifact.ts'
import { canonicalJson, digestOf, plainContext, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { clientDevice } from './mender-client.ts'

const skip = needs('mender', 'python3', 'unshare', 'losetup', 'root')
const files = join(import.meta.dirname, '../../examples/os/files')
const moduleFile = join(files, 'usr/share/mender/modules/v3/mender-configure')
const kiosk = join(files, 'usr/lib/mender-configure/apply-device-config.d/10-kiosk')

type Texts = Readonly<Record<string, string>>

const digest = (map: Texts) => digestOf(canonicalJson(map))

async function configurableDevice(t: TestContext) {
  const device = await clientDevice(t)
  const at = (name: string) => join(device.folder, name)
  await mkdir(at('programs'))
  const program = async (name: string, script: string) => {
    await writeFile(at(`programs/${name}`), script)
    await chmod(at(`programs/${name}`), 0o755)
  }
  await program('10-kiosk', `#!/bin/sh\nKIOSK_URL_FILE=${at('kiosk/url')} exec ${kiosk} "$@"\n`)
  await writeFile(at('programs/README'), 'not executable, so it is none\n')
  const wrapper = at('share/modules/v3/mender-configure')
  const settings = `CONFIGURE_FOLDER=${at('configure')} CONFIGURE_PROGRAMS=${at('programs')}`
  await writeFile(wrapper, `#!/bin/sh\n${settings} exec ${moduleFile} "$@"\n`)
  await chmod(wrapper, 0o755)
  const module = async (...args: string[]) => (await runOk(wrapper, args, { what: 'the module' })).trim()
  let count = 0
  return {
    module,
    program,
    url: async () => (await readFile(at('kiosk/url'), 'utf8')).trim(),
    config: async () => readFile(at('configure/device-config.json'), 'utf8'),
    names: async () => readdir(at('configure')),
    work: at('work'),
    /** Packs the map as a configuration and lets the client install and commit it. */
    configure: async (metaData: Readonly<Record<string, unknown>>) => {
      const { path } = await writeMender(
        {
          source: kiosk,
          output: at('configuration.mender'),
          name: `configuration-${++count}`,
          deviceTypes: ['board'],
          compression: 'none',
          payload: { kind: 'module-image', type: 'mender-configure', hasSource: false, files: [], metaData },
        },
        plainContext(),
      )
      return device.update(path)
    },
  }
}

test('a configuration is applied, reported by its digest, and gives way to the next', { skip }, async (t) => {
  const device = await configurableDevice(t)
  assert.equal(await device.module('Report'), 'configuration=none')
  const first = { kiosk_url: 'https://a.example/ä', volume: '3' }
  assert.equal((await device.configure(first)).code, 0)
  assert.equal(await device.url(), 'https://a.example/ä')
  assert.equal(await device.config(), canonicalJson(first))
  assert.equal(await device.module('Report'), `configuration=${digest(first)}`)

  const second = { volume: '3', kiosk_url: 'https://b.example/', '\u{1f600}': '', '\uff01': '"\\\u0001\n' }
  assert.equal((await device.configure(second)).code, 0)
  assert.equal(await device.url(), 'https://b.example/')
  assert.equal(await device.module('Report'), `configuration=${digest(second)}`)
})

test('a configuration that a program refuses leaves the one before applied', { skip }, async (t) => {
  const device = await configurableDevice(t)
  const good = { kiosk_url: 'https://a.example/' }
  await device.configure(good)
  for (const bad of [{ kiosk_url: 'no address' }, { kiosk_url: 5 }]) {
    assert.notEqual((await device.configure(bad)).code, 0)
    assert.equal(await device.url(), 'https://a.example/')
    assert.equal(await device.module('Report'), `configuration=${digest(good)}`)
  }
  assert.deepEqual((await device.names()).toSorted(), ['applied', 'device-config.json'])
  assert.equal((await device.configure({})).code, 0)
  assert.equal(await device.module('Report'), `configuration=${digest({})}`)
})

test('a first configuration that is refused leaves none', { skip }, async (t) => {
  const device = await configurableDevice(t)
  assert.notEqual((await device.configure({ kiosk_url: 'ftp://a.example/' })).code, 0)
  assert.equal(await device.module('Report'), 'configuration=none')
})

test('a program can ask for a restart, after which what is applied is looked at', { skip }, async (t) => {
  const device = await configurableDevice(t)
  await mkdir(join(device.work, 'header'), { recursive: true })
  await mkdir(join(device.work, 'tmp'))
  const map = { kiosk_url: 'https://a.example/' }
  await writeFile(join(device.work, 'header', 'meta-data'), JSON.stringify(map))
  await device.program('20-restart', '#!/bin/sh\nexit 20\n')
  await device.module('ArtifactInstall', device.work)
  assert.equal(await device.module('NeedsArtifactReboot', device.work), 'Automatic')
  await device.module('Apply')
  await device.module('ArtifactVerifyReboot', device.work)

  await device.program('20-restart', '#!/bin/sh\nexit 3\n')
  await assert.rejects(device.module('Apply'), /20-restart ended with 3/)
  assert.equal(await device.module('Report'), 'configuration=not-applied')
  await assert.rejects(device.module('ArtifactVerifyReboot', device.work), /not applied/)
})
