// The options file of every kind of payload: what it comes to, and what is refused, all of it at once and at its line.
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type PackageOptions, openArtifact, packageArtifact } from '../../src/artifact/artifact.ts'
import { Failure, plainContext, silentLog } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** Packages `source`, or only what the options say, with these options; all in one folder. */
async function workshop(t: TestContext) {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  await writeFile(at('app.conf'), 'port = 80\n')
  await writeFile(at('second.conf'), 'two\n')
  await writeFile(at('one.deb'), '!<arch>\ndebian-binary   and so on')
  await mkdir(at('tree'))
  await writeFile(at('tree/file'), 'x')
  const warnings: string[] = []
  const log = { ...silentLog, warn: (line: string) => void warnings.push(line) }
  const make = async (
    source: string | undefined,
    yaml: string | undefined,
    more: Partial<PackageOptions> = {},
  ) => {
    const optionsFile = yaml === undefined ? undefined : at('options.yml')
    if (optionsFile !== undefined) await writeFile(optionsFile, yaml ?? '')
    const options: PackageOptions = {
      format: 'mender',
      source: source === undefined ? (optionsFile ?? '') : at(source),
      deviceTypes: ['board'],
      compression: 'none',
      optionsFile,
      ...more,
    }
    return packageArtifact(options, plainContext({ log }))
  }
  const payload = async (source: string | undefined, yaml?: string) => {
    const info = await openArtifact((await make(source, yaml)).path)
    const [first] = info.payloads
    assert.ok(first)
    const { type, metaData, provides, clearsProvides } = first
    return { type, metaData, provides, clearsProvides, files: first.files.map(({ name }) => name) }
  }
  const problems = async (source: string | undefined, yaml: string, more?: Partial<PackageOptions>) => {
    const error = await make(source, yaml, more).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof Failure, 'it is packaged')
    return error.problems.map(({ line, message }) => [line, message] as const)
  }
  return { folder, at, warnings, make, payload, problems }
}

test('each kind of payload is made as its options say', async (t) => {
  const { payload } = await workshop(t)
  const rows = [
    [
      'app.conf',
      'payload: module-image\ntype: app\nfiles: [second.conf]\nmeta-data: { a: [1, x], b: { c: true } }',
      { type: 'app', files: ['app.conf', 'second.conf'], metaData: { a: [1, 'x'], b: { c: true } } },
    ],
    ['tree', 'payload: module-image\ntype: app', { type: 'app', files: ['file'] }],
    [
      undefined,
      'payload: module-image\ntype: app\nmeta-data: { a: 1 }',
      { type: 'app', files: [], metaData: { a: 1 } },
    ],
    ['tree', 'dest-dir: /opt/app', { type: 'directory', files: ['update.tar', 'dest_dir'] }],
    [
      'app.conf',
      "payload: single-file\ndest-dir: /etc\nfilename: my.conf\npermissions: '0600'",
      { type: 'single-file', files: ['dest_dir', 'filename', 'permissions', 'my.conf'] },
    ],
    ['app.conf', 'payload: script', { type: 'script', files: ['app.conf'] }],
    ['one.deb', undefined, { type: 'deb', files: ['one.deb'] }],
    [
      undefined,
      `payload: docker\ncontainers: [web@sha256:${'1'.repeat(64)}]\nrun-args: -p 80:80`,
      {
        type: 'docker',
        files: [],
        metaData: { containers: [`web@sha256:${'1'.repeat(64)}`], run_args: '-p 80:80' },
      },
    ],
  ] as const
  for (const [source, yaml, expected] of rows) {
    const found = await payload(source, yaml)
    const name = expected.type
    assert.deepEqual(
      { ...found, provides: Object.keys(found.provides) },
      {
        metaData: {},
        provides: [`rootfs-image.${name}.version`],
        clearsProvides: [`rootfs-image.${name}.*`],
        ...expected,
      },
    )
  }
})

test('a bootstrap artifact says what the image is, and needs a name', async (t) => {
  const { make, at } = await workshop(t)
  await assert.rejects(make('app.conf', 'payload: bootstrap'), {
    reason: 'bad-input',
    message: /no content.*name/,
  })
  const info = await openArtifact((await make('app.conf', 'payload: bootstrap', { name: 'r' })).path)
  assert.deepEqual(info.payloads[0]?.type, '')
  assert.deepEqual(Object.keys(info.provides).toSorted(), [
    'artifact_name',
    'rootfs-image.checksum',
    'rootfs-image.version',
  ])
  const digest = `sha256:${info.provides['rootfs-image.checksum']}`
  await writeFile(at('app.conf.release.json'), JSON.stringify({ release: 'os-1', sha256: digest }))
  assert.equal((await make('app.conf', 'payload: bootstrap')).name, 'os-1')
})

