import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import {
  chmod,
  mkdir,
  open,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type MenderOptions, openArtifact, publicKeyOf, writeMender } from '../../src/artifact/artifact.ts'
import { Failure, digestOfFile, plainContext, runOk, systemClock } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { until } from '../support/until.ts'
import { failure } from './failure.ts'
import { image, sha256 } from './craft.ts'
import { ec, other, rsa } from './keys.ts'

/** Options that work, for an image of its own in a folder of its own. */
async function prepared(t: TestContext, sizeBytes = 3_500_000): Promise<MenderOptions & { folder: string }> {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, image(sizeBytes))
  return {
    folder,
    source,
    output: join(folder, 'out.mender'),
    name: 'release-1',
    deviceTypes: ['board'],
    compression: 'gzip',
  }
}

const write = (options: MenderOptions) => writeMender(options, plainContext())

async function failsWith(options: MenderOptions, reason: string, message: RegExp): Promise<void> {
  await assert.rejects(write(options), failure(reason, message))
}

test('what is written is read back with the same facts', async (t) => {
  const { folder, ...options } = await prepared(t)
  const script = join(folder, 'check.sh')
  await writeFile(script, '#!/bin/sh\n')
  const written = await write({
    ...options,
    deviceTypes: ['board', 'board-2', 'board'],
    stateScripts: [{ name: 'ArtifactInstall_Leave_10_check', path: script }],
    provides: { 'data-layout': '3' },
    depends: { 'data-layout': ['2', '3'], artifact_name: 'release-0' },
    artifactGroup: 'production',
    verify: true,
  })
  const { payloads, ...info } = await openArtifact(written.path)
  const bytes = await readFile(written.path)
  const checksum = sha256(image(3_500_000))
  assert.deepEqual(info, {
    format: 'mender',
    version: 3,
    name: 'release-1',
    group: 'production',
    deviceTypes: ['board', 'board-2'],
    depends: { device_type: ['board', 'board-2'], artifact_name: ['release-0'], 'data-layout': ['2', '3'] },
    provides: {
      artifact_name: 'release-1',
      artifact_group: 'production',
      'data-layout': '3',
      'rootfs-image.checksum': checksum,
      'rootfs-image.state-scripts': `sha256:${sha256(`[["ArtifactInstall_Leave_10_check","${sha256('#!/bin/sh\n')}"]]`)}`,
      'rootfs-image.version': 'release-1',
    },
    clearsProvides: ['artifact_group', 'rootfs_image_checksum', 'rootfs-image.*'],
    scripts: ['ArtifactInstall_Leave_10_check'],
    signature: 'none',
    compression: 'gzip',
    sizeBytes: written.sizeBytes,
    sha256: written.sha256,
    contentDigest: written.contentDigest,
  })
  assert.equal(written.sha256, `sha256:${sha256(bytes)}`)
  assert.equal(written.sizeBytes, bytes.length)
  assert.deepEqual(payloads[0]?.files, [
    { name: 'rootfs.ext4', sizeBytes: 3_500_000, checksum, date: '1970-01-01T00:00:00.000Z' },
  ])
})

test('sizes around the edges of blocks survive', async (t) => {
  const options = await prepared(t)
  for (const size of [1, 511, 512, 513, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (2 << 20) + 512]) {
    await writeFile(options.source, image(size))
    for (const compression of ['gzip', 'none'] as const) {
      const { path } = await write({ ...options, compression })
      const info = await openArtifact(path)
      assert.equal(info.payloads[0]?.files[0]?.sizeBytes, size)
      assert.equal(info.payloads[0].files[0].checksum, sha256(image(size)))
      assert.equal(info.compression, compression)
    }
  }
})

test('the same input gives the same bytes, whenever, wherever and with any number of threads', async (t) => {
  const one = await prepared(t)
  const two = await prepared(t)
  await utimes(two.source, 1, 1)
  await chmod(two.source, 0o600)
  for (const compression of ['gzip', 'none'] as const) {
    for (const signingKey of [undefined, rsa.pkcs8, ec.pkcs8]) {
      const digests = new Set<string>()
      for (const inFlight of signingKey === undefined ? [1, 2, 3, 16] : [2]) {
        const request = { compression, signing: { key: signingKey }, inFlight }
        digests.add(await digestOfFile((await write({ ...one, ...request })).path))
        const { path, sha256 } = await write({ ...two, ...request, verify: true })
        digests.add(await digestOfFile(path))
        assert.ok(sha256 !== undefined && digests.has(sha256))
      }
      assert.equal(digests.size, 1)
    }
  }
})

