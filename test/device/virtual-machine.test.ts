import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from '../../src/device/device.ts'
import { type Failure, digestOfFile, plainContext, silentLog } from '../../src/platform/platform.ts'
import { baseImage } from '../support/base-image.ts'
import { remainsOf, until } from '../support/devices.ts'
import { cannotEmulate } from '../support/machines.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'

const skip = cannotEmulate()

test('vm: boots a machine for the connection alone and leaves nothing', { skip }, async (t) => {
  const parent = await ownTemporaryFolder(t)
  const image = await baseImage()
  const before = await digestOfFile(image)
  const told: string[] = []
  const log = { ...silentLog, info: (line: string) => void told.push(line) }
  const connection = await connect(`vm:${image}`, { context: plainContext({ log }) })
  undo(t, () => connection.close())
  assert.match(
    told.join('\n'),
    /, (?:kvm|tcg), state in .*\n.*: kernel \S+\n.*boots slot 2\n(?:.*\n)*ssh answered \S+ after power-on/,
  )
  assert.match((await connection.run('uname', ['-v'])).stdout, /Debian/)
  assert.match((await connection.release()) ?? '', /^example-os-/)
  const bootId = await connection.bootId()
  await connection.run('sh', ['-c', 'echo kept > /root/note; echo kept > /data/note; sync'])

  await connection.reboot({ limitMs: 120_000 })
  assert.notEqual(await connection.bootId(), bootId)
  assert.equal((await connection.run('cat', ['/root/note', '/data/note'])).stdout, 'kept\nkept\n')
  const { texts } = await connection.collect()
  assert.match(texts.console ?? '', /reboot: Restarting system/)
  assert.match(texts.kernel ?? '', /Linux version/)

  await connection.close()
  assert.deepEqual(readdirSync(parent), [])
  assert.deepEqual(remainsOf(parent), [])
  assert.equal(await digestOfFile(image), before, 'the image is as it was')
})

test('a boot that hangs is cut off, and its last words are in the failure', { skip }, async (t) => {
  const image = await imageWith(t, '#!/bin/sh\necho "waiting for what never comes"\nexec sleep 3600\n')
  const parent = await ownTemporaryFolder(t)
  const startedAt = performance.now()
  await assert.rejects(
    connect(`vm:${image}`, { context: plainContext(), limitMs: 30_000 }),
    (error: Failure) => {
      assert.equal(error.reason, 'device-unreachable')
      assert.match(
        error.message,
        /cut off 3\ds after power-on.*Its console ends with: .*waiting for what never comes/,
      )
      return true
    },
  )
  assert.ok(performance.now() - startedAt < 60_000)
  assert.deepEqual(readdirSync(parent), [])
  assert.deepEqual(remainsOf(parent), [])
})

test("a system that can't be started says why", { skip }, async (t) => {
  const image = await imageWith(t, undefined)
  await assert.rejects(connect(`vm:${image}`, { context: plainContext() }), (error: Failure) => {
    assert.equal(error.reason, 'device-unreachable')
    assert.match(error.message, /slot 2 .* doesn't boot.*the image has no \/sbin\/init/s)
    return true
  })
})

test('kill -9 of whoever started a machine ends it; an abort leaves nothing', { skip }, async (t) => {
  const parent = await ownTemporaryFolder(t)
  const image = await baseImage()
  const machines = () => remainsOf(parent).filter((line) => line.includes('qemu-system'))
  // past its first moments, in which it might end because we have
  const isBusy = () => machines().some((line) => cpuSecondsOf(/^process (\d+):/.exec(line)?.[1] ?? '') > 0.5)
  const child = spawn(process.execPath, ['--input-type=module', '--eval', starter, `vm:${image}`], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: 'ignore',
  })
  undo(t, () => child.kill('SIGKILL'))
  await until('the machine runs', isBusy, 60_000)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await until('the machine is gone', () => machines().length === 0, 5000)

  const abort = new AbortController()
  const context = plainContext({ signal: abort.signal })
  const connecting = connect(`vm:${image}`, { context })
  connecting.catch(() => {})
  await until('the next machine runs', isBusy, 60_000)
  abort.abort(new Error('enough'))
  await assert.rejects(connecting, { message: 'enough' })
  // nor is anything there of the one that was killed
  assert.deepEqual(readdirSync(parent), [])
  assert.deepEqual(remainsOf(parent), [])
})