test('the key that says what is installed, and what is cleared, can be chosen', async (t) => {
  const { payload } = await workshop(t)
  const image = async (yaml: string) => {
    const { provides, clearsProvides } = await payload('app.conf', yaml)
    return [Object.keys(provides), clearsProvides]
  }
  const checksum = 'rootfs-image.checksum'
  assert.deepEqual(await image('software-filesystem: data\nsoftware-name: os\nclears-provides: [x.*]'), [
    ['data.os.version', checksum],
    ['x.*', 'data.os.*'],
  ])
  assert.deepEqual(await image('no-default-software-version: true\nno-checksum-provide: true'), [[], []])
  assert.deepEqual(await image('no-default-clears-provides: true'), [[checksum, 'rootfs-image.version'], []])
  const { provides } = await payload(
    'app.conf',
    "payload: script\nsoftware-version: '7'\nprovides: { rootfs-image.version: os-1 }",
  )
  assert.deepEqual(provides, { 'rootfs-image.script.version': '7', 'rootfs-image.version': 'os-1' })
})

test('an option that means nothing for the kind, or the format, is refused at its line', async (t) => {
  const { problems } = await workshop(t)
  assert.deepEqual(
    await problems(
      'app.conf',
      'payload: script\ndest-dir: /opt\ncontainers: [x]\nno-checksum-provide: true\nkeep: [modes]',
    ),
    [
      [2, 'dest-dir means nothing for the payload script, only for directory, single-file'],
      [3, 'containers means nothing for the payload script, only for docker'],
      [4, 'no-checksum-provide means nothing for the payload script, only for rootfs-image, bootstrap'],
      [5, 'keep means nothing for the payload script, only for directory'],
    ],
  )
  const own = 'provides: { rootfs-image.checksum: x }'
  const isOwn = 'provides.rootfs-image.checksum: it is set from what the artifact holds and can’t be given'
  assert.deepEqual(await problems('app.conf', `payload: bootstrap\n${own}`), [[2, isOwn]])
  assert.deepEqual(await problems('app.conf', own), [[1, isOwn]])
  assert.deepEqual(await problems('app.conf', 'no-default-software-version: true\nsoftware-name: x'), [
    [2, 'software-name means nothing with no-default-software-version'],
  ])
  assert.deepEqual(await problems('app.conf', 'rauc: {}\nswupdate: {}'), [
    [1, 'rauc means nothing for the format mender'],
    [2, 'swupdate means nothing for the format mender'],
  ])
  assert.deepEqual(
    (await problems('app.conf', 'provides: { a: b }\npayload: deb', { format: 'swupdate' })).slice(0, 2),
    [
      [1, 'provides.a means nothing for the format swupdate: only rootfs-image.variant does'],
      [2, 'payload means nothing for the format swupdate'],
    ],
  )
})

test('everything that is wrong is told at once: typos, values, files, and what belongs together', async (t) => {
  const { folder, problems } = await workshop(t)
  const before = [...(await readdir(folder)), 'options.yml'].toSorted()
  const found = await problems(
    'app.conf',
    `payload: single-file
permisions: '0644'
filename: a/b
dest-dir: opt
type: app
state-scripts: [ArtifactInstall_Enter_00]
provides: { artifact_name: y }
software-name: a b
meta-data: { x: 12345678901234567890, y: [[1]] }
`,
    { deviceTypes: ['a b'], name: 'c d' },
  )
  assert.deepEqual(
    found.map(([line, message]) => `${line ?? ''} ${message.replace(/can't read .*: there/, 'there')}`),
    [
      '2 permisions: is not a known key',
      '3 filename: it can have 255 characters at most, of letters, digits and ._,-',
      '4 dest-dir: it is an absolute path, of letters, digits and _.,+@:=- only',
      '5 type means nothing for the payload single-file, only for module-image',
      '6 state-scripts.0: there is no such file',
      '7 provides.artifact_name: it is set from what the artifact holds and can’t be given',
      '8 software-name: it can have letters, digits and ._- only, at most 128',
      '9 meta-data.x: a device would read another number: write it as text, in quotes',
      '9 meta-data.y.0: it can be text, a number, true or false',
      '9 meta-data means nothing for the payload single-file, only for module-image',
      ' "c d" can\'t be a release\'s name: at most 256 characters, without white space and slashes, and not . or ..',
      ' "a b" can\'t be a device type: letters, digits and ._+- only, at most 128, the first a letter or digit',
    ],
  )
  assert.deepEqual((await readdir(folder)).toSorted(), before)
})