test(
  'a large image gives the same bytes with one core and with all',
  { skip: needs('taskset') },
  async (t) => {
    const options = await prepared(t)
    // a second thread only hashes what is large
    const file = await open(options.source, 'w')
    for (const megabyte of [0, 1, 40, 66]) await file.write(image(1_500_000), { position: megabyte << 20 })
    await file.truncate(70_000_001)
    await file.close()
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      const { path } = await write({ ...options, compression })
      const output = join(options.folder, 'other.mender')
      const other = writerProcess({ ...options, compression, output })
      await runOk('taskset', ['-c', '0', ...other], { what: 'the other process' })
      assert.equal(await digestOfFile(output), await digestOfFile(path), compression)
    }
  },
)

test('another process, with another time zone, umask and folder, writes the same bytes', async (t) => {
  const options = await prepared(t)
  const here = await digestOfFile((await write({ ...options, signing: { key: ec.pkcs8 } })).path)
  const output = join(options.folder, 'sub', 'other.mender')
  const child = spawn(
    'sh',
    ['-c', 'umask 077; exec "$0" "$@"', ...writerProcess({ ...options, signing: { key: ec.pkcs8 }, output })],
    {
      stdio: 'inherit',
      cwd: '/',
      env: { ...process.env, TZ: 'Pacific/Auckland', UV_THREADPOOL_SIZE: '1' },
    },
  )
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.equal(await digestOfFile(output), here)
})

test('signed with any kind of PEM key, it is verified by the public half and by no other', async (t) => {
  const options = await prepared(t, 100_000)
  for (const [signingKey, verifyKey] of [
    [rsa.pkcs1, rsa.public],
    [rsa.pkcs8, rsa.public],
    [ec.sec1, ec.public],
    [ec.pkcs8, ec.public],
  ] as const) {
    const { path } = await write({ ...options, signing: { key: signingKey } })
    assert.equal((await openArtifact(path)).signature, 'unverified')
    assert.equal((await openArtifact(path, { verifyKeys: [verifyKey] })).signature, 'verified')
    assert.equal((await openArtifact(path, { verifyKeys: [other.public, verifyKey] })).signature, 'verified')
    assert.equal((await openArtifact(path, { verifyKeys: [publicKeyOf(signingKey)] })).signature, 'verified')
    await assert.rejects(openArtifact(path, { verifyKeys: [other.public] }), { reason: 'artifact-unsigned' })
    await assert.rejects(openArtifact(path, { verifyKeys: ['nonsense'] }), { reason: 'bad-key' })
  }
  const { path } = await write(options)
  await assert.rejects(openArtifact(path, { verifyKeys: [rsa.public] }), { reason: 'artifact-unsigned' })
})

test('a name that is left open is made from the content', async (t) => {
  const { folder, ...options } = await prepared(t, 1000)
  const written = await write({
    ...options,
    name: { prefix: 'rootfs' },
    output: { folder },
    signing: { key: ec.pkcs8 },
  })
  assert.equal(written.name, `rootfs-${written.contentDigest.slice(7, 19)}`)
  assert.equal(written.path, join(folder, `${written.name}.mender`))
  const info = await openArtifact(written.path, { verifyKeys: [ec.public] })
  assert.equal(info.name, written.name)
  assert.equal(info.provides['rootfs-image.version'], written.name)
})