test('the command starts a machine where it is asked to, and ends it', { skip }, async (t) => {
  const folder = join(await temporaryFolder(t), 'device')
  const command = join(import.meta.dirname, '../../src/cli/main.ts')
  const words = ['virtual-device', '--machine', '--image', await baseImage(), '--folder', folder]
  const child = spawn(process.execPath, [command, ...words, '--device-type', 'virtual', '--serial', 'SN-1'], {
    stdio: 'ignore',
    detached: true, // a process group of its own, as a shell would give it
  })
  undo(t, () => child.kill('SIGKILL'))
  const running = () =>
    remainsOf(folder).some((line) => line.includes('-machine q35') || line.includes('-machine virt'))
  await until('the machine runs', running, 60_000)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.deepEqual(remainsOf(folder), [])
  assert.match(readFileSync(join(folder, 'events'), 'utf8'), /"kind":"boot","slot":2.*\n.*"power-off".*\n$/)
})

test("what can't be a machine is refused before one is started", { skip: needs('mke2fs') }, async (t) => {
  const folder = await temporaryFolder(t)
  const context = plainContext()
  await assert.rejects(connect('vm:/nowhere', { context }), { reason: 'file-missing' })
  const garbage = join(folder, 'garbage')
  await writeFile(garbage, 'x'.repeat(100_000))
  await assert.rejects(connect(`vm:${garbage}`, { context }), { reason: 'invalid-file' })
  const empty = await fileSystem(folder, 'empty', [])
  await assert.rejects(connect(`vm:${empty}`, { context }), {
    reason: 'bad-input',
    message: /root file system/,
  })
  // an ELF header of a 32-bit Arm program
  const header = Buffer.alloc(64)
  header.write('\x7fELF\x01\x01\x01', 'latin1')
  header.writeUInt16LE(40, 18)
  await writeFile(join(folder, 'program'), header)
  const arm = await fileSystem(folder, 'arm', ['mkdir /bin', `write ${join(folder, 'program')} /bin/busybox`])
  await assert.rejects(connect(`vm:${arm}`, { context }), { reason: 'bad-input', message: /another machine/ })
})

test("a kernel that can't be fetched is a missing tool, with apt's words", { skip }, async (t) => {
  const cache = await temporaryFolder(t)
  const script = `${starter.replace('await connect', 'try { await connect')}} catch (error) { console.log(error.reason, error.message) }`
  const words = [
    '--net',
    process.execPath,
    '--input-type=module',
    '--eval',
    script,
    `vm:${await baseImage()}`,
  ]
  const said = execFileSync('unshare', words, {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, XDG_CACHE_HOME: cache },
    encoding: 'utf8',
  })
  assert.match(said, /^missing-tool the packages for \w+ virtual machines .*can't be fetched.*apt said: /)
  assert.deepEqual(readdirSync(join(cache, 'drover/machines')), [])
})

const starter = `
import { connect } from './src/device/device.ts'
import { plainContext } from './src/platform/platform.ts'
await connect(process.argv[1], { context: plainContext() })
`

/** Processor time that a process had; 0 where it is gone. */
function cpuSecondsOf(pid: string): number {
  try {
    // proc(5): fields 14 and 15, in hundredths of a second; the name before them may hold anything
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return 0
  }
}

/** A folder for temporary files that this test has for itself. */
async function ownTemporaryFolder(t: TestContext): Promise<string> {
  const parent = await temporaryFolder(t)
  const old = process.env['TMPDIR']
  process.env['TMPDIR'] = parent
  undo(t, () => (old === undefined ? delete process.env['TMPDIR'] : (process.env['TMPDIR'] = old)))
  return parent
}

/** A copy of the image with another process 1, or with none. */
async function imageWith(t: TestContext, script: string | undefined): Promise<string> {
  const folder = await temporaryFolder(t)
  const image = join(folder, 'image.ext4')
  execFileSync('cp', ['--reflink=auto', '--sparse=always', await baseImage(), image])
  const path = '/usr/sbin/virtual-init'
  const commands = [`rm ${path}`]
  if (script !== undefined) {
    await writeFile(join(folder, 'init'), script)
    commands.push(`write ${join(folder, 'init')} ${path}`, `sif ${path} mode 0100755`)
  }
  debugfs(image, commands)
  return image
}

async function fileSystem(folder: string, name: string, commands: string[]): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, '')
  await truncate(path, 4 << 20)
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', path])
  debugfs(path, commands)
  return path
}

function debugfs(path: string, commands: string[]): void {
  execFileSync('debugfs', ['-w', '-f', '-', path], { input: `${commands.join('\n')}\n`, stdio: 'pipe' })
}