test('what a kind needs and can not be is said', async (t) => {
  const { at, make, problems } = await workshop(t)
  const fails = async (source: string | undefined, yaml: string | undefined, message: RegExp) =>
    assert.rejects(make(source, yaml, { name: 'r' }), (error: unknown) => {
      assert.ok(error instanceof Failure, String(error))
      assert.match(error.message, message)
      return true
    })
  await fails('tree', undefined, /directory needs the option dest-dir/)
  await fails('tree', 'dest-dir: /', /replaces all of that folder/)
  await fails('tree', 'dest-dir: /a/../b', /may not have \. or \.\./)
  await fails('tree', 'dest-dir: /a b', /absolute path/)
  await fails('app.conf', 'payload: directory\ndest-dir: /opt', /app\.conf is no folder/)
  await fails('tree', 'payload: single-file\ndest-dir: /opt', /tree is not a plain file/)
  await fails('tree', 'payload: rootfs-image', /tree is not a plain file/)
  await fails('tree', 'payload: deb', /file is no Debian package/)
  await fails('app.conf', 'payload: module-image', /needs the option type/)
  await fails('app.conf', 'payload: module-image\ntype: rootfs-image', /choose payload: rootfs-image/)
  await fails('app.conf', 'payload: docker', /needs the option containers/)
  await fails('app.conf', 'payload: docker\ncontainers: [web]', /brings no files: leave the input source out/)
  await fails('app.conf', 'payload: script\nfiles: [gone]', /options\.yml:2: files\.0: can't read .*gone/)
  await fails('app.conf', 'payload: script\nfiles: [app.conf]', /have the same name/)
  await fails('gone', 'dest-dir: /opt', /gone: there is no such file/)
  await fails(undefined, 'payload: script', /needs a source, and there is only this file/)
  await fails(undefined, 'provides: { a: b }', /rootfs-image needs a source/)
  await fails('app.conf', 'payload: zip', /it can be rootfs-image, module-image/)
  for (const [output, yaml, why] of [
    ['tree/out.mender', 'dest-dir: /opt', /is in the source/],
    ['second.conf', 'payload: module-image\ntype: a\nfiles: [second.conf]', /another file that goes into it/],
  ] as const) {
    await assert.rejects(make('tree', yaml, { output: at(output) }), { reason: 'bad-input', message: why })
  }
  await mkdir(at('nothing'))
  await fails('nothing', 'payload: module-image\ntype: a', /has no file/)
  await mkdir(at('tree/sub'))
  await fails('tree', 'payload: module-image\ntype: a', /sub is no plain file/)
  await writeFile(at('a b'), 'x')
  await fails('a b', 'payload: script', /a name that devices refuse/)
  await writeFile(at('permissions'), 'x')
  await fails('permissions', 'payload: single-file\ndest-dir: /opt', /keeps permissions for itself/)
  assert.deepEqual(await problems('app.conf', 'payload: single-file\ndest-dir: /a\npermissions: 0644'), [
    [3, "permissions: write them as text, in quotes, such as '0644'"],
  ])
})

test('containers without a digest, zstd and xz are warned of', async (t) => {
  const { make, warnings } = await workshop(t)
  const file = 'payload: single-file\ndest-dir: /etc'
  const pinned = `web@sha256:${'1'.repeat(64)}`
  await make(undefined, `payload: docker\ncontainers: [${pinned}, "db:latest"]`)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /db:latest is not pinned/)
  await make('app.conf', file, { compression: 'zstd' })
  assert.match(warnings[1] ?? '', /zstd.*mender-artifact 3\.10/)
  await make('app.conf', file, { compression: 'xz' })
  assert.match(warnings[2] ?? '', /xz.*memory/)
  await make('app.conf', file)
  assert.equal(warnings.length, 3)
})