test('each wrong input is a failure of its own, and nothing is written', async (t) => {
  const { folder, ...options } = await prepared(t, 1000)
  await writeFile(join(folder, 'empty'), '')
  await writeFile(join(folder, 'a b'), 'x')
  await writeFile(join(folder, 'app.mender'), 'x')
  const at = (name: string) => ({ ...options, source: join(folder, name) })
  const before = await readdir(folder)
  await failsWith(at('missing'), 'file-missing', /missing: there is no such file/)
  await failsWith(at('empty'), 'bad-input', /is empty/)
  await failsWith(at('.'), 'bad-input', /is not a plain file/)
  await failsWith(at('a b'), 'bad-input', /a b has a name that an artifact can’t hold/)
  for (const type of ['', 'a b', 'a/b', 'a\nb', '-a', 'ä', 'a"b', 'x'.repeat(129)]) {
    await failsWith({ ...options, deviceTypes: ['board', type] }, 'bad-input', /can't be a device type/)
  }
  await failsWith({ ...options, deviceTypes: [] }, 'bad-input', /at least one/)
  for (const name of ['', 'a b', 'a/b', '.', '..', 'a\u0000', 'x'.repeat(257)]) {
    await failsWith({ ...options, name }, 'bad-input', /can't be a release's name/)
  }
  const script = { name: 'ArtifactInstall_Enter_00', path: options.source }
  await failsWith(
    { ...options, stateScripts: [{ ...script, name: 'Sync_Enter_00' }] },
    'bad-input',
    /Sync_Enter_00/,
  )
  await failsWith({ ...options, stateScripts: [script, script] }, 'bad-input', /two state scripts/)
  await failsWith(
    { ...options, stateScripts: [{ ...script, path: 'gone' }] },
    'file-missing',
    /state script gone/,
  )
  await failsWith(
    { ...options, provides: { 'rootfs-image.version': 'x' } },
    'bad-input',
    /rootfs-image.version/,
  )
  await failsWith({ ...options, depends: { device_type: 'x' } }, 'bad-input', /device_type/)
  await failsWith({ ...options, output: options.source }, 'bad-input', /the source itself/)
  await failsWith({ ...at('app.mender'), name: 'app', output: { folder } }, 'bad-input', /the source itself/)
  await failsWith({ ...options, output: folder }, 'bad-input', /is a folder/)
  await failsWith({ ...options, output: join(options.source, 'x') }, 'bad-input', /a file is in the way/)
  await failsWith(
    { ...options, sourceDigest: `sha256:${'0'.repeat(64)}` },
    'bad-input',
    /has the digest sha256:/,
  )
  assert.deepEqual(await readdir(folder), before)
})

test('a key that cannot be used is refused, and never shown', async (t) => {
  const options = await prepared(t, 1000)
  const { generateKeyPairSync } = await import('node:crypto')
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const encrypted = { ...pem, cipher: 'aes-256-cbc', passphrase: 'x' }
  const spki = { type: 'spki', format: 'pem' } as const
  const rsaOf = (modulusLength: number, privateKeyEncoding: typeof pem) =>
    generateKeyPairSync('rsa', { modulusLength, privateKeyEncoding, publicKeyEncoding: spki }).privateKey
  const ecOf = (namedCurve: string) =>
    generateKeyPairSync('ec', { namedCurve, privateKeyEncoding: pem, publicKeyEncoding: spki }).privateKey
  const ed = generateKeyPairSync('ed25519', { privateKeyEncoding: pem, publicKeyEncoding: spki }).privateKey
  const body = ec.pkcs8.split('\n')[1] ?? ''
  for (const [signingKey, message] of [
    ['nonsense', /no PEM key/],
    [rsa.public, /is a public key/],
    [ec.pkcs8.replace(body.slice(0, 20), ''), /no PEM key/],
    [rsaOf(2048, encrypted), /is encrypted/],
    [rsaOf(1024, pem), /RSA with 1024 bits/],
    [ecOf('secp384r1'), /ec \(secp384r1\)/],
    [ed, /is ed25519/],
  ] as const) {
    await failsWith({ ...options, signing: { key: signingKey } }, 'bad-key', message)
    const { message: text, cause } = await write({ ...options, signing: { key: signingKey } }).then(
      () => new Error('it was written'),
      (error: unknown) => (error instanceof Error ? error : new Error('no error')),
    )
    assert.ok(!text.includes(body.slice(4, 24)) && cause === undefined)
  }
})

test('an abort while it writes leaves nothing', async (t) => {
  const { folder, ...options } = await prepared(t, 20 << 20)
  const before = await readdir(folder)
  for (const afterMs of [0, 5, 20, 60]) {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Failure('cancelled', 'enough')), afterMs)
    const context = plainContext({ signal: controller.signal })
    await assert.rejects(writeMender({ ...options, verify: true }, context), { reason: 'cancelled' })
    assert.deepEqual(await readdir(folder), before)
  }
})

