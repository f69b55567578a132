// One source of every kind of payload, and what a device must have after it.
import { execFileSync } from 'node:child_process'
import assert from 'node:assert/strict'
import { chmod, lstat, mkdir, readFile, readdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { MenderOptions } from '../../src/artifact/artifact.ts'
import { image } from './craft.ts'
import { type ClientDevice, slotContent } from './mender-client.ts'

export interface Sample {
  kind: string
  source: string
  payload: NonNullable<MenderOptions['payload']>
  /** Undefined where no client of this machine can install it. */
  check: ((device: ClientDevice) => Promise<void>) | undefined
}

export const imageBytes = 1_300_000
const longName = `${'long-'.repeat(30)}name.bin`
const metaData = { mode: '0644', count: 2.5, list: ['a', 1, true], flag: true, nested: { deep: 'x' } }

/** Makes all samples in `folder`; what they do to a device stays in `out`. */
export async function samples(folder: string, out: string): Promise<Sample[]> {
  const at = (...names: string[]) => join(folder, ...names)
  await writeFile(at('rootfs.ext4'), image(imageBytes))
  await writeFile(at('empty'), '')
  await writeFile(at(longName), image(70_000))
  await writeFile(at('app.conf'), 'port = 80\n')
  await writeFile(at('migrate.sh'), `#!/bin/sh\necho done > ${out}/migrated\n`)
  await tree(at('tree'))
  await debs(folder)
  const copied = (names: readonly string[], settings?: object) => async () => {
    assert.deepEqual((await readdir(join(out, 'files'))).toSorted(), names.toSorted())
    for (const name of names)
      assert.ok((await readFile(join(out, 'files', name))).equals(await readFile(at(name))))
    if (settings !== undefined)
      assert.deepEqual(JSON.parse(await readFile(join(out, 'meta-data'), 'utf8')), settings)
  }
  const copy = { kind: 'module-image', type: 'copy' } as const
  const digest = `sha256:${'1'.repeat(64)}`
  return [
    {
      kind: 'rootfs-image',
      source: at('rootfs.ext4'),
      payload: { kind: 'rootfs-image' },
      check: async (device) => {
        assert.ok((await slotContent(device, imageBytes)).equals(image(imageBytes)), 'the slot has the image')
        const environment = await readFile(join(device.folder, 'environment'), 'utf8')
        assert.ok(environment.includes(`mender_boot_part=${device.inactiveSlot.replace(/^\D+/, '')}\n`))
      },
    },
    {
      kind: 'module-image',
      source: at('app.conf'),
      payload: { ...copy, hasSource: true, files: [at('empty'), at(longName)], metaData },
      check: copied(['app.conf', 'empty', longName], metaData),
    },
    {
      kind: 'module-image without files',
      source: at('app.conf'),
      payload: { ...copy, hasSource: false, files: [], metaData },
      check: copied([], metaData),
    },
    {
      kind: 'directory',
      source: at('tree'),
      payload: { kind: 'directory', destDir: join(out, 'tree'), keep: {} },
      check: () => sameTree(at('tree'), join(out, 'tree')),
    },
    {
      kind: 'single-file',
      source: at('app.conf'),
      payload: { kind: 'single-file', destDir: join(out, 'etc'), filename: 'my.conf', permissions: '640' },
      check: async () => {
        const path = join(out, 'etc/my.conf')
        assert.equal(await readFile(path, 'utf8'), 'port = 80\n')
        assert.equal((await lstat(path)).mode & 0o7777, 0o640)
      },
    },
    {
      kind: 'script',
      source: at('migrate.sh'),
      payload: { kind: 'script', files: [] },
      check: async () => assert.equal(await readFile(join(out, 'migrated'), 'utf8'), 'done\n'),
    },
    {
      kind: 'deb',
      source: at('packages'),
      payload: { kind: 'deb', files: [] },
      check: async () => {
        for (const name of ['one', 'two'])
          assert.equal(await readFile(join(out, `root/opt/${name}`), 'utf8'), `${name}\n`)
      },
    },
    {
      kind: 'docker',
      source: at('app.conf'),
      payload: { kind: 'docker', containers: [`web@${digest}`], runArgs: '-p 80:80' },
      check: undefined,
    },
    {
      kind: 'bootstrap',
      source: at('rootfs.ext4'),
      payload: { kind: 'bootstrap' },
      check: undefined,
    },
  ]
}

/** A folder with everything that one may have, which Git keeps. */
export async function tree(folder: string): Promise<void> {
  await mkdir(join(folder, 'bin/empty'), { recursive: true })
  await writeFile(join(folder, 'bin/run me'), '#!/bin/sh\n')
  await chmod(join(folder, 'bin/run me'), 0o755)
  await writeFile(join(folder, 'app.service'), '[Unit]\n')
  await writeFile(join(folder, 'ünïcode'), 'x')
  await writeFile(join(folder, 'none'), '')
  await writeFile(join(folder, 'large'), image(2_500_000))
  await mkdir(join(folder, 'deep'.repeat(20), 'deeper'.repeat(20)), { recursive: true })
  await writeFile(join(folder, 'deep'.repeat(20), 'deeper'.repeat(20), 'n'.repeat(200)), 'far')
  await symlink('../app.service', join(folder, 'bin/link'))
  await symlink(`/${'nowhere/'.repeat(20)}`, join(folder, 'dangling'))
}

/** Two packages; the name of one has what a payload's may not. */
async function debs(folder: string): Promise<void> {
  await mkdir(join(folder, 'packages'))
  for (const [name, version] of [
    ['one', '1.0~rc1+b2'],
    ['two', '2'],
  ]) {
    const root = join(folder, `deb-${name}`)
    await mkdir(join(root, 'DEBIAN'), { recursive: true })
    await mkdir(join(root, 'opt'))
    await writeFile(join(root, `opt/${name}`), `${name}\n`)
    const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.com>\nDescription: test\n`
    await writeFile(join(root, 'DEBIAN/control'), control)
    const file = join(folder, `packages/${name}_${version}_all.deb`)
    execFileSync('dpkg-deb', ['--build', '--root-owner-group', root, file], { stdio: 'pipe' })
  }
}

export async function sameTree(expected: string, found: string): Promise<void> {
  const list = async (root: string) => {
    const names = (await readdir(root, { recursive: true })).toSorted()
    return Promise.all(names.map((name) => described(root, name)))
  }
  assert.deepEqual(await list(found), await list(expected))
}

async function described(root: string, name: string) {
  const path = join(root, name)
  const facts = await lstat(path)
  if (facts.isSymbolicLink()) return [name, await readlink(path)]
  if (facts.isDirectory()) return [name, 'folder']
  return [name, basename(path), facts.mode & 0o111, (await readFile(path)).toString('base64')]
}
