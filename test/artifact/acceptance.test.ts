// What is written here, with every kind of payload, compression, key and option, against the vendor's own programs:
// mender-artifact reads and validates it, and the unmodified client installs it on a device of its own.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type ArtifactInfo,
  type Compression,
  type MenderOptions,
  openArtifact,
  writeMender,
} from '../../src/artifact/artifact.ts'
import { plainContext, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { ec, rsa } from './keys.ts'
import { type ClientDevice, clientDevice } from './mender-client.ts'
import { type Sample, samples } from './payloads.ts'

const skip = needs('mender', 'mender-artifact', 'dpkg-deb', 'unshare', 'losetup', 'xz', 'root')
const compressions = ['none', 'gzip', 'xz', 'zstd'] as const
const keys = { unsigned: undefined, rsa, ec }
type KeyName = keyof typeof keys

test(
  'every artifact of the matrix is read, validated and installed by the vendor’s programs',
  { skip },
  async (t) => {
    const lab = await openLab(t)
    const counts = {
      written: 0,
      'read back here': 0,
      'validated by mender-artifact': 0,
      'installed by mender': 0,
    }
    for (const sample of lab.samples) {
      for (const compression of compressions) {
        for (const key of ['unsigned', 'rsa', 'ec'] as const) {
          const choice =
            choices[(counts.written + Math.floor(counts.written / 3)) % choices.length] ?? 'plain'
          const cell = `${sample.kind}, ${compression}, ${key}, ${choice}`
          const { path } = await writeCell(lab.folder, sample, { compression, key, choice })
          counts.written++
          const info = await openArtifact(path, { verifyKeys: verifyKeys(key) })
          counts['read back here']++
          if (compression === 'zstd') continue // Debian's programs are older than that
          await validate(lab, path, info, key)
          counts['validated by mender-artifact']++
          if (sample.check === undefined) continue // docker needs an engine, bootstrap a newer client
          await lab.device.reset(keys[key]?.public)
          await install(lab.device, path, info, lab.provides, cell)
          await sample.check(lab.device)
          counts['installed by mender']++
        }
      }
    }
    t.diagnostic(
      Object.entries(counts)
        .map(([what, count]) => `${count} ${what}`)
        .join(', '),
    )
    assert.deepEqual(Object.values(counts), [108, 108, 81, 63])
  },
)

const choices = ['plain', 'full', 'bare'] as const

interface Lab {
  folder: string
  samples: readonly Sample[]
  device: ClientDevice
  /** What the device has. */
  provides: Record<string, string>
}

/** A device that has the provide `data-layout` already, from an artifact of its own. */
async function openLab(t: TestContext): Promise<Lab> {
  const folder = await temporaryFolder(t)
  const device = await clientDevice(t)
  const lab = { folder, device, samples: await samples(folder, device.out) }
  for (const state of ['ArtifactInstall_Enter_00_mark', 'ArtifactCommit_Leave_99'])
    await writeFile(join(folder, state), `#!/bin/sh\necho ${state} >> ${device.out}/scripts\n`)
  for (const [name, key] of Object.entries({ rsa, ec }))
    await writeFile(join(folder, `${name}.pub`), key.public)
  const [, first] = lab.samples
  assert.ok(first)
  const { path } = await writeMender(
    {
      ...first,
      output: join(folder, 'base.mender'),
      name: 'base',
      deviceTypes: ['board'],
      compression: 'none',
      provides: { 'data-layout': '2' },
    },
    plainContext(),
  )
  const initial = { artifact_name: 'initial' }
  const provides = await install(device, path, await openArtifact(path), initial, 'the first artifact')
  await device.keep()
  return { ...lab, provides }
}

async function writeCell(
  folder: string,
  sample: Sample,
  cell: { compression: Compression; key: KeyName; choice: (typeof choices)[number] },
) {
  const script = (name: string) => ({ name, path: join(folder, name) })
  const canRun = sample.kind !== 'bootstrap'
  const chosen: Record<(typeof choices)[number], Partial<MenderOptions>> = {
    plain: {},
    full: {
      deviceTypes: ['other', 'board'],
      stateScripts: canRun ? ['ArtifactInstall_Enter_00_mark', 'ArtifactCommit_Leave_99'].map(script) : [],
      provides: { 'data-layout': '3', app: 'x' },
      depends: { 'data-layout': ['2', '3'], artifact_name: ['base', 'other'] },
      clearsProvides: ['data-*'],
      artifactGroup: 'production',
      software: { filesystem: 'data', name: 'app', version: '1.2' },
    },
    bare: { without: { softwareVersion: true, clearsProvides: true, checksum: true } },
  }
  return writeMender(
    {
      source: sample.source,
      payload: sample.payload,
      output: join(folder, 'out.mender'),
      name: 'release-1',
      deviceTypes: ['board'],
      compression: cell.compression,
      signing: { key: keys[cell.key]?.pkcs8 },
      verify: true,
      ...chosen[cell.choice],
    },
    plainContext(),
  )
}

function verifyKeys(key: KeyName): string[] {
  return keys[key] === undefined ? [] : [keys[key].public]
}

async function validate({ folder }: Lab, path: string, info: ArtifactInfo, key: KeyName): Promise<void> {
  const trusted = key === 'unsigned' ? [] : ['-k', join(folder, `${key}.pub`)]
  const tool = (...args: string[]) => runOk('mender-artifact', args, { what: args.join(' ') })
  assert.match(await tool('validate', ...trusted, path), /validated successfully/)
  const said = await tool('read', ...trusted, path)
  const [payload] = info.payloads
  assert.ok(payload)
  const lines = [
    `Name: ${info.name}`,
    `Compatible devices: '[${info.deviceTypes.join(' ')}]'`,
    ...(info.group === undefined ? [] : [`Provides group: ${info.group}`]),
    ...info.scripts,
    ...(payload.type === '' ? ['Empty type'] : [payload.type]),
    ...Object.entries(payload.provides).map(([name, value]) => `${name}: ${value}`),
    ...payload.files.flatMap(({ name, checksum }) => [name, checksum]),
  ]
  for (const line of lines) assert.ok(said.includes(line), `${line}\nis not in\n${said}`)
}

/** Installs it and brings it to its end; the device then has the provides that the artifact says, and what it had before. */
async function install(
  device: ClientDevice,
  path: string,
  info: ArtifactInfo,
  had: Record<string, string>,
  cell: string,
): Promise<Record<string, string>> {
  const updated = await device.update(path)
  assert.equal(updated.code, 0, `${cell}: ${updated.stdout}${updated.stderr}`)
  const [payload] = info.payloads
  assert.ok(payload)
  const isCleared = (name: string) =>
    payload.clearsProvides.length === 0 ||
    payload.clearsProvides.some((pattern) =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(name),
    )
  const left = Object.entries(had).filter(([name]) => !isCleared(name))
  assert.deepEqual(updated.provides, { ...Object.fromEntries(left), ...info.provides }, cell)
  return updated.provides
}
