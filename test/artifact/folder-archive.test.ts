// Folders as archives inside an artifact, read by the system's own tar.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type MenderOptions, openArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { tarHeader } from '../../src/artifact/archive/tar-header.ts'
import { Failure, plainContext, silentLog } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image, sha256 } from './craft.ts'
import { sameTree, tree } from './payloads.ts'

type Keep = Extract<MenderOptions['payload'], { kind: 'directory' }>['keep']

async function packed(folder: string, keep: Keep = {}, warn: (line: string) => void = () => {}) {
  const { path } = await writeMender(
    {
      source: join(folder, 'tree'),
      payload: { kind: 'directory', destDir: '/opt/app', keep },
      output: join(folder, 'out.mender'),
      name: 'r',
      deviceTypes: ['board'],
      compression: 'none',
    },
    plainContext({ log: { ...silentLog, warn } }),
  )
  const data = execFileSync('tar', ['-xOf', path, 'data/0000.tar'], { maxBuffer: 1 << 26 })
  return execFileSync('tar', ['-xOf', '-', 'update.tar'], { input: data, maxBuffer: 1 << 26 })
}

function listed(archive: Buffer): string[] {
  const args = ['--numeric-owner', '--full-time', '--utc', '-tvf', '-']
  const said = execFileSync('tar', args, { input: archive, encoding: 'utf8' })
  return said
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '))
}

async function small(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'tree/b'), { recursive: true })
  await writeFile(join(folder, 'tree/b/program'), 'x')
  await writeFile(join(folder, 'tree/a'), 'yy')
  await symlink('b/program', join(folder, 'tree/c'))
  await chmod(join(folder, 'tree/b/program'), 0o4711)
  await chmod(join(folder, 'tree/a'), 0o600)
  await chmod(join(folder, 'tree/b'), 0o700)
  for (const name of ['b/program', 'a', 'b', '']) await utimes(join(folder, 'tree', name), 1e9, 1e9 + 0.5)
  return folder
}

test('the system’s tar unpacks what a folder had: long names, links, empty files and folders', async (t) => {
  const folder = await temporaryFolder(t)
  await tree(join(folder, 'tree'))
  const archive = await packed(folder)
  await mkdir(join(folder, 'unpacked'))
  execFileSync('tar', ['-xf', '-', '-C', join(folder, 'unpacked')], { input: archive })
  await sameTree(join(folder, 'tree'), join(folder, 'unpacked'))
})

test('it is sorted, of root, of 1970, and with the modes that Git keeps', async (t) => {
  const folder = await small(t)
  const warnings: string[] = []
  assert.deepEqual(listed(await packed(folder, {}, (line) => warnings.push(line))), [
    'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 ./',
    '-rw-r--r-- 0/0 2 1970-01-01 00:00:00 ./a',
    'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 ./b/',
    '-rwxr-xr-x 0/0 1 1970-01-01 00:00:00 ./b/program',
    'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 ./c -> b/program',
  ])
  assert.match(warnings.join(), /1 of the files lose .* \.\/b\/program.*keep: \[modes\]/)
})

test('modes, owners and times are kept where asked for', { skip: needs('root') }, async (t) => {
  const folder = await small(t)
  await chown(join(folder, 'tree/a'), 1000, 4_000_000)
  await utimes(join(folder, 'tree/a'), 1e9, 1e9)
  const warnings: string[] = []
  const archive = await packed(folder, { modes: true, owners: true, times: true }, (line) =>
    warnings.push(line),
  )
  assert.deepEqual(
    listed(archive).filter((line) => !line.startsWith('l') && !line.endsWith('./')),
    [
      '-rw------- 1000/4000000 2 2001-09-09 01:46:40 ./a',
      'drwx------ 0/0 0 2001-09-09 01:46:40 ./b/',
      '-rws--x--x 0/0 1 2001-09-09 01:46:40 ./b/program',
    ],
  )
  assert.deepEqual(warnings, [])
})

