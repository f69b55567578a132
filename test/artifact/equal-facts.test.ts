// The same artifact, written by the vendor's tools and written here: read back, both have the same facts and digest.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type MenderOptions, writeMender } from '../../src/artifact/artifact.ts'
import { plainContext, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { comparable } from './comparable.ts'
import { image } from './craft.ts'

const skip = needs('mender-artifact', 'xz')
const generators = '/usr/share/doc/mender-client/examples'
const skipGenerators =
  skip ||
  (existsSync(join(generators, 'single-file-artifact-gen')) ? false : 'needs the examples of mender-client')

/** Arguments of `mender-artifact write` after name, device type and output, and the options that come to the same. */
interface Pair {
  theirs: (at: (name: string) => string) => string[]
  ours: (at: (name: string) => string) => Partial<MenderOptions>
}

const metaData = { mode: '0644', count: 2.5, list: ['a', 1, true], nested: { deep: ['x'] } }
const module = { kind: 'module-image', type: 'app', hasSource: true, files: [], metaData: {} } as const

const pairs: Record<string, Pair> = {
  'rootfs-image': { theirs: (at) => ['rootfs-image', '-f', at('image.ext4')], ours: () => ({}) },
  'rootfs-image with another key': {
    theirs: (at) => [
      'rootfs-image',
      '-f',
      at('image.ext4'),
      '--software-filesystem',
      'data',
      '--software-name',
      'os',
      '--software-version',
      '7',
    ],
    ours: () => ({ software: { filesystem: 'data', name: 'os', version: '7' } }),
  },
  'rootfs-image with another file system': {
    theirs: (at) => ['rootfs-image', '-f', at('image.ext4'), '--software-filesystem', 'data'],
    ours: () => ({ software: { filesystem: 'data' } }),
  },
  'rootfs-image without defaults': {
    theirs: (at) => [
      'rootfs-image',
      '-f',
      at('image.ext4'),
      '--no-checksum-provide',
      '--no-default-software-version',
      '--no-default-clears-provides',
    ],
    ours: () => ({ without: { softwareVersion: true, clearsProvides: true, checksum: true } }),
  },
  'rootfs-image without version': {
    theirs: (at) => ['rootfs-image', '-f', at('image.ext4'), '--no-default-software-version'],
    ours: () => ({ without: { softwareVersion: true } }),
  },
  'rootfs-image that clears something else': {
    theirs: (at) => [
      'rootfs-image',
      '-f',
      at('image.ext4'),
      '--no-default-clears-provides',
      '--clears-provides',
      'a.*',
    ],
    ours: () => ({ without: { clearsProvides: true }, clearsProvides: ['a.*'] }),
  },
  'module-image with everything': {
    theirs: (at) => [
      'module-image',
      '-T',
      'app',
      '-f',
      at('image.ext4'),
      '-f',
      at('second'),
      '-f',
      at('empty'),
      '-m',
      at('meta.json'),
      '-p',
      'a:b',
      '-d',
      'c:d',
      '-g',
      'group',
      '-G',
      'before',
      '-N',
      'r-0',
      '-N',
      'r-1',
      '--clears-provides',
      'x.*',
      '--software-version',
      '3',
    ],
    ours: (at) => ({
      payload: { ...module, files: [at('second'), at('empty')], metaData },
      provides: { a: 'b' },
      depends: { c: 'd', artifact_group: ['before'], artifact_name: ['r-0', 'r-1'] },
      artifactGroup: 'group',
      clearsProvides: ['x.*'],
      software: { version: '3' },
    }),
  },
  'module-image with another key': {
    theirs: (at) => [
      'module-image',
      '-T',
      'app',
      '-f',
      at('second'),
      '--software-filesystem',
      'data',
      '--software-name',
      'n',
    ],
    ours: (at) => ({ source: at('second'), payload: module, software: { filesystem: 'data', name: 'n' } }),
  },
  'module-image without files and settings': {
    theirs: () => ['module-image', '-T', 'app'],
    ours: () => ({ payload: { ...module, hasSource: false } }),
  },
  'module-image without defaults': {
    theirs: (at) => [
      'module-image',
      '-T',
      'app',
      '-f',
      at('second'),
      '--no-default-software-version',
      '--no-default-clears-provides',
    ],
    ours: (at) => ({
      source: at('second'),
      payload: module,
      without: { softwareVersion: true, clearsProvides: true },
    }),
  },
  bootstrap: {
    theirs: () => ['bootstrap-artifact'],
    ours: () => ({
      payload: { kind: 'bootstrap' },
      without: { softwareVersion: true, clearsProvides: true, checksum: true },
    }),
  },
  'bootstrap with provides': {
    theirs: () => ['bootstrap-artifact', '-p', 'a:b', '-d', 'c:d', '-g', 'group', '--clears-provides', 'x.*'],
    ours: () => ({
      payload: { kind: 'bootstrap' },
      without: { softwareVersion: true, clearsProvides: true, checksum: true },
      provides: { a: 'b' },
      depends: { c: 'd' },
      artifactGroup: 'group',
      clearsProvides: ['x.*'],
    }),
  },
}

async function prepared(t: TestContext) {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  await writeFile(at('image.ext4'), image(300_000))
  await writeFile(at('second'), 'two\n')
  await writeFile(at('empty'), '')
  await writeFile(at('meta.json'), JSON.stringify(metaData))
  const options = {
    source: at('image.ext4'),
    output: at('ours.mender'),
    name: 'release-1',
    deviceTypes: ['board', 'board-2'],
  }
  return { at, options }
}

test(
  'what the vendor’s tool writes has the facts and the digest of what is written here',
  { skip },
  async (t) => {
    const { at, options } = await prepared(t)
    let compared = 0
    for (const [what, { theirs, ours }] of Object.entries(pairs)) {
      for (const [theirName, compression] of [
        ['none', 'none'],
        ['gzip', 'gzip'],
        ['lzma', 'xz'],
      ] as const) {
        const [kind = '', ...rest] = theirs(at)
        const common = ['-n', 'release-1', '-t', 'board', '-t', 'board-2', '-o', at('theirs.mender')]
        const args = ['--compression', theirName, 'write', kind, ...common, ...rest]
        await runOk('mender-artifact', args, { what })
        const { path } = await writeMender({ ...options, compression, ...ours(at) }, plainContext())
        assert.deepEqual(
          await comparable(path),
          await comparable(at('theirs.mender')),
          `${what}, ${compression}`,
        )
        compared++
      }
    }
    t.diagnostic(`${compared} artifacts of mender-artifact have the facts of ours`)
  },
)

test(
  'what the stock generator of single files writes is the same here',
  { skip: skipGenerators },
  async (t) => {
    const { at, options } = await prepared(t)
    for (const mode of [0o644, 0o755]) {
      await chmod(at('second'), mode)
      const args = [
        '-n',
        'release-1',
        '-t',
        'board',
        '-t',
        'board-2',
        '-d',
        '/opt/app',
        '-o',
        at('theirs.mender'),
      ]
      await runOk(join(generators, 'single-file-artifact-gen'), [...args, at('second')], {
        what: 'the generator',
      })
      const payload = { kind: 'single-file', destDir: '/opt/app' } as const
      const { path } = await writeMender(
        { ...options, source: at('second'), payload, compression: 'gzip' },
        plainContext(),
      )
      assert.deepEqual(await comparable(path), await comparable(at('theirs.mender')))
    }
  },
)
