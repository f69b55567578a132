import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openArtifact, verifyArtifact } from '../../src/artifact/artifact.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { sha256 } from './craft.ts'
import { failure } from './failure.ts'
import { ours, signer, withoutRauc } from './rauc.ts'

const image = 'an image'
const manifestOf = (text = '') =>
  `[update]\ncompatible=board\nversion=1\n${text}[image.rootfs]\nfilename=rootfs.img\nsize=${image.length}\nsha256=${sha256(image)}\n`

interface Parts {
  manifest?: string
  /** Does more to the folder that becomes the squashfs. */
  change?: (folder: string) => Promise<void>
  /** Signs this instead of the squashfs, and carries it. */
  attached?: string
}

/** A signed bundle of the test's own making, without rauc, which would refuse to make it. */
async function craft(t: TestContext, { manifest = manifestOf(), change, attached }: Parts): Promise<string> {
  const folder = await temporaryFolder(t)
  const path = (name: string) => join(folder, name)
  await mkdir(path('content'))
  await writeFile(path('content/rootfs.img'), image)
  await writeFile(path('content/manifest.raucm'), manifest)
  await change?.(path('content'))
  await writeFile(path('key.pem'), signer.key)
  await writeFile(path('certificate.pem'), signer.certificate)
  execFileSync('mksquashfs', [path('content'), path('squashfs'), '-noappend', '-quiet', '-no-progress'], {
    stdio: 'ignore',
  })
  if (attached !== undefined) await writeFile(path('attached'), attached)
  const signed = attached === undefined ? [path('squashfs')] : [path('attached'), '-nodetach']
  const by = ['-signer', path('certificate.pem'), '-inkey', path('key.pem'), '-outform', 'DER']
  execFileSync('openssl', ['cms', '-sign', '-binary', ...by, '-out', path('signature'), '-in', ...signed])
  const signature = await readFile(path('signature'))
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(signature.length))
  await writeFile(path('bundle'), Buffer.concat([await readFile(path('squashfs')), signature, size]))
  return path('bundle')
}