test('what can not be in an archive is named, all of it', { skip: needs('mkfifo') }, async (t) => {
  const folder = await small(t)
  execFileSync('mkfifo', [join(folder, 'tree/pipe'), join(folder, 'tree/b/pipe')])
  await writeFile(Buffer.concat([Buffer.from(join(folder, 'tree/x')), Buffer.of(0xff)]), '')
  await assert.rejects(packed(folder), (error: unknown) => {
    assert.ok(error instanceof Failure)
    assert.equal(error.reason, 'bad-input')
    assert.match(error.message, /b\/pipe is a device, a socket or a pipe.*and 2 more/)
    assert.equal(error.problems.length, 3)
    return true
  })
})

test('a file that changes after it was counted is refused', async (t) => {
  const folder = await small(t)
  await writeFile(join(folder, 'tree/large'), Buffer.alloc(3 << 20))
  let asked = 0
  const clock = {
    ...plainContext().clock,
    now: () => {
      // first asked when all was looked at, and nothing was read
      if (asked++ === 0) execFileSync('sh', ['-c', 'echo more >> "$0"', join(folder, 'tree/large')])
      return new Date()
    },
  }
  const options = {
    source: join(folder, 'tree'),
    payload: { kind: 'directory', destDir: '/opt/app', keep: {} },
    output: join(folder, 'out.mender'),
    name: 'r',
    deviceTypes: ['board'],
    compression: 'none',
  } as const
  await assert.rejects(writeMender(options, plainContext({ clock })), /large changed while it was read/)
})

test('a payload of small and large files is read back, whatever it is compressed with', async (t) => {
  const folder = await temporaryFolder(t)
  const sizes = [0, 1, 511, 65_535, 65_536, 70_000, 1, 1 << 20, (1 << 20) + 1, 3, 2_500_000]
  const files = sizes.map((size, i) => ({ path: join(folder, `file-${i}`), content: image(size) }))
  for (const { path, content } of files) await writeFile(path, content)
  const [{ path: source } = { path: '' }, ...more] = files
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    const { path } = await writeMender(
      {
        source,
        payload: {
          kind: 'module-image',
          type: 'app',
          hasSource: true,
          files: more.map((file) => file.path),
          metaData: {},
        },
        output: join(folder, 'out.mender'),
        name: 'r',
        deviceTypes: ['board'],
        compression,
      },
      plainContext(),
    )
    const { payloads } = await openArtifact(path)
    assert.deepEqual(
      payloads[0]?.files.map(({ sizeBytes, checksum }) => [sizeBytes, checksum]),
      files.map(({ content }) => [content.length, sha256(content)]),
    )
  }
})

test('memory stays small for a folder of any size', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'tree'))
  await writeFile(join(folder, 'tree/large'), '')
  await truncate(join(folder, 'tree/large'), 2 ** 29)
  const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const options = {
    source: join(folder, 'tree'),
    payload: { kind: 'directory', destDir: '/opt/app', keep: {} },
    output: join(folder, 'out.mender'),
    name: 'r',
    deviceTypes: ['board'],
    compression: 'gzip',
  }
  const script = [
    `const { writeMender } = await import(${at('../../src/artifact/artifact.ts')})`,
    `const { plainContext } = await import(${at('../../src/platform/platform.ts')})`,
    `await writeMender(${JSON.stringify(options)}, plainContext())`,
    'console.log(process.resourceUsage().maxRSS)',
  ].join('\n')
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  assert.ok(Number(said) < 200 * 1024, `${said} KiB`)
})

test('a member of more than 8 GiB has its size, and one of a long name its name', () => {
  const size = 9 * 2 ** 30 + 1
  const list = (header: Buffer) =>
    spawnSync('tar', ['-tvf', '-'], {
      input: header,
      encoding: 'utf8',
      env: { TZ: 'UTC', PATH: process.env['PATH'] },
    }).stdout
  assert.match(list(tarHeader('data/0000.tar', size)), new RegExp(` ${size} 1970.* data/0000\\.tar\n`))
  const name = `scripts/${'n'.repeat(200)}`
  assert.match(list(tarHeader(name, 0)), new RegExp(` 0 1970.* ${name}\n`))
})
