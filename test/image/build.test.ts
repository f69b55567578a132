import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv, type AnySchemaObject } from 'ajv'
import { buildImage } from '../../src/image/image.ts'
import { digestOfFile, plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { baseMembers, tinyBuilder } from './tiny-base.ts'
import { ask, output, workshop } from './workshop.ts'

const skip = needs('mke2fs', 'debugfs', 'e2fsck', 'git')

test('an image holds the base system and the recipe’s files, owned by root', { skip }, async (t) => {
  const shop = await workshop(
    t,
    'files: [{source: files, path: /}, {source: secret, path: /etc/secret, mode: "0400"}]\n',
    {
      'files/etc/motd': 'hello\n',
      secret: 'x\n',
    },
  )
  await shop.write('files/usr/sbin/tool', '#!/bin/sh\n', 0o755)
  const built = await shop.build()
  assert.equal(await ask(built.rootfs, 'cat /etc/motd'), 'hello\n')
  assert.match(await ask(built.rootfs, 'stat /etc/motd'), /Mode: {2}0644[\s\S]*User: {5}0 {3}Group: {5}0/)
  assert.match(await ask(built.rootfs, 'stat /usr/sbin/tool'), /Mode: {2}0755/)
  assert.match(await ask(built.rootfs, 'stat /etc/secret'), /Mode: {2}0400/)
  assert.match(await ask(built.rootfs, 'stat /etc/shadow'), /Mode: {2}0640[\s\S]*Group: {4}42/)
  assert.match(await ask(built.rootfs, 'stat /usr/bin/su'), /Mode: {2}04755/)
  await output('/usr/sbin/e2fsck', '-f', '-n', built.rootfs)
})

test('an image holds nothing of the machine that built it', { skip }, async (t) => {
  const shop = await workshop(t)
  const { rootfs } = await shop.build()
  assert.equal(await ask(rootfs, 'cat /etc/machine-id'), '')
  for (const path of [
    '/etc/ssh/ssh_host_ed25519_key',
    '/etc/hostname',
    '/etc/resolv.conf',
    '/var/log/dpkg.log',
    '/dev/console',
  ]) {
    assert.doesNotMatch(await ask(rootfs, `stat ${path}`), /Inode/, path)
  }
  assert.equal(await ask(rootfs, 'cat /etc/shadow'), 'root:*::0:99999:7:::\n')
})

test(
  'the release’s name tells recipe, commit time and content, and stands in the image',
  { skip },
  async (t) => {
    const shop = await workshop(t, 'files: [{source: motd, path: /etc/motd}]\n', { motd: 'one\n' })
    const built = await shop.build()
    assert.match(built.version, /^tiny-os-20260304T0506-[0-9a-f]{12}$/)
    assert.equal(await ask(built.rootfs, 'cat /etc/mender/artifact_info'), `artifact_name=${built.version}\n`)
    assert.match(
      await ask(built.rootfs, 'cat /usr/lib/os-release'),
      new RegExp(`^ID=debian\nVERSION_ID="12"\nIMAGE_ID=tiny-os\nIMAGE_VERSION=${built.version}\n$`),
    )
    const named: unknown = JSON.parse(await readFile(`${built.rootfs}.release.json`, 'utf8'))
    assert.deepEqual(named, { release: built.version, sha256: built.sha256 })
    assert.equal(await digestOfFile(built.rootfs), built.sha256)
    await shop.write('motd', 'two\n')
    await shop.commit('2026-03-05T00:00:00Z')
    const next = await shop.build()
    assert.match(next.version, /^tiny-os-20260305T0000-/)
    assert.notEqual(next.version.slice(-12), built.version.slice(-12))
    shop.mirror.publish('news')
    const updated = await shop.build(tinyBuilder([...baseMembers, { path: './usr/bin/new', text: 'new\n' }]))
    shop.mirror.publish('more news')
    const fixed = await shop.build(tinyBuilder([...baseMembers, { path: './usr/bin/new', text: 'NEW\n' }]))
    assert.notEqual(updated.version, next.version)
    assert.notEqual(fixed.version, updated.version)
    assert.deepEqual(shop.warnings, [])
  },
)

test(
  'two builds of one commit are equal byte for byte, whatever the clock and the files’ times say',
  { skip },
  async (t) => {
    const shop = await workshop(
      t,
      'files: [{source: files, path: /}]\nlinks: [{path: /etc/l, target: motd}]\n',
      {
        'files/etc/motd': 'hello\n',
      },
    )
    const first = await shop.build()
    await output('touch', '-d', '2001-01-01', join(shop.source, 'files/etc/motd'))
    await chmod(join(shop.source, 'files/etc/motd'), 0o640)
    const second = await shop.build(tinyBuilder(), 'elsewhere')
    assert.equal(second.sha256, first.sha256)
    assert.equal(second.version, first.version)
    assert.equal(first.changed, true)
    assert.equal((await shop.build()).changed, false)
    for (const path of ['/', '/lost+found', '<8>', '/usr/bin/su', '/etc/motd']) {
      assert.doesNotMatch(await ask(first.rootfs, `stat "${path}"`), /time: .* (2001|202[789])$/m, path)
    }
  },
)

test('a path that leads through a link stays inside the image', { skip }, async (t) => {
  const shop = await workshop(
    t,
    'files: [{source: f, path: /bin/f}, {source: f, path: /out/f}, {source: f, path: /etc/victim}]\n',
    { f: 'f\n' },
  )
  const victim = join(shop.folder, 'victim')
  await mkdir(join(shop.folder, 'outside'))
  await writeFile(victim, 'untouched\n')
  const built = await shop.build(
    tinyBuilder([
      ...baseMembers,
      { path: './out', type: '2', target: join(shop.folder, 'outside') },
      { path: './etc/victim', type: '2', target: victim },
    ]),
  )
  assert.equal(await readFile(victim, 'utf8'), 'untouched\n')
  assert.deepEqual(await readdir(join(shop.folder, 'outside')), [])
  assert.equal(await ask(built.rootfs, 'cat /usr/bin/f'), 'f\n')
  assert.equal(await ask(built.rootfs, 'cat /etc/victim'), 'f\n')
  assert.equal(await ask(built.rootfs, `cat ${join(shop.folder, 'outside/f')}`), 'f\n')
})

test('hard links, capabilities and odd names come through', { skip }, async (t) => {
  const shop = await workshop(t)
  const built = await shop.build(
    tinyBuilder([
      ...baseMembers,
      { path: './usr/bin/a "b" c', text: 'odd\n' },
      { path: './usr/bin/again', type: '1', target: './usr/bin/a "b" c' },
      { path: './usr/bin/ping', text: 'ping\n', xattr: ['security.capability', 'value'] },
      { path: './usr/bin/empty', text: '' },
    ]),
  )
  assert.match(await ask(built.rootfs, 'stat /usr/bin/again'), /Links: 2/)
  assert.equal(await ask(built.rootfs, 'cat /usr/bin/again'), 'odd\n')
  assert.equal(await ask(built.rootfs, 'cat "/usr/bin/a ""b"" c"'), 'odd\n')
  assert.match(await ask(built.rootfs, 'ea_get /usr/bin/ping security.capability'), /"?value"?/)
  await output('/usr/sbin/e2fsck', '-f', '-n', built.rootfs)
})

test(
  'folders, links and removals of the recipe are done, and a removal of nothing is told',
  { skip },
  async (t) => {
    const shop = await workshop(
      t,
      'folders: [/data]\nlinks: [{path: /usr/bin/off, target: su}]\nremove: [/tmp, /nothing]\n',
    )
    const built = await shop.build()
    assert.match(await ask(built.rootfs, 'stat /data'), /Type: directory/)
    assert.match(await ask(built.rootfs, 'stat /usr/bin/off'), /Fast link dest: "su"/)
    assert.doesNotMatch(await ask(built.rootfs, 'stat /tmp'), /Inode/)
    assert.match(shop.warnings.join(), /\/nothing/)
  },
)

test('an account with a password, or without any, is no image', { skip }, async (t) => {
  const shop = await workshop(t, 'files: [{source: shadow, path: /etc/shadow}]\n', {
    shadow: 'root:$6$salt$hash:20254::::::\nguest::20254::::::\nok:!:::::::\n',
  })
  await assert.rejects(shop.build(), { reason: 'build-failed', message: /root, guest/ })
  assert.deepEqual(await readdir(join(shop.folder, 'out')).catch(() => []), [])
})

test('content that doesn’t fit the size says how much it needs', { skip }, async (t) => {
  const shop = await workshop(t, 'size: 1MiB\n')
  await assert.rejects(shop.build(), {
    reason: 'build-failed',
    message: /needs \d+ MiB .*gives 1 MiB: raise `size`/,
  })
})

test('a fixed size is kept to the byte', { skip }, async (t) => {
  const shop = await workshop(t, 'size: 64MiB\n')
  assert.equal((await shop.build()).sizeBytes, 64 << 20)
})

test('too little space is told before anything is built', { skip }, async (t) => {
  const shop = await workshop(t, 'size: 999999GiB\n')
  const builder = tinyBuilder()
  await assert.rejects(shop.build(builder), {
    reason: 'disk-full',
    message: /need 1023998976 MiB and the disk has \d+ MiB/,
  })
  assert.equal(builder.builds.length, 0)
})

test('a build says what it takes before it begins', { skip }, async (t) => {
  const shop = await workshop(t, 'size: 1GiB\ndisk: { slots: 2, data: { size: 512MiB } }\n')
  const builder = tinyBuilder()
  let before = ''
  const waiting = {
    ...builder,
    build: (...given: Parameters<typeof builder.build>) => {
      before = shop.said.join('\n')
      return Promise.reject(new Error(`no ${given.length}`))
    },
  }
  await assert.rejects(shop.build(waiting), /no 3/)
  assert.match(
    before,
    /this takes up to 4872 MiB in \S+\/out and, without a cache, \d+ MiB of temporary space/,
  )
})

test('manifest and SBOM list the installed packages with their versions', { skip }, async (t) => {
  const shop = await workshop(t)
  const built = await shop.build()
  const manifest = JSON.parse(await readFile(built.manifest, 'utf8')) as Record<string, unknown>
  assert.deepEqual(manifest, {
    format: 1,
    release: built.version,
    recipe: 'tiny-os',
    suite: 'tiny',
    architecture: 'amd64',
    packages: [
      { name: 'base-files', version: '12.4', architecture: 'amd64' },
      { name: 'libtiny', version: '1:1.0+deb12u1', architecture: 'amd64', source: 'tiny' },
    ],
  })
  const sbom = JSON.parse(await readFile(built.sbom, 'utf8')) as {
    specVersion: string
    components: { purl: string; 'bom-ref': string }[]
  }
  assert.equal(sbom.specVersion, '1.6')
  assert.deepEqual(
    sbom.components.map(({ purl }) => purl),
    [
      'pkg:deb/debian/base-files@12.4?arch=amd64&distro=debian-12',
      'pkg:deb/debian/libtiny@1%3A1.0%2Bdeb12u1?arch=amd64&distro=debian-12',
    ],
  )
})

test('changes that are not committed are told, and so is a recipe outside of Git', { skip }, async (t) => {
  const shop = await workshop(t, 'files: [{source: motd, path: /etc/motd}]\n', { motd: 'one\n' })
  await shop.write('unrelated', 'x')
  await shop.build()
  assert.deepEqual(shop.warnings, [])
  await shop.write('motd', 'two\n')
  const dirty = await shop.build()
  assert.match(dirty.version, /^tiny-os-20260304T0506-/)
  assert.match(shop.warnings.join(), /not committed/)
  const outside = await workshop(t)
  await output('rm', '-r', join(outside.source, '.git'))
  await output('touch', '-d', '2020-02-03T04:05:06Z', join(outside.source, 'image.yml'))
  assert.match((await outside.build()).version, /^tiny-os-20200203T0405-/)
  assert.match(outside.warnings.join(), /no Git repository/)
})

test('links in a source folder are copied, never followed', { skip }, async (t) => {
  const shop = await workshop(t, 'files: [{source: files, path: /opt}]\n', { 'files/a': 'a\n' })
  await symlink('/etc/shadow', join(shop.source, 'files/leak'))
  const built = await shop.build()
  assert.match(await ask(built.rootfs, 'stat /opt/leak'), /Fast link dest: "\/etc\/shadow"/)
})

test(
  'an architecture that this machine can’t run is refused before anything is built',
  { skip },
  async (t) => {
    const shop = await workshop(t)
    const options = {
      recipe: join(shop.source, 'image.yml'),
      arch: 'sparc64',
      output: join(shop.folder, 'o'),
      cache: 'none',
    }
    await assert.rejects(buildImage(options, plainContext()), { reason: 'missing-tool', message: /sparc64/ })
  },
)

test('a damaged base system is refused', { skip }, async (t) => {
  const shop = await workshop(t)
  const cut = tinyBuilder()
  await assert.rejects(
    shop.build({
      ...cut,
      build: async (_request, { into }) => writeFile(into, 'no tar file at all'.repeat(100)),
    }),
    { reason: 'build-failed', message: /damaged/ },
  )
})

test('the SBOM is what CycloneDX’s own schema asks for', { skip }, async (t) => {
  const shop = await workshop(t)
  const { sbom } = await shop.build()
  const schemas = join(
    dirname(fileURLToPath(import.meta.resolve('@cyclonedx/cyclonedx-library/package.json'))),
    'res/schema',
  )
  const read = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as AnySchemaObject
  const ajv = new Ajv({ strict: false, validateFormats: false })
  for (const name of ['jsf-0.82', 'spdx', 'cryptography-defs'])
    // the library keeps them as files that name one another
    ajv.addSchema(
      await read(join(schemas, `${name}.SNAPSHOT.schema.json`)),
      `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`,
    )
  const isValid = ajv.compile(await read(join(schemas, 'bom-1.6.SNAPSHOT.schema.json')))
  const made = await read(sbom)
  assert.ok(isValid(made), ajv.errorsText(isValid.errors))
  assert.equal(isValid({ ...made, components: [{ type: 'library' }] }), false)
})
