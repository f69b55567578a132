import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type ArtifactFormat, type ArtifactInfo, openArtifact } from '../../src/artifact/artifact.ts'
import { craft, defaultHeader } from '../artifact/craft.ts'
import { ec, other } from '../artifact/keys.ts'
import { signedWith } from '../artifact/signed.ts'
import { updateFile } from '../artifact/update-file.ts'
import { needs } from '../support/needs.ts'
import { dist } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

// oxlint-disable-next-line no-control-regex -- control characters are what must not be there
const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/

async function inspect(args: readonly string[], options: { readsOutput?: boolean } = {}) {
  const child = spawn(process.execPath, [join(dist, 'drover.mjs'), 'inspect-artifact', ...args], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  if (options.readsOutput === false) child.stdout.destroy()
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, ...said }
}

async function fileWith(t: TestContext, bytes: Buffer): Promise<string> {
  const path = join(await temporaryFolder(t), 'os.mender')
  await writeFile(path, bytes)
  return path
}

for (const [format, program] of [
  ['mender', 'openssl'],
  ['swupdate', 'openssl'],
  ['rauc', 'rauc'],
] as const satisfies [ArtifactFormat, string][]) {
  const skip = needs('openssl', program)
  test(
    `${format}: what people look for first stands on top, and JSON has everything`,
    { skip },
    async (t) => {
      const folder = await temporaryFolder(t)
      const { path, name, contentDigest } = await updateFile(format, folder)
      const { code, stdout, stderr } = await inspect([path])
      assert.deepEqual([code, stderr], [0, ''])
      const labels = stdout.split('\n').map((line) => /^ *\S+(?: \S+)*/.exec(line)?.[0])
      assert.deepEqual(labels.slice(0, 5), ['name', 'format', 'device types', 'signature', 'size'])
      if (format !== 'mender') assert.match(stdout, /^certificate +CN=.*, until \d{4}-\d\d-\d\d$/m)
      for (const part of [
        name,
        `${format}, version`,
        format === 'rauc' ? 'board' : 'board, plank',
        'nobody checked it',
        contentDigest,
      ])
        assert.ok(stdout.includes(part), `${part} is missing in ${stdout}`)
      assert.match(
        stdout,
        /payload 0 .*\n +file +rootfs\.ext4, 1\.0 MiB \(1048576 bytes\), sha256 [0-9a-f]{64}/,
      )

      const certificate = join(folder, 'certificate.pem')
      const json = await inspect([path, '--json', '--verify-key', certificate])
      assert.equal(json.stdout.trim().split('\n').length, 1)
      const info = JSON.parse(json.stdout) as ArtifactInfo
      assert.deepEqual([info.format, info.name, info.signature], [format, name, 'verified'])
      assert.deepEqual(info, JSON.parse(JSON.stringify({ ...(await openArtifact(path)), ...keyOf(info) })))
    },
  )
}

test('a key that has not signed, damage and a missing file end with 1 and their reason', async (t) => {
  const path = await fileWith(t, craft({ members: signedWith(ec.pkcs8) }))
  const [good, bad] = [`${path}.good`, `${path}.bad`]
  await writeFile(good, other.public + ec.public)
  await writeFile(bad, other.public)
  const cut = await fileWith(t, craft().subarray(0, 700))
  assert.match((await inspect([path, '--verify-key', good])).stdout, /^signature +valid, by the key sha256:/m)
  assert.equal((await inspect([path, '--verify-key', bad, '--verify-key', good])).code, 0)
  assert.equal((await inspect([path, '--verify-key', `${bad}, ${good}`])).code, 0)
  for (const [reason, args] of [
    ['artifact-wrong-key', [path, '--verify-key', bad]],
    ['artifact-unsigned', [await fileWith(t, craft()), '--verify-key', good]],
    ['artifact-damaged', [cut]],
    ['artifact-members', [await fileWith(t, craft({ members: (all) => all.toReversed() }))]],
    ['file-missing', [`${path}.nowhere`]],
    ['file-missing', [path, '--verify-key', `${path}.nowhere`]],
    ['bad-key', [path, '--verify-key', path]],
  ] as const) {
    const { code, stdout, stderr } = await inspect(args)
    assert.deepEqual([code, stdout], [1, ''], reason)
    assert.match(stderr, new RegExp(`^error: ${reason}: `))
    const json = await inspect([...args, '--json'])
    assert.deepEqual([json.code, JSON.parse(json.stdout)], [1, { 'failure-reason': reason }])
  }
})

test('wrong usage ends with 2 and says what would be right', async () => {
  for (const args of [[], ['a', 'b'], ['a', '--no-such-option'], ['a', '--verify-key']]) {
    const { code, stderr } = await inspect(args)
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, /drover inspect-artifact FILE/)
  }
  const help = await inspect(['--help'])
  assert.deepEqual([help.code, help.stderr], [0, ''])
  assert.match(help.stdout, /--verify-key/)
})

test('nothing in a file reaches the terminal but as text', async (t) => {
  const evil = 'a\u001b[2J\u009b31m\u202eb\r\nname  c'
  const [first = { name: '' }, type = { name: '' }] = defaultHeader
  const settings = { name: 'headers/0000/meta-data', content: JSON.stringify({ note: evil }) }
  const path = await fileWith(t, craft({ headerMembers: [first, type, settings] }))
  const text = await inspect([path])
  assert.equal(text.code, 0, text.stderr)
  assert.doesNotMatch(text.stdout, control)
  assert.equal(text.stdout.match(/^name /gm)?.length, 1)
  const json = await inspect([path, '--json'])
  assert.doesNotMatch(json.stdout, control)
  assert.deepEqual((JSON.parse(json.stdout) as ArtifactInfo).payloads[0]?.metaData, { note: evil })
  const refused = await inspect([await fileWith(t, craft({ files: [{ name: evil, content: 'x' }] }))])
  assert.equal(refused.code, 1)
  assert.doesNotMatch(refused.stderr, control)
})

test('a reader that goes away is no error with a stack', async (t) => {
  const { stderr } = await inspect([await fileWith(t, craft())], { readsOutput: false })
  assert.doesNotMatch(stderr, /\bat \w|EPIPE/)
})

/** What only a file whose signature was checked has. */
function keyOf({ signature, signedBy }: ArtifactInfo) {
  return { signature, ...(signedBy === undefined ? {} : { signedBy }) }
}
