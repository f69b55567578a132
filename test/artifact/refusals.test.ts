// What the unmodified client refuses, verify-artifact refuses before it gets there: wherever the file alone says so.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type MenderOptions, openArtifact, verifyArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image } from './craft.ts'
import { ec, other, rsa } from './keys.ts'
import { clientDevice } from './mender-client.ts'

const skip = needs('mender', 'unshare', 'losetup', 'root')

interface Refusal {
  what: string
  change?: Partial<MenderOptions>
  verifyKey?: string
  hasSlots?: boolean
  /** Changes the file after it was written. */
  damage?: (bytes: Buffer) => void
  /** The client's own words. */
  client: RegExp
  /** The reason of verify-artifact; undefined where the file is right and only the device can know. */
  here: string | undefined
}

const copy = { kind: 'module-image', type: 'copy', hasSource: true, files: [], metaData: {} } as const

const refusals: Refusal[] = [
  {
    what: 'another device type',
    change: { deviceTypes: ['other', 'boar'] },
    client: /not compatible with device board/,
    here: 'wrong-device-type',
  },
  {
    what: 'unsigned, though there is a key',
    verifyKey: ec.public,
    client: /expecting signed artifact, but no signature file found/,
    here: 'artifact-unsigned',
  },
  {
    what: 'signed with another key of the same kind',
    change: { signing: { key: other.pkcs8 } },
    verifyKey: ec.public,
    client: /invalid signature|verification error|signature/,
    here: 'artifact-wrong-key',
  },
  {
    what: 'signed with another kind of key',
    change: { signing: { key: rsa.pkcs8 } },
    verifyKey: ec.public,
    client: /signature/,
    here: 'artifact-wrong-key',
  },
  {
    what: 'a changed byte of the payload',
    damage: (bytes) => {
      const at = bytes.indexOf('an image of this text')
      assert.ok(at > 0)
      bytes[at] = 0
    },
    client: /[Cc]hecksum/,
    here: 'artifact-checksum',
  },
  {
    what: 'a changed byte of the header',
    damage: (bytes) => {
      const at = bytes.indexOf('release-1')
      assert.ok(at > 0)
      bytes[at] = 0x52
    },
    client: /[Cc]hecksum/,
    here: 'artifact-checksum',
  },
  {
    what: 'cut off',
    damage: (bytes) => bytes.fill(0, bytes.indexOf('an image of this text')),
    client: /[Cc]hecksum|EOF|tar/,
    here: 'artifact-checksum',
  },
  {
    what: 'an update module that the device lacks',
    change: { payload: { ...copy, type: 'no-such-module' } },
    client: /'no-such-module' is not supported/,
    here: undefined,
  },
  {
    what: 'a dependency that the device has not',
    change: { depends: { 'data-layout': '9' } },
    client: /data-layout.*not satisfied/,
    here: undefined,
  },
  {
    what: 'a dependency on another release',
    change: { depends: { artifact_name: ['release-0'] } },
    client: /artifact_name.*not satisfied/,
    here: undefined,
  },
  {
    what: 'a root file system, on a device that has one slot only',
    change: { payload: { kind: 'rootfs-image' } },
    hasSlots: false,
    client: /'rootfs-image' is not supported/,
    here: undefined,
  },
  {
    what: 'a bootstrap artifact, which this client is too old for',
    change: { payload: { kind: 'bootstrap' } },
    client: /unknown installer type/,
    here: undefined,
  },
]

test('what a device refuses is refused here, and the rest only a device can know', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const device = await clientDevice(t)
  const source = join(folder, 'app.conf')
  await writeFile(source, 'an image of this text')
  const options = {
    source,
    payload: copy,
    output: join(folder, 'out.mender'),
    name: 'release-1',
    deviceTypes: ['board'],
    compression: 'none',
  } as const
  for (const { what, change, verifyKey, hasSlots, damage, client, here } of refusals) {
    const { path } = await writeMender({ ...options, ...change }, plainContext())
    const bytes = await readFile(path)
    damage?.(bytes)
    await writeFile(path, bytes)
    await device.reset(verifyKey, hasSlots)
    const { code, stderr } = await device.mender('install', path)
    assert.notEqual(code, 0, `${what}: the device installs it`)
    assert.match(stderr, client, what)
    const policy = { keys: verifyKey === undefined ? [] : [verifyKey], deviceTypes: ['board'] }
    const { verdict, reasons } = await verifyArtifact(path, policy, plainContext())
    assert.deepEqual([verdict, ...reasons], here === undefined ? ['accept'] : ['refuse', here], what)
  }
  t.diagnostic(
    `${refusals.length} refused by mender, ${refusals.filter(({ here }) => here).length} of them here, too`,
  )
})

test(
  'a signed artifact is installed by a device without a key, and read here as unverified',
  { skip },
  async (t) => {
    const folder = await temporaryFolder(t)
    const device = await clientDevice(t)
    const source = join(folder, 'rootfs.ext4')
    await writeFile(source, image(50_000))
    const { path } = await writeMender(
      {
        source,
        output: join(folder, 'out.mender'),
        name: 'release-1',
        deviceTypes: ['board'],
        compression: 'gzip',
        signing: { key: ec.pkcs8 },
      },
      plainContext(),
    )
    const { code, stderr } = await device.mender('install', path)
    assert.equal(code, 0, stderr)
    assert.equal((await openArtifact(path)).signature, 'unverified')
  },
)