test(
  'what is signed and still wrong is refused by name, and nothing of it is left',
  { skip: withoutRauc },
  async (t) => {
    const temporary = await temporaryFolder(t)
    const old = process.env['TMPDIR']
    undo(t, () => {
      if (old === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = old
    })
    const hooks = '[hooks]\nfilename=hook\n'
    const zero = '0'.repeat(64)
    const refused = async (
      parts: Parts,
      message: RegExp,
      detail: string,
      verifyKeys = [ours.certificate],
    ) => {
      const path = await craft(t, parts)
      process.env['TMPDIR'] = temporary
      for (const keys of [verifyKeys, []])
        await assert.rejects(
          openArtifact(path, { verifyKeys: keys }),
          failure('artifact-damaged', message, detail),
        )
      delete process.env['TMPDIR']
      assert.deepEqual(await readdir(temporary), [])
    }
    await refused(
      { manifest: manifestOf().replace(sha256(image), zero) },
      /checksum is not the manifest/,
      'artifact-checksum',
    )
    await refused(
      { manifest: manifestOf().replace('size=8', 'size=9') },
      /ends here.*9 bytes/,
      'artifact-checksum',
    )
    await refused(
      { manifest: manifestOf().replace('size=8', 'size=7') },
      /more than 7 bytes/,
      'artifact-too-large',
    )
    const bomb = async (folder: string) => truncate(join(folder, 'rootfs.img'), 200_000_000)
    await refused({ change: bomb }, /more than 8 bytes/, 'artifact-too-large')
    const huge = { manifest: manifestOf('#'.repeat(300_000) + '\n') }
    await refused(huge, /more than 262144 bytes/, 'artifact-too-large')
    await refused(
      { manifest: manifestOf().replace('rootfs.img', 'other.img') },
      /has no "other\.img"/,
      'artifact-members',
    )
    await refused({ manifest: manifestOf(hooks) }, /has no "hook"/, 'artifact-members')
    await refused(
      { manifest: manifestOf().replace('rootfs.img', '../../etc/passwd') },
      /leaves the bundle/,
      'artifact-path',
    )
    await refused({ manifest: 'nothing' }, /malformed/, 'artifact-damaged')
    await refused(
      { manifest: manifestOf('[bundle]\nformat=verity\n') },
      /signed as plain/,
      'artifact-members',
    )
    await refused({ attached: manifestOf() }, /no hash tree/, 'artifact-members')
    const tree = `[bundle]\nformat=verity\nverity-hash=${zero}\nverity-salt=${zero}\nverity-size=`
    await refused(
      { attached: manifestOf(`${tree}4096\n`) },
      /no place|made of blocks|hash tree/,
      'artifact-damaged',
    )
    await refused({ attached: manifestOf(`${tree}9007199254736896\n`) }, /no place/, 'artifact-damaged')
    const linked = async (folder: string) => {
      await rm(join(folder, 'manifest.raucm'))
      await symlink('/etc/passwd', join(folder, 'manifest.raucm'))
    }
    await refused({ change: linked }, /manifest\.raucm/, 'artifact-damaged')
    const pipe = async (folder: string) => {
      await writeFile(join(folder, 'hook'), 'x')
      execFileSync('mkfifo', [join(folder, 'pipe')])
    }
    await refused({ manifest: manifestOf(hooks), change: pipe }, /"pipe" is no plain file/, 'artifact-path')
    const big = async (folder: string) => {
      await writeFile(join(folder, 'hook'), '')
      await truncate(join(folder, 'hook'), 40_000_000)
    }
    await refused({ manifest: manifestOf(hooks), change: big }, /unsquashfs/, 'artifact-damaged')
  },
)

test(
  'a bundle that was changed after it was signed gets a verdict, with a key and without',
  { skip: withoutRauc },
  async (t) => {
    const bundle = await craft(t, {})
    const bytes = await readFile(bundle)
    bytes[100] = (bytes[100] ?? 0) ^ 1
    await writeFile(bundle, bytes)
    for (const keys of [[signer.certificate], []]) {
      const { verdict, reasons, checks } = await verifyArtifact(
        bundle,
        { keys, deviceTypes: [] },
        plainContext(),
      )
      assert.equal(verdict, 'refuse')
      assert.deepEqual(reasons, ['artifact-signature'])
      assert.equal(checks.find(({ what }) => what === 'file')?.result, 'not-checked')
    }
  },
)

test('sizes over the limits are refused before anything is unpacked', { skip: withoutRauc }, async (t) => {
  const path = await craft(t, { manifest: manifestOf().replace('size=8', 'size=999999999999999') })
  await assert.rejects(
    openArtifact(path),
    failure('artifact-damaged', /have 999999999999999 bytes/, 'artifact-too-large'),
  )
  const small = openArtifact(path, { limits: { artifactBytes: 100 } })
  await assert.rejects(small, failure('artifact-damaged', /more than 100 bytes/, 'artifact-too-large'))
})

test('what a script brings besides itself is a part of the content', { skip: withoutRauc }, async (t) => {
  const digestOf = async (helper: string) => {
    const path = await craft(t, {
      manifest: manifestOf('[hooks]\nfilename=hook\n'),
      change: async (folder) => {
        await writeFile(join(folder, 'hook'), '#!/bin/sh\n')
        await mkdir(join(folder, 'lib'))
        await writeFile(join(folder, 'lib/helper'), helper)
      },
    })
    const { contentDigest, scripts } = await openArtifact(path, { verifyKeys: [ours.certificate] })
    assert.deepEqual(scripts, ['hook', 'lib/helper'])
    return contentDigest
  }
  assert.notEqual(await digestOf('a'), await digestOf('b'))
})