test('killed at any moment, it leaves the old file or the new one, and the next run clears up', async (t) => {
  const { folder, ...options } = await prepared(t, 8 << 20)
  await write({ ...options, name: 'old' })
  for (const afterMs of [150, 250, 350, 450, 550]) {
    const [program = '', ...args] = writerProcess({ ...options, name: 'new' })
    const child = spawn(program, args, { stdio: 'ignore' })
    setTimeout(() => child.kill('SIGKILL'), afterMs)
    await once(child, 'exit')
    const { name } = await openArtifact(join(folder, 'out.mender'))
    assert.ok(name === 'old' || name === 'new')
  }
  const left = async () => (await readdir(folder)).filter((name) => name.endsWith('.part'))
  for (const name of await left()) await utimes(join(folder, name), 1, 1)
  const alive = join(folder, `.drover-${process.pid}-00000000.part`) // ours, so somebody is still at it
  await writeFile(alive, '')
  await utimes(alive, 1, 1)
  await write({ ...options, name: 'newer' })
  assert.deepEqual(await left(), [`.drover-${process.pid}-00000000.part`])
})

test(
  'killed in the middle, each compression leaves one partial file, and no process',
  { skip: needs('xz') },
  async (t) => {
    const { folder, source, ...options } = await prepared(t, 24 << 20)
    const parts = async () => (await readdir(folder)).filter((name) => name !== 'rootfs.ext4')
    for (const compression of ['none', 'gzip', 'zstd', 'xz'] as const) {
      const [program = '', ...args] = writerProcess({ ...options, source, compression })
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
      await until('the writer has begun', async () => (await parts()).length > 0)
      const ended = once(child, 'close') // of what the writer started, too
      child.stderr.resume()
      child.kill('SIGKILL')
      await ended
      const left = await parts()
      assert.ok(
        left.length === 1 && /^\.drover-\d+-[0-9a-f]{8}\.part$|^out\.mender$/.test(left[0] ?? ''),
        left.join(),
      )
      for (const name of left) await utimes(join(folder, name), 1, 1)
      await write({ ...options, source, compression: 'none' })
      assert.deepEqual(await parts(), ['out.mender'])
      await rm(join(folder, 'out.mender'))
    }
  },
)

test('a source that changes while it is read is refused', async (t) => {
  const options = await prepared(t, 20 << 20)
  let isGrown = false
  const now = () => {
    // asked between two blocks
    if (!isGrown) appendFileSync(options.source, 'x')
    isGrown = true
    return new Date()
  }
  const context = plainContext({ clock: { ...systemClock, now } })
  await assert.rejects(writeMender(options, context), {
    reason: 'bad-input',
    message: /changed while it was read/,
  })
})

test('a full disk is named, and nothing is left on it', { skip: needs('root', 'unshare') }, async (t) => {
  const options = await prepared(t, 20 << 20)
  const small = join(options.folder, 'small')
  await mkdir(small)
  const script = [
    `${writing({ ...options, output: join(small, 'out.mender') })}.catch((error) => console.log(error.reason))`,
    `console.log((await import('node:fs')).readdirSync(${JSON.stringify(small)}).length)`,
  ].join(';')
  const shell = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"' // gone with its namespace
  const mounted = ['-m', '--propagation', 'private', 'sh', '-c', shell, small, ...evaluating(script)]
  const said = await runOk('unshare', mounted, { what: 'writing to a small disk' })
  assert.equal(said, 'disk-full\n0\n')
})

test('memory stays small whatever the size', async (t) => {
  const options = await prepared(t, 1000)
  await truncate(options.source, 2 ** 29)
  const script = `${writing({ ...options, verify: true })}; console.log(process.resourceUsage().maxRSS)`
  const [program = '', ...args] = evaluating(script)
  const kilobytes = Number(await runOk(program, args, { what: 'writing' }))
  assert.ok(kilobytes < 200 * 1024, `${kilobytes} KiB`)
  assert.ok((await stat(join(options.folder, 'out.mender'))).size < 5 << 20)
})

/** Program and arguments of a process that writes one artifact. */
function writerProcess(options: MenderOptions): string[] {
  return evaluating(writing(options))
}

function evaluating(script: string): string[] {
  return [process.execPath, '--input-type=module', '-e', script]
}

function writing(options: MenderOptions): string {
  const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  return [
    `const { writeMender } = await import(${at('../../src/artifact/artifact.ts')})`,
    `const { plainContext } = await import(${at('../../src/platform/platform.ts')})`,
    `await writeMender(${JSON.stringify(options)}, plainContext())`,
  ].join(';')
}
