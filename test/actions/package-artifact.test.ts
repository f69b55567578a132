import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openArtifact } from '../../src/artifact/artifact.ts'
import { image, sha256 } from '../artifact/craft.ts'
import { ec } from '../artifact/keys.ts'
import { runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

test('an image becomes a signed artifact, with outputs and a summary, and the key is masked', async (t) => {
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'rootfs.ext4'), image(2_000_000))
  await writeFile(join(workspace, 'key.pem'), ec.pkcs8)
  const run = await runInRunner('package-artifact', {
    workspace,
    inputs: {
      source: 'rootfs.ext4',
      name: 'release-1',
      'device-types': 'board, board-2',
      output: 'out/release.mender',
      'signing-key': 'key.pem',
    },
  })
  assert.equal(run.code, 0, run.log)
  const path = join(workspace, 'out/release.mender')
  const bytes = await readFile(path)
  const info = await openArtifact(path, { verifyKeys: [ec.public] })
  assert.deepEqual(run.outputs, {
    artifact: path,
    name: 'release-1',
    sha256: `sha256:${sha256(bytes)}`,
    'content-digest': info.contentDigest,
    size: String(bytes.length),
    changed: 'true',
    'failure-reason': '',
  })
  assert.deepEqual(info.deviceTypes, ['board', 'board-2'])
  assert.match(run.summary, /Packaged release-1/)
  const secretLine = ec.pkcs8.split('\n')[1] ?? ''
  assert.ok(run.masks.includes(secretLine))
  assert.ok(!run.log.replaceAll(/^::add-mask::.*$/gm, '').includes(secretLine))
})

test('without a name it is called by source and content, beside the source; a key may come from the environment', async (t) => {
  const workspace = await temporaryFolder(t)
  await mkdir(join(workspace, 'image'))
  await writeFile(join(workspace, 'image/rootfs.ext4'), image(10_000))
  const run = await runInRunner('package-artifact', {
    workspace,
    inputs: { source: 'image/rootfs.ext4', 'device-types': 'board', compression: 'none' },
    env: { DROVER_SIGNING_KEY: ec.sec1 },
  })
  assert.equal(run.code, 0, run.log)
  const name = `rootfs-${run.outputs['content-digest']?.slice(7, 19)}`
  assert.equal(run.outputs['name'], name)
  assert.equal(run.outputs['artifact'], join(workspace, `image/${name}.mender`))
  const info = await openArtifact(run.outputs['artifact'] ?? '', { verifyKeys: [ec.public] })
  assert.deepEqual([info.signature, info.compression], ['verified', 'none'])
})

test('a folder becomes an update of its own kind, and containers need no source', async (t) => {
  const workspace = await temporaryFolder(t)
  await mkdir(join(workspace, 'app'))
  await writeFile(join(workspace, 'app/file'), 'x')
  await writeFile(join(workspace, 'app.yml'), 'dest-dir: /opt/app\n')
  await writeFile(join(workspace, 'web.yml'), 'payload: docker\ncontainers: ["web:1"]\n')
  const common = { 'device-types': 'board', compression: 'zstd' }
  for (const [inputs, type] of [
    [{ source: 'app', options: 'app.yml' }, 'directory'],
    [{ options: 'web.yml' }, 'docker'],
  ] as const) {
    const run = await runInRunner('package-artifact', { workspace, inputs: { ...common, ...inputs } })
    assert.equal(run.code, 0, run.log)
    const info = await openArtifact(run.outputs['artifact'] ?? '')
    assert.deepEqual([info.payloads[0]?.type, info.compression], [type, 'zstd'])
    assert.match(info.name, new RegExp(`^${type === 'directory' ? 'app' : 'web'}-[0-9a-f]{12}$`))
    assert.match(run.log, /::warning.*zstd/)
  }
})

test('each mistake has its reason, one error, and nothing is written', async (t) => {
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'rootfs.ext4'), image(10_000))
  await writeFile(join(workspace, 'empty'), '')
  await writeFile(join(workspace, 'options.yml'), 'provides:\n  a: b\nprovide: {}\n')
  const good = { source: 'rootfs.ext4', 'device-types': 'board' }
  for (const [inputs, reason, message] of [
    [{ ...good, source: 'missing.ext4' }, 'file-missing', /missing\.ext4/],
    [{ ...good, source: 'empty' }, 'bad-input', /is empty/],
    [{ ...good, source: '.' }, 'bad-input', /directory needs the option dest-dir/],
    [{ ...good, 'device-types': '../x' }, 'bad-input', /device type/],
    [{ ...good, 'device-types': '' }, 'bad-input', /no device type was given.*device-types/],
    [{ ...good, compression: 'zip' }, 'bad-input', /gzip, none/],
    [{ ...good, format: 'swu' }, 'bad-input', /mender/],
    [{ ...good, 'signing-key': 'rootfs.ext4' }, 'bad-key', /openssl genpkey/],
    [{ ...good, options: 'options.yml' }, 'invalid-file', /options\.yml:3/],
  ] as const) {
    const run = await runInRunner('package-artifact', { workspace, inputs })
    assert.equal(run.code, 1, run.log)
    assert.equal(run.outputs['failure-reason'], reason, run.log)
    assert.match(run.errors.at(-1)?.message ?? '', message)
  }
  assert.deepEqual((await readdir(workspace)).toSorted(), ['empty', 'options.yml', 'rootfs.ext4'])
})

test('interrupted, it ends with its reason and leaves nothing', async (t) => {
  const workspace = await temporaryFolder(t)
  await writeFile(join(workspace, 'rootfs.ext4'), image(60 << 20))
  const run = await runInRunner('package-artifact', {
    workspace,
    inputs: { source: 'rootfs.ext4', 'device-types': 'board' },
    onLine: (line, signal) => {
      if (line.startsWith('drover package-artifact')) setTimeout(() => signal('SIGTERM'), 100)
    },
  })
  assert.equal(run.code, 1, run.log)
  assert.equal(run.outputs['failure-reason'], 'cancelled', run.log)
  assert.deepEqual(await readdir(workspace), ['rootfs.ext4'])
})
