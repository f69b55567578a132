// The same input gives the same bytes: whoever packs it, when, where, and with how many cores.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type MenderOptions, openArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { digestOfFile, plainContext, run, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { ec, other, rsa } from './keys.ts'
import { samples } from './payloads.ts'

const nobody = 64_123

test(
  'every kind and compression has the same bytes on another day, for another user, with other cores',
  { skip: needs('root', 'setpriv', 'taskset', 'xz', 'dpkg-deb') },
  async (t) => {
    const asNobody = ['--reuid', String(nobody), '--clear-groups', 'test', '-r', import.meta.filename]
    if ((await run('setpriv', asNobody)).code !== 0) return t.skip('other users may not read this folder')
    const folder = await temporaryFolder(t)
    const [one, two] = [join(folder, 'one'), join(folder, 'two')]
    await mkdir(one)
    const all = await samples(one, '/opt/out')
    const written: MenderOptions[] = all.flatMap(({ source, payload }) =>
      (['none', 'gzip', 'zstd', 'xz'] as const).map((compression) => ({
        source,
        payload,
        compression,
        output: join(one, 'out.mender'),
        name: 'release-1',
        deviceTypes: ['board'],
        signing: { key: ec.pkcs8 },
      })),
    )
    const here = []
    for (const options of written)
      here.push(await digestOfFile((await writeMender({ ...options, inFlight: 7 }, plainContext())).path))

    execFileSync('cp', ['-r', one, two])
    for (const name of await readdir(two, { recursive: true })) {
      const isLink = /link|dangling/.test(name)
      if (!isLink) await utimes(join(two, name), 1_000_000_000, 1_000_000_000)
    }
    execFileSync('chmod', ['-R', 'g-rwx,o-rwx', two])
    execFileSync('chown', ['-R', `${nobody}:${nobody}`, two])
    execFileSync('chmod', ['0755', folder])
    const there: unknown = JSON.parse(JSON.stringify(written).replaceAll(one, two))
    assert.deepEqual(await digestsElsewhere(there), here)
    assert.equal(new Set(here).size, here.length)
    t.diagnostic(`${here.length} artifacts have the same bytes twice`)
  },
)

/** Writes the artifacts as another user, with another umask, time zone, home and one core; gives their digests. */
async function digestsElsewhere(options: unknown): Promise<unknown> {
  const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const script = [
    `const { writeMender } = await import(${at('../../src/artifact/artifact.ts')})`,
    `const { digestOfFile, plainContext, silentLog } = await import(${at('../../src/platform/platform.ts')})`,
    `const digests = []`,
    `for (const one of JSON.parse(process.argv[1])) {`,
    `const { path } = await writeMender({ ...one, inFlight: 1 }, plainContext({ log: silentLog }))`,
    `digests.push(await digestOfFile(path)) }`,
    `console.log(JSON.stringify(digests))`,
  ].join('\n')
  const user = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups']
  const shell = 'umask 077; exec taskset -c 0 "$@"'
  const node = [process.execPath, '--input-type=module', '-e', script, JSON.stringify(options)]
  const said = await runOk('setpriv', [...user, 'sh', '-c', shell, 'sh', ...node], {
    what: 'packing as another user',
    cwd: '/',
    env: { TZ: 'Pacific/Auckland', LC_ALL: 'C', HOME: '/nonexistent', UV_THREADPOOL_SIZE: '1' },
  })
  return JSON.parse(said)
}

test('a signature changes no content digest, of any kind', { skip: needs('dpkg-deb') }, async (t) => {
  const folder = await temporaryFolder(t)
  const digests = new Map<string, string>()
  for (const { kind, source, payload } of await samples(folder, '/opt/out')) {
    const seen = new Set<string>()
    for (const [key, name] of [
      [undefined, 'a'],
      [rsa.pkcs8, 'b'],
      [ec.pkcs8, 'c'],
      [other.pkcs8, 'd'],
    ] as const) {
      const options = { source, payload, name, output: join(folder, 'out.mender'), deviceTypes: ['board'] }
      const { path, contentDigest } = await writeMender(
        { ...options, compression: name === 'd' ? 'none' : 'gzip', signing: { key } },
        plainContext(),
      )
      assert.equal((await openArtifact(path)).contentDigest, contentDigest)
      seen.add(contentDigest)
    }
    assert.equal(seen.size, 1, kind)
    for (const digest of seen) digests.set(kind, digest)
  }
  assert.equal(new Set(digests.values()).size, digests.size)
})

test('the content digest covers settings, files and type of a payload', async (t) => {
  const folder = await temporaryFolder(t)
  const [one] = await samples(folder, '/opt/out')
  assert.ok(one)
  const base = { kind: 'module-image', type: 'a', hasSource: true, files: [], metaData: {} } as const
  const seen = new Set<string>()
  const payloads = [
    base,
    { ...base, type: 'b' },
    { ...base, metaData: { a: 1 } },
    { ...base, metaData: { a: '1' } },
    { ...base, files: [join(folder, 'empty')] },
    { ...base, hasSource: false },
    { kind: 'bootstrap' },
    { kind: 'single-file', destDir: '/a', filename: 'x', permissions: '644' },
    { kind: 'single-file', destDir: '/b', filename: 'x', permissions: '644' },
    { kind: 'single-file', destDir: '/b', filename: 'x', permissions: '600' },
    { kind: 'docker', containers: ['a'], runArgs: '' },
    { kind: 'docker', containers: ['a'], runArgs: '-d' },
  ] as const
  for (const payload of payloads) {
    const options = { source: join(folder, 'app.conf'), output: join(folder, 'out.mender'), name: 'r' }
    const { contentDigest } = await writeMender(
      { ...options, payload, deviceTypes: ['board'], compression: 'gzip' },
      plainContext(),
    )
    seen.add(contentDigest)
  }
  assert.equal(seen.size, payloads.length)
})
