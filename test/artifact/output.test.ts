import assert from 'node:assert/strict'
import { mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type MenderOptions, signArtifact, writeMender } from '../../src/artifact/artifact.ts'
import { Failure, plainContext, runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image } from './craft.ts'
import { ec } from './keys.ts'

async function prepared(t: TestContext): Promise<MenderOptions & { folder: string; output: string }> {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, image(5000))
  const output = join(folder, 'out', 'os.mender')
  return { folder, source, output, name: 'os-1', deviceTypes: ['board'], compression: 'none' }
}

async function isRefused(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof Failure, String(error))
    assert.equal(error.reason, 'bad-input')
    assert.match(error.message, message)
    return true
  })
}

test('a device, a pipe or a socket is never replaced', { skip: needs('mkfifo') }, async (t) => {
  const options = await prepared(t)
  await mkdir(join(options.folder, 'out'))
  await runOk('mkfifo', [options.output], { what: 'the pipe' })
  await isRefused(writeMender(options, plainContext()), /is a device, a pipe or a socket/)
  const made = await writeMender({ ...options, output: join(options.folder, 'os.mender') }, plainContext())
  const signing = { signing: { key: ec.pkcs8 }, output: options.output }
  await isRefused(signArtifact(made.path, signing, plainContext()), /is a device, a pipe or a socket/)
  assert.ok((await stat(options.output)).isFIFO())
  assert.deepEqual(await readdir(join(options.folder, 'out')), ['os.mender'])
})

test('a link to a folder or a device is not replaced either', async (t) => {
  const options = await prepared(t)
  const link = async (target: string) => {
    const output = join(options.folder, target.replaceAll('/', '_'))
    await symlink(target, output)
    return writeMender({ ...options, output }, plainContext())
  }
  await isRefused(link('/tmp'), /is a folder/)
  await isRefused(link('/dev/null'), /is a device/)
})

test('what was written is told with its size and whether it is signed', async (t) => {
  const options = await prepared(t)
  const said: string[] = []
  const context = {
    ...plainContext(),
    log: { ...plainContext().log, info: (line: string) => void said.push(line) },
  }
  await writeMender(options, context)
  assert.match(said.at(-1) ?? '', /os\.mender: 5000 bytes in \d+ bytes, unsigned, for no key was given$/)
  await writeMender({ ...options, signing: { key: ec.pkcs8 } }, context)
  assert.match(said.at(-1) ?? '', /bytes, signed$/)
})

test('an output that no file system takes is told as what it is', async (t) => {
  const options = await prepared(t)
  const long = join(options.folder, 'out', 'x'.repeat(300))
  await isRefused(writeMender({ ...options, output: long }, plainContext()), /takes no name as long/)
  assert.deepEqual(await readdir(join(options.folder, 'out')), [])
  const deep = join(options.folder, 'x'.repeat(300), 'os.mender')
  await isRefused(writeMender({ ...options, output: deep }, plainContext()), /takes no name as long/)
  await isRefused(
    writeMender({ ...options, output: '/proc/os.mender' }, plainContext()),
    /no file can be made/,
  )
})
